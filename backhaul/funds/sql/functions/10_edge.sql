-- The edge itself: what its fund can still bear, its terms, and how it is opened (SPEC 2.2, 2.4).

-- fund_headroom(fund): what can still be charged to it, guards aside. Prepaid: what is there and the credit limit, as far as the
-- exposure limit leaves room for credit beside what is owed. Postpaid: what may still be owed. Below zero after a recharge was taken
-- back. All guards use this figure.
CREATE OR REPLACE FUNCTION fund_headroom(f fund) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE f.mode
        WHEN 'prepaid' THEN f.posted_minor - f.held_minor + GREATEST(0, LEAST(f.credit_limit_minor, f.exposure_limit_minor - f.owed_minor))
        ELSE LEAST(f.credit_limit_minor, f.exposure_limit_minor - f.credit_limit_minor) - f.owed_minor END
$$;

-- guard_holds(fund, owner): whether the minimum-balance guard of an edge holds the renewals of an owner's customers: those of the
-- child itself always, those of operators below it by switch only (SPEC 2.4).
CREATE OR REPLACE FUNCTION guard_holds(f fund, p_owner bigint) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT f.guard_step IN ('holds_renewals', 'disabled') AND (f.reaches_sub_operators OR f.child_id = p_owner)
$$;

-- fund_available(fund): what may be charged to it whoever's customer it is for: nothing while its guard holds all renewals. What its
-- guard holds of the child's own customers alone, guard_holds says.
CREATE OR REPLACE FUNCTION fund_available(f fund) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN guard_holds(f, NULL) THEN LEAST(0, fund_headroom(f)) ELSE fund_headroom(f) END
$$;

-- fund_exposure(fund): the credit limit, unpaid recharges and postpaid charges: what the parent may lose.
CREATE OR REPLACE FUNCTION fund_exposure(f fund) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT f.credit_limit_minor + GREATEST(0, f.owed_minor) $$;

-- has_started(fund, day): whether the edge charges on a day; before that its charges are zero (SPEC 2.4).
CREATE OR REPLACE FUNCTION has_started(f fund, p_on date) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT COALESCE(f.started_on <= p_on, false) $$;

-- Contract: opens the fund of a direct child with the acting operator. p_started false: nothing is charged until start_edge.
-- Idempotent.
CREATE OR REPLACE FUNCTION open_fund(p_child bigint, p_mode text, p_started boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO fund (child_id, parent_id, depth, mode, started_on)
    SELECT id, parent_id, depth, p_mode, CASE WHEN p_started THEN '-infinity'::date END FROM operator
    WHERE id = p_child AND parent_id = acting_operator()
    ON CONFLICT (child_id) DO NOTHING;
    IF NOT FOUND AND NOT EXISTS (SELECT 1 FROM fund WHERE child_id = p_child AND parent_id = acting_operator()) THEN
        PERFORM refuse('not_found', 'There is no such operator below you.');
    END IF;
END $$;

-- lock_edge(child): the fund of a direct child of the acting operator, locked; refuses when there is none.
CREATE OR REPLACE FUNCTION lock_edge(p_child bigint) RETURNS fund
LANGUAGE plpgsql AS $$
DECLARE v_fund fund;
BEGIN
    SELECT * INTO v_fund FROM fund WHERE child_id = p_child AND parent_id = acting_operator() FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such operator below you.');
    END IF;
    RETURN v_fund;
END $$;

-- Contract: sets terms of a direct child's edge: of p_terms the columns that it names, the others stay. Refused where more credit is
-- in use or promised than the new limits allow. Who changed what stands in the parent's audit trail. Idempotent.
CREATE OR REPLACE FUNCTION set_edge_terms(p_child bigint, p_terms jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_old fund := lock_edge(p_child);
    v_new fund;
    v_changed jsonb;
BEGIN
    v_new := jsonb_populate_record(v_old, p_terms);
    SELECT jsonb_object_agg(n.key, jsonb_build_array(to_jsonb(v_old) -> n.key, n.value)) INTO v_changed
    FROM jsonb_each(to_jsonb(v_new)) AS n WHERE n.value IS DISTINCT FROM to_jsonb(v_old) -> n.key;
    IF v_changed IS NULL THEN
        RETURN;
    ELSIF NOT ARRAY(SELECT jsonb_object_keys(v_changed)) <@ ARRAY[
        'credit_limit_minor', 'low_balance_minor', 'short_days', 'charge_timing', 'charge_whole_term', 'trial_customers',
        'refund_policy', 'refund_minimum_minor', 'release_after_days', 'credit_days_for', 'exposure_limit_minor', 'min_recharge_minor',
        'capped_by_parent', 'minimum_balance_minor', 'minimum_margin_minor', 'notice_hours', 'cut_paid_periods',
        'reaches_sub_operators', 'step_in_days', 'emergency_days', 'emergency_fee_minor'] THEN
        PERFORM refuse('invalid_input', 'Only the terms of the edge can be set here.');
    ELSIF v_changed ?| ARRAY['credit_limit_minor', 'exposure_limit_minor'] AND fund_exposure(v_new) > v_new.exposure_limit_minor THEN
        PERFORM refuse('exposure_exceeded', 'Credit limit and debts together would exceed the exposure limit; set a lower credit limit, a higher exposure limit, or book what was paid first.');
    ELSIF v_new.posted_minor - v_new.held_minor + v_new.credit_limit_minor < 0
          OR (v_new.mode = 'postpaid' AND v_new.owed_minor > v_new.credit_limit_minor) THEN
        PERFORM refuse('limit_in_use', 'More than this credit limit is in use already; recharge the fund first or set a higher limit.');
    END IF;
    UPDATE fund SET
        credit_limit_minor = v_new.credit_limit_minor, low_balance_minor = v_new.low_balance_minor, short_days = v_new.short_days,
        charge_timing = v_new.charge_timing, charge_whole_term = v_new.charge_whole_term, trial_customers = v_new.trial_customers,
        refund_policy = v_new.refund_policy, refund_minimum_minor = v_new.refund_minimum_minor,
        release_after_days = v_new.release_after_days, credit_days_for = v_new.credit_days_for,
        exposure_limit_minor = v_new.exposure_limit_minor, min_recharge_minor = v_new.min_recharge_minor,
        capped_by_parent = v_new.capped_by_parent, minimum_balance_minor = v_new.minimum_balance_minor,
        minimum_margin_minor = v_new.minimum_margin_minor, notice_hours = v_new.notice_hours,
        cut_paid_periods = v_new.cut_paid_periods, reaches_sub_operators = v_new.reaches_sub_operators,
        step_in_days = v_new.step_in_days, emergency_days = v_new.emergency_days, emergency_fee_minor = v_new.emergency_fee_minor
    WHERE child_id = p_child;
    INSERT INTO audit_event (operator_id, at, actor_id, verb, subject_type, subject_id, detail)
    VALUES (acting_operator(), clock_timestamp(), acting_user(), 'terms_changed', 'edge', p_child, v_changed);
EXCEPTION WHEN check_violation OR not_null_violation OR numeric_value_out_of_range OR invalid_text_representation THEN
    PERFORM refuse('invalid_input', 'One of these terms is out of its range.');
END $$;
