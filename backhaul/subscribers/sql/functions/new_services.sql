-- Contract (app): why the acting operator may not take on so many new services now, or upgrade one (p_count 0) (SPEC 2.4); NULL when it
-- may. {"why": closed | recharge_reversed | minimum_balance | low_balance | trial | provider, and the figures of its own edge}. Of the edges above
-- its own it learns only "provider".
CREATE OR REPLACE FUNCTION why_no_new_services(p_count bigint) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_me operator%ROWTYPE;
    f fund;
BEGIN
    SELECT * INTO v_me FROM operator WHERE id = acting_operator();
    IF v_me.closed_on IS NOT NULL THEN
        RETURN '{"why": "closed"}';
    END IF;
    -- of two who sign up at once below an edge on trial the second counts the first: it waits here, in the order of who charges
    IF p_count > 0 AND EXISTS (SELECT 1 FROM fund t WHERE t.child_id = ANY (v_me.path) AND t.started_on IS NULL AND t.trial_customers IS NOT NULL) THEN
        PERFORM 1 FROM fund WHERE child_id = ANY (v_me.path) ORDER BY depth DESC, child_id FOR NO KEY UPDATE;
    END IF;
    FOR f IN SELECT * FROM fund WHERE child_id = ANY (v_me.path) ORDER BY depth DESC LOOP
        IF f.child_id <> v_me.id THEN
            IF (f.reaches_sub_operators AND f.guard_step IN ('blocks_new', 'holds_renewals', 'disabled')) OR beyond_trial(f, p_count) THEN
                RETURN '{"why": "provider"}';
            END IF;
        ELSIF f.new_blocked_why IS NOT NULL THEN
            RETURN jsonb_build_object('why', f.new_blocked_why, 'owed_minor', f.owed_minor);
        ELSIF f.guard_step IN ('blocks_new', 'holds_renewals', 'disabled') THEN
            RETURN jsonb_build_object('why', 'minimum_balance', 'available_minor', fund_headroom(f),
                                      'mark_minor', f.minimum_balance_minor + f.minimum_margin_minor);
        ELSIF EXISTS (SELECT 1 FROM operator_block b WHERE b.operator_id = v_me.id AND b.to_at IS NULL) THEN
            RETURN '{"why": "provider"}';
        ELSIF beyond_trial(f, p_count) THEN
            RETURN jsonb_build_object('why', 'trial', 'customers', f.trial_customers);
        ELSIF f.started_on IS NOT NULL AND fund_headroom(f) < f.low_balance_minor THEN
            RETURN jsonb_build_object('why', 'low_balance', 'available_minor', fund_headroom(f), 'mark_minor', f.low_balance_minor);
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

-- beyond_trial: whether so many more services below an edge that has not started are more than its trial allows.
CREATE OR REPLACE FUNCTION beyond_trial(f fund, p_count bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT f.started_on IS NULL AND f.trial_customers IS NOT NULL AND p_count > 0 AND p_count + (
        SELECT count(*) FROM subscription s JOIN operator o ON o.id = s.operator_id
        WHERE f.child_id = ANY (o.path) AND s.left_on IS NULL) > f.trial_customers
$$;
