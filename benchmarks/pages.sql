-- What pages show besides bench data: three operators with most of the customers (ISP, reseller 1, third-level 1), today's
-- month to bill, zones, logins and sessions: half of all are online. {month}: the first day of the month to bill.
UPDATE billing_state SET billed_until = '{month}', charged_until = '{month}', day_charged_until = '{month}';
INSERT INTO zone (operator_id, id, name) SELECT o, o * 1000 + n, 'Zone ' || n FROM unnest(ARRAY[1, 2, 102]) AS o, generate_series(1, 50) AS n;
UPDATE customer SET zone_id = operator_id * 1000 + 1 + id % 50 WHERE operator_id IN (1, 2, 102);
INSERT INTO pool (operator_id, id, name, framed_pool) VALUES (1, 1, 'clients', 'clients');
INSERT INTO nas (operator_id, id, name, source_address, secret) VALUES (1, 1, 'core', '127.0.0.1', 'bench-secret');
INSERT INTO radius_login (operator_id, id, isp_id, username, subscription_id, down_kbps, up_kbps, pool_operator_id, pool_id)
SELECT operator_id, id, 1, username, id, 20480, 10240, 1, 1 FROM customer;
INSERT INTO radius_session_live (
    operator_id, nas_operator_id, nas_id, username, acct_session_id, nonce, login_id, login_version, framed_address, mac,
    nas_port, started_at, updated_at, interim_seconds, session_seconds, input_bytes, output_bytes)
SELECT operator_id, 1, 1, username, 's-' || id, substr(md5(id::text), 1, 8), id, 1, '10.0.0.0'::inet + id, lpad(to_hex(id), 12, '0'),
       '', now() - interval '1 hour', now() + interval '1 hour', 300, 3600, 1000000, 20000000
FROM radius_login WHERE id % 2 = 0;
-- What their people may do; of what the ISP keeps to itself nobody below is granted anything.
INSERT INTO module_grant (operator_id, permission, isp_id, parent_id)
SELECT o.id, p, 1, o.parent_id FROM operator o, unnest('{permissions}'::text[]) AS p WHERE o.depth = 0 OR p = ANY ('{grantable}'::text[]);
INSERT INTO role (operator_id, key) SELECT id, 'owner' FROM operator;
