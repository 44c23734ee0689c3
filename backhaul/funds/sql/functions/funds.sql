-- Contract: opens the fund of a direct child with the acting operator. Idempotent.
CREATE OR REPLACE FUNCTION open_fund(p_child bigint, p_mode text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO fund (child_id, parent_id, depth, mode)
    SELECT id, parent_id, depth, p_mode FROM operator WHERE id = p_child AND parent_id = acting_operator()
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

-- Contract: sets the guards of a direct child's fund. A credit limit below what is in use is refused by the fund's CHECK.
CREATE OR REPLACE FUNCTION set_fund_limits(p_child bigint, p_credit_limit_minor bigint, p_low_balance_minor bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM lock_edge(p_child);
    UPDATE fund SET credit_limit_minor = p_credit_limit_minor, low_balance_minor = p_low_balance_minor WHERE child_id = p_child;
EXCEPTION WHEN check_violation THEN
    PERFORM refuse('limit_in_use', 'More than this credit limit is in use already; recharge the fund first or set a higher limit.');
END $$;

-- move_fund: one movement of a locked fund with its entries in both books; runs as its caller. Returns the movement id.
CREATE OR REPLACE FUNCTION move_fund(
    p_child bigint, p_parent bigint, p_kind text, p_fund_minor bigint, p_owed_minor bigint, p_amounts jsonb, p_on date,
    p_request_key text, p_paid text DEFAULT NULL, p_note text DEFAULT '', p_reverses bigint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_id bigint;
    v_now timestamptz := clock_timestamp();
BEGIN
    INSERT INTO fund_movement (child_id, parent_id, kind, fund_minor, owed_minor, net_minor, vat_minor, moved_on, recorded_at,
                               actor_id, request_key, paid_code, note, reverses_id)
    VALUES (p_child, p_parent, p_kind, p_fund_minor, p_owed_minor, COALESCE((p_amounts ->> 'net')::bigint, 0),
            COALESCE((p_amounts ->> 'vat')::bigint, 0), p_on, v_now, acting_user(), p_request_key, p_paid, p_note, p_reverses)
    RETURNING id INTO v_id;
    UPDATE fund SET posted_minor = posted_minor + p_fund_minor, owed_minor = owed_minor + p_owed_minor WHERE child_id = p_child;
    PERFORM post_event(p_parent, p_kind, 'parent', v_id, p_on, v_now, p_amounts, NULL, p_child, p_paid, v_id, NULLIF(p_note, ''));
    PERFORM post_event(p_child, p_kind, 'child', v_id, p_on, v_now, p_amounts, NULL, p_parent, NULL, v_id, NULLIF(p_note, ''));
    RETURN v_id;
END $$;

-- Contract: puts money into the fund of a direct child, or books what it repays (SPEC §3 rows 3 to 5).
-- p_kind: recharge (paid into p_paid) | recharge_credit | recharge_repaid (paid into p_paid) | bonus. p_amount_minor > 0.
-- The same p_request_key again returns the first movement; with another kind or amount it is refused. Returns the movement id.
CREATE OR REPLACE FUNCTION recharge_fund(
    p_child bigint, p_kind text, p_amount_minor bigint, p_on date, p_paid text, p_request_key text, p_note text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_fund fund := lock_edge(p_child);
    v_known fund_movement%ROWTYPE;
    v_into_fund bigint := CASE WHEN p_kind = 'recharge_repaid' THEN 0 ELSE p_amount_minor END;
    v_owed bigint := CASE p_kind WHEN 'recharge_credit' THEN p_amount_minor WHEN 'recharge_repaid' THEN -p_amount_minor ELSE 0 END;
BEGIN
    SELECT * INTO v_known FROM fund_movement WHERE child_id = p_child AND request_key = p_request_key;
    IF FOUND THEN
        IF v_known.kind <> p_kind OR v_known.fund_minor <> v_into_fund OR v_known.owed_minor <> v_owed THEN
            PERFORM refuse('key_reused', 'This form was already sent with another amount; open it again.');
        END IF;
        RETURN v_known.id;
    ELSIF p_amount_minor <= 0 THEN
        PERFORM refuse('amount_not_positive', 'The amount must be more than zero.');
    ELSIF p_kind NOT IN ('recharge', 'recharge_credit', 'recharge_repaid', 'bonus') THEN
        PERFORM refuse('invalid_input', format('“%s” is not a kind of recharge.', p_kind));
    ELSIF p_kind IN ('recharge', 'recharge_repaid') AND COALESCE(p_paid, '') NOT IN ('cash', 'bank', 'mobile_wallet') THEN
        PERFORM refuse('invalid_input', 'Say how the money was paid: cash, bank or mobile wallet.');
    ELSIF v_fund.owed_minor + v_owed < 0 THEN
        PERFORM refuse('more_than_owed', 'That is more than is owed; enter what was paid for the debt, and recharge with the rest.');
    ELSIF v_fund.mode = 'postpaid' AND v_owed > 0 AND v_fund.owed_minor + v_owed > v_fund.credit_limit_minor THEN
        PERFORM refuse('limit_in_use', 'That would be more than the credit limit of this postpaid edge; set a higher limit first.');
    END IF;
    RETURN move_fund(p_child, v_fund.parent_id, p_kind, v_into_fund, v_owed, jsonb_build_object('amount', p_amount_minor), p_on,
                     p_request_key, CASE WHEN p_kind IN ('recharge', 'recharge_repaid') THEN p_paid END, p_note);
END $$;

-- Contract: takes a paid recharge back, once. What the fund no longer holds becomes a debt of the child. Returns the movement id.
CREATE OR REPLACE FUNCTION reverse_recharge(p_child bigint, p_movement bigint, p_on date, p_reason text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_fund fund := lock_edge(p_child);
    v_done fund_movement%ROWTYPE;
    v_from_fund bigint;
BEGIN
    SELECT * INTO v_done FROM fund_movement WHERE child_id = p_child AND id = p_movement AND kind = 'recharge';
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such recharge.');
    ELSIF EXISTS (SELECT 1 FROM fund_movement WHERE child_id = p_child AND reverses_id = p_movement) THEN
        PERFORM refuse('already_reversed', 'This recharge was taken back before.');
    END IF;
    v_from_fund := GREATEST(0, LEAST(v_done.fund_minor, v_fund.posted_minor - v_fund.held_minor));
    RETURN move_fund(p_child, v_fund.parent_id, 'recharge_reversed', -v_from_fund, v_done.fund_minor - v_from_fund,
                     jsonb_build_object('from_fund', v_from_fund, 'to_owed', v_done.fund_minor - v_from_fund), p_on,
                     'reverse:' || p_movement, v_done.paid_code, p_reason, p_movement);
END $$;
