-- Entries {first} to {last} of operator 1 after 1 January 2024, a hundred a day, in the accounts that the correction touches. Made
-- straight as the owner, and folded by the seal job.
INSERT INTO entry (operator_id, id, kind, source_id, effective_on, recorded_at, actor_id)
SELECT 1, 10000000 + n, 'manual', 10000000 + n, '2024-01-02'::date + (n / 100)::int, '2026-10-31', 0 FROM generate_series({first}, {last}) AS n;
INSERT INTO posting (operator_id, entry_id, n, debit_code, credit_code, amount_minor, effective_on)
SELECT 1, 10000000 + n, 1, 'cash', 'other_income', 100, '2024-01-02'::date + (n / 100)::int FROM generate_series({first}, {last}) AS n
