-- Data of `bench authorize`: one ISP with 300 resellers, {customers} logins, {sessions} of them online, {closed} past sessions.
INSERT INTO operator (id, isp_id, parent_id, depth, path, kind, slug, name)
VALUES (1, 1, NULL, 0, ARRAY[1], 'isp', 'bench', 'Bench');
INSERT INTO operator (id, isp_id, parent_id, depth, path, kind, slug, name)
SELECT n, 1, 1, 1, ARRAY[1, n], 'reseller', 'r' || n, 'R' || n FROM generate_series(2, 301) AS n;
INSERT INTO pool (operator_id, id, name, framed_pool) VALUES (1, 1, 'clients', 'clients');
INSERT INTO nas (operator_id, id, name, source_address, secret) VALUES (1, 1, 'core', '127.0.0.1', '{secret}');
INSERT INTO public.nas_directory (source_address, isp_id, cell) VALUES ('127.0.0.1', 1, 'cell1');
INSERT INTO radius_login (operator_id, id, isp_id, username, subscription_id, down_kbps, up_kbps, pool_operator_id, pool_id)
SELECT 2 + n % 300, n, 1, 'user' || n, n, 20480, 10240, 1, 1 FROM generate_series(1, {customers}) AS n;
INSERT INTO radius_password (operator_id, login_id, password) SELECT operator_id, id, 'pw-' || id FROM radius_login;
INSERT INTO radius_session_live (
    operator_id, nas_operator_id, nas_id, username, acct_session_id, nonce, login_id, login_version, framed_address, mac,
    nas_port, started_at, updated_at, interim_seconds, session_seconds, input_bytes, output_bytes)
SELECT operator_id, 1, 1, username, 's-' || id, substr(md5(id::text), 1, 8), id, 1, '10.0.0.0'::inet + id, lpad(to_hex(id), 12, '0'),
       '', now() - interval '1 hour', now(), 300, 3600, 1000000, 20000000
FROM radius_login WHERE id <= {sessions};
INSERT INTO radius_session_history (
    operator_id, nas_operator_id, nas_id, username, acct_session_id, nonce, login_id, login_version, framed_address, mac,
    nas_port, started_at, stopped_at, session_seconds, input_bytes, output_bytes, ended_by, terminate_cause)
SELECT l.operator_id, 1, 1, l.username, 'h-' || n, substr(md5(n::text), 1, 8), l.id, 1, '10.0.0.0'::inet + l.id,
       lpad(to_hex(l.id), 12, '0'), '', now() - n * interval '10 seconds' - interval '1 day', now() - n * interval '10 seconds',
       86400, 1000000, 20000000, 'stop', 'User-Request'
FROM generate_series(1, {closed}) AS n JOIN radius_login l ON l.id = 1 + n % {customers};
