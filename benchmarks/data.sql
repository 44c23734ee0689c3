-- Bench data (ARCHITECTURE §7): one ISP, 301 operators in three levels below it (20, 80, 200), ten plans, VAT of 5 % everywhere,
-- {customers} customers, the n-th of operator {owner}, 5 % of the funds short. Run as a superuser in a cell that is empty.

INSERT INTO operator (id, isp_id, parent_id, depth, path, kind, slug, name)
VALUES (1, 1, NULL, 0, '{{1}}', 'isp', 'bench', 'Bench');
INSERT INTO operator (id, isp_id, parent_id, depth, path, kind, slug, name)
SELECT 1 + n, 1, 1, 1, ARRAY[1, 1 + n], 'reseller', 'r' || n, 'Reseller ' || n FROM generate_series(1, 20) n;
INSERT INTO operator (id, isp_id, parent_id, depth, path, kind, slug, name)
SELECT 21 + n, 1, p.id, 2, p.path || (21 + n)::bigint, 'sub_operator', 's' || n, 'Sub ' || n
FROM generate_series(1, 80) n JOIN operator p ON p.id = 2 + (n - 1) % 20;
INSERT INTO operator (id, isp_id, parent_id, depth, path, kind, slug, name)
SELECT 101 + n, 1, p.id, 3, p.path || (101 + n)::bigint, 'sub_operator', 't' || n, 'Third ' || n
FROM generate_series(1, 200) n JOIN operator p ON p.id = 22 + (n - 1) % 80;

INSERT INTO books (operator_id) SELECT id FROM operator;
INSERT INTO account (operator_id, code, number, name, kind, party_kind)
SELECT o.id, c.code, c.number, c.name, c.kind, c.party_kind FROM operator o CROSS JOIN chart_template c;
INSERT INTO invoice_numbering (operator_id) SELECT id FROM operator;
INSERT INTO receipt_numbering (operator_id) SELECT id FROM operator;
INSERT INTO customer_numbering (operator_id, prefix) SELECT id, slug || '-' FROM operator;
INSERT INTO vat_setting (operator_id, starts_on, registered, rate_bp) SELECT id, '2020-01-01', true, 500 FROM operator;
INSERT INTO fund (child_id, parent_id, depth) SELECT id, parent_id, depth FROM operator WHERE depth > 0;
INSERT INTO plan (operator_id, id, name, down_kbps, up_kbps) SELECT 1, n, 'Plan ' || n, n * 5000, n * 5000 FROM generate_series(1, 10) n;
INSERT INTO package (operator_id, id, name, plan_operator_id, plan_id, price_minor, handed_down)
SELECT 1, n, 'Package ' || n, 1, n, 50000 + n * 5000, true FROM generate_series(1, 10) n;
INSERT INTO billing_profile (operator_id, id, name, billing_type, cycle, cycle_day, due_days, handed_down)
VALUES (1, 1, 'Monthly 1st', 'monthly', 'calendar', 1, 10, true);
INSERT INTO tariff_price (child_id, parent_id, plan_operator_id, plan_id, starts_on, price_minor, set_at)
SELECT o.id, o.parent_id, 1, p.id, '2020-01-01', 20000 + p.id * 3000 + o.depth * 5000, '2020-01-01'
FROM operator o CROSS JOIN plan p WHERE o.depth > 0;

INSERT INTO customer (operator_id, id, code, name, mobile, joined_on, username)
SELECT {owner}, n, 'C' || lpad(n::text, 7, '0'), (ARRAY['Rahim','Karim','Nusrat','Farhana','Babul','Shafiq','Ishrat','Kamal'])[1 + n % 8]
       || ' ' || (ARRAY['Das','Ahmed','Sarker','Begum','Mia','Khatun','Paul','Bhuiyan'])[1 + (n / 8) % 8], '017' || lpad((n::bigint * 7919 % 100000000)::text, 8, '0'),
       '2026-01-01', 'user' || n
FROM generate_series(1, {customers}) n;
INSERT INTO subscription (operator_id, id, customer_id, package_operator_id, package_id, profile_operator_id, profile_id, anchor_day, activated_on)
SELECT {owner}, n, n, 1, 1 + (n / 301) % 10, 1, 1, 1, '2026-01-01' FROM generate_series(1, {customers}) n;
INSERT INTO billing_state (operator_id, subscription_id, billed_until, charged_until, day_charged_until)
SELECT operator_id, id, '2026-10-01', '2026-10-01', '2026-10-01' FROM subscription;
INSERT INTO customer_advance (operator_id, customer_id, advance_minor) SELECT operator_id, customer_id, 0 FROM subscription WHERE id % 20 = 0;

ANALYZE;
