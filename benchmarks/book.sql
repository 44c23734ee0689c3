-- One long book: {customers} customers of operator 1 over 36 months, each billed on the 1st (net and VAT) and paid between the 3rd and the
-- 20th; every 200th pays the 10th of its bill too much onto its due, so that it stands on the wrong side for some days. Made without
-- its events, straight as the owner, a transaction stamp a month (below all real ones), and folded into day nets month by month.
-- :entries
INSERT INTO entry (operator_id, id, kind, source_id, effective_on, recorded_at, actor_id, xid)
SELECT 1, 10000000 + ({month} * {customers}::bigint + n) * 2 + k, CASE k WHEN 0 THEN 'retail_invoice' ELSE 'customer_payment' END,
       10000000 + {month} * {customers}::bigint + n, d.on_day, d.on_day + interval '4 hours', 0, (100 + {month})::text::xid8
FROM generate_series(1, {customers}) AS n CROSS JOIN (VALUES (0), (1)) AS kinds (k)
CROSS JOIN LATERAL (SELECT ('2023-11-01'::date + make_interval(months => {month}))::date + CASE k WHEN 0 THEN 0 ELSE 2 + n % 18 END AS on_day) AS d;
-- :postings
INSERT INTO posting (operator_id, entry_id, n, debit_code, credit_code, amount_minor, debit_party, credit_party, effective_on)
SELECT 1, e.id, v.n, v.debit, v.credit, v.minor, CASE WHEN v.debit = 'receivable_customers' THEN c.party END,
       CASE WHEN v.credit = 'receivable_customers' THEN c.party END, e.effective_on
FROM entry e CROSS JOIN LATERAL (SELECT e.source_id - 10000000 - {month} * {customers}::bigint AS party) AS c
CROSS JOIN LATERAL (VALUES
    ('retail_invoice', 1, 'receivable_customers', 'internet_revenue', 60000),
    ('retail_invoice', 2, 'receivable_customers', 'vat_payable', 3000),
    ('customer_payment', 1, CASE WHEN c.party % 3 = 0 THEN 'bank' ELSE 'cash' END, 'receivable_customers',
     CASE WHEN c.party % 200 = 0 THEN 69300 ELSE 63000 END)) AS v (kind, n, debit, credit, minor)
WHERE e.operator_id = 1 AND e.xid = (100 + {month})::text::xid8 AND e.kind = v.kind;
-- :fold
SELECT fold_block(1, (100 + {month})::text::xid8, (101 + {month})::text::xid8);
-- :end
SELECT fold_block(1, '136', pg_current_xact_id());
UPDATE books SET sealed_before = pg_current_xact_id() WHERE operator_id = 1;
-- :tail
INSERT INTO entry (operator_id, id, kind, source_id, effective_on, recorded_at, actor_id)
SELECT 1, 9000000 + n, 'customer_payment', 9000000 + n, '2026-10-30', '2026-10-31', 0 FROM generate_series(1, {tail}) AS n;
INSERT INTO posting (operator_id, entry_id, n, debit_code, credit_code, amount_minor, credit_party, effective_on)
SELECT 1, 9000000 + n, 1, 'cash', 'receivable_customers', 100, n, '2026-10-30' FROM generate_series(1, {tail}) AS n;
-- :scan
SELECT code, sum(net) FROM (SELECT debit_code AS code, amount_minor AS net, effective_on FROM posting WHERE operator_id = 1
    UNION ALL SELECT credit_code, -amount_minor, effective_on FROM posting WHERE operator_id = 1) AS sides
WHERE effective_on <= '{on}' GROUP BY code;
-- :scan_account
SELECT sum(CASE WHEN debit_code = 'cash' THEN amount_minor ELSE -amount_minor END) FROM posting
WHERE operator_id = 1 AND 'cash' IN (debit_code, credit_code) AND effective_on <= '{on}';
