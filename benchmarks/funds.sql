-- Funds for {months} months at the bench tariffs, with balanced entries in both books; every twentieth operator gets a tenth of one month.
CREATE TEMP TABLE bench_need AS
SELECT f.child_id, f.parent_id, f.depth, (sum(t.price_minor) * 105 / 100)::bigint AS month_minor
FROM fund f
JOIN operator o ON f.child_id = ANY (o.path)
JOIN subscription s ON s.operator_id = o.id
JOIN package p ON p.operator_id = s.package_operator_id AND p.id = s.package_id
JOIN tariff_price t ON t.child_id = f.child_id AND t.plan_operator_id = p.plan_operator_id AND t.plan_id = p.plan_id
GROUP BY f.child_id, f.parent_id, f.depth;
CREATE TEMP TABLE bench_recharge AS
SELECT child_id, parent_id, nextval(pg_get_serial_sequence('fund_movement', 'id')) AS id,
       CASE WHEN child_id % 20 = 7 THEN month_minor / 10 ELSE month_minor * {months} + 100000 END AS amount_minor
FROM bench_need;
INSERT INTO fund_movement (child_id, id, parent_id, kind, fund_minor, owed_minor, moved_on, recorded_at, actor_id, request_key, paid_code)
SELECT child_id, id, parent_id, 'recharge', amount_minor, 0, '2026-09-30', '2026-09-30', 0, 'bench', 'bank' FROM bench_recharge;
UPDATE fund f SET posted_minor = amount_minor FROM bench_recharge r WHERE r.child_id = f.child_id;
INSERT INTO entry (operator_id, id, kind, source_id, effective_on, recorded_at, actor_id, transfer_id)
SELECT parent_id, id * 2, 'recharge', id, '2026-09-30'::date, '2026-09-30'::timestamptz, 0, id FROM bench_recharge
UNION ALL SELECT child_id, id * 2 + 1, 'recharge', id, '2026-09-30', '2026-09-30', 0, id FROM bench_recharge;
INSERT INTO posting (operator_id, entry_id, n, debit_code, credit_code, amount_minor, debit_party, credit_party, effective_on)
SELECT parent_id, id * 2, 1::smallint, 'bank', 'operator_funds', amount_minor, NULL, child_id, '2026-09-30'::date FROM bench_recharge
UNION ALL SELECT child_id, id * 2 + 1, 1, 'fund', 'paid_to_provider', amount_minor, parent_id, NULL, '2026-09-30' FROM bench_recharge;
SELECT setval('entry_id', (SELECT max(id) + 1 FROM entry));
