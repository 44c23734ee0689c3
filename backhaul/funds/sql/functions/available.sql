-- fund_available(fund): what an edge can be charged now (SPEC 2.2). Prepaid: posted − held + credit limit; postpaid: what is left of the
-- limit. Nothing while its guard holds renewals. All guards use it.
CREATE OR REPLACE FUNCTION fund_available(f fund) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN f.guard_step IN ('holds_renewals', 'disabled') THEN 0
                WHEN f.mode = 'prepaid' THEN f.posted_minor - f.held_minor + f.credit_limit_minor
                ELSE f.credit_limit_minor - f.owed_minor END
$$;
