-- Emergency fund (SPEC C2): a child lends itself some days' charges, within what its parent allows on the edge.

-- emergency_unpaid(fund): what is left of its emergency loans: debts are repaid oldest first, so all but what was lent since.
CREATE OR REPLACE FUNCTION emergency_unpaid(p_fund fund) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT GREATEST(0, LEAST(loan.minor, p_fund.owed_minor - (
               SELECT COALESCE(sum(owed_minor), 0) FROM fund_movement
               WHERE child_id = p_fund.child_id AND id > loan.last_id AND owed_minor > 0)))::bigint
    FROM (SELECT COALESCE(sum(owed_minor), 0) AS minor, max(id) AS last_id FROM fund_movement
          WHERE child_id = p_fund.child_id AND kind IN ('emergency_loan', 'emergency_fee')) AS loan
$$;

-- emergency_problem: why this fund may not lend itself a sum on a day, as a code; NULL where it may.
CREATE OR REPLACE FUNCTION emergency_problem(p_fund fund, p_days integer, p_amount_minor bigint, p_on date) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN p_fund.mode <> 'prepaid' OR p_fund.emergency_days = 0 THEN 'no_emergency_fund'
        WHEN p_days NOT BETWEEN 1 AND p_fund.emergency_days THEN 'too_many_days'
        WHEN emergency_unpaid(p_fund) > 0 THEN 'loan_unpaid'
        WHEN EXISTS (SELECT 1 FROM fund_movement WHERE child_id = p_fund.child_id AND kind = 'emergency_loan'
                     AND moved_on >= date_trunc('month', p_on) AND moved_on < date_trunc('month', p_on) + interval '1 month')
            THEN 'loan_this_month'
        WHEN p_amount_minor = 0 OR p_amount_minor <= renewable_minor(p_fund) THEN 'loan_not_needed'
        WHEN fund_exposure(p_fund) + p_amount_minor + p_fund.emergency_fee_minor > p_fund.exposure_limit_minor THEN 'exposure_exceeded'
    END
$$;

-- Contract (app): lends the acting operator's own fund the charges of the p_days from p_on on, and books the fee. p_amount_minor is the
-- sum that the person saw; another one is refused. The same p_request_key again returns the first loan.
-- Returns {"movement_id", "amount_minor", "fee_minor"}.
CREATE OR REPLACE FUNCTION take_emergency_loan(p_days integer, p_amount_minor bigint, p_on date, p_now timestamptz, p_request_key text)
RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_fund fund;
    v_key text := 'emergency:' || p_request_key;
    v_id bigint;
    v_amount bigint;
    v_problem text;
BEGIN
    SELECT * INTO v_fund FROM fund WHERE child_id = acting_operator() FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM refuse('no_emergency_fund', 'You have no provider above you, so nobody can lend you.');
    END IF;
    SELECT id, fund_minor INTO v_id, v_amount FROM fund_movement WHERE child_id = v_fund.child_id AND request_key = v_key;
    IF FOUND THEN
        RETURN jsonb_build_object('movement_id', v_id, 'amount_minor', v_amount, 'fee_minor', COALESCE((
            SELECT owed_minor FROM fund_movement WHERE child_id = v_fund.child_id AND request_key = v_key || ':fee'), 0));
    END IF;
    SELECT COALESCE(sum(net_minor + vat_minor), 0) INTO v_amount FROM plan_charges(ARRAY[v_fund.child_id], p_on, p_days);
    v_problem := emergency_problem(v_fund, p_days, v_amount, p_on);
    IF v_problem IS NOT NULL THEN
        PERFORM refuse(v_problem, CASE v_problem
            WHEN 'no_emergency_fund' THEN 'Your provider grants no emergency fund; ask it for a recharge.'
            WHEN 'too_many_days' THEN format('Your provider lends the charges of at most %s days; choose fewer.', v_fund.emergency_days)
            WHEN 'loan_unpaid' THEN 'Your last emergency loan is not repaid yet; repay it first.'
            WHEN 'loan_this_month' THEN 'You took an emergency loan this month; the next one is possible next month.'
            WHEN 'loan_not_needed' THEN 'Your fund covers these days; no loan is needed.'
            ELSE 'This loan would go beyond what your provider trusts you with; ask it for a recharge.' END);
    ELSIF v_amount <> p_amount_minor THEN
        PERFORM refuse('sum_changed', 'The charges of these days have changed meanwhile; look at the new sum and confirm again.');
    END IF;
    v_id := move_fund(v_fund.child_id, v_fund.parent_id, 'emergency_loan', v_amount, v_amount,
                      jsonb_build_object('amount', v_amount), p_on, v_key);
    IF v_fund.emergency_fee_minor > 0 THEN
        PERFORM move_fund(v_fund.child_id, v_fund.parent_id, 'emergency_fee', 0, v_fund.emergency_fee_minor,
                          jsonb_build_object('amount', v_fund.emergency_fee_minor), p_on, v_key || ':fee');
    END IF;
    PERFORM ease_locked(v_fund.child_id, p_on, p_now);
    RETURN jsonb_build_object('movement_id', v_id, 'amount_minor', v_amount, 'fee_minor', v_fund.emergency_fee_minor);
END $$;
