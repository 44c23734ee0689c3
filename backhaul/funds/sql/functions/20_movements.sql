-- Money in and out of a fund (SPEC 2.4, §3 rows 3 to 7). Every movement has a request key: the same again changes nothing.

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

-- moved_before: the movement that an earlier call with this key made; NULL for none. Refuses a key that served something else.
CREATE OR REPLACE FUNCTION moved_before(p_child bigint, p_request_key text, p_kind text, p_fund_minor bigint, p_owed_minor bigint)
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE v_known fund_movement%ROWTYPE;
BEGIN
    SELECT * INTO v_known FROM fund_movement WHERE child_id = p_child AND request_key = p_request_key;
    IF v_known.id IS NOT NULL AND (v_known.kind, v_known.fund_minor, v_known.owed_minor) <> (p_kind, p_fund_minor, p_owed_minor) THEN
        PERFORM refuse('key_reused', 'This form was already sent with another amount; open it again.');
    END IF;
    RETURN v_known.id;
END $$;

-- refuse_amount: what no movement takes.
CREATE OR REPLACE FUNCTION refuse_amount(p_amount_minor bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF p_amount_minor IS NULL OR p_amount_minor <= 0 THEN
        PERFORM refuse('amount_not_positive', 'The amount must be more than zero.');
    END IF;
END $$;

-- refuse_method: money is paid into or out of an account of this kind.
CREATE OR REPLACE FUNCTION refuse_method(p_paid text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF COALESCE(p_paid, '') NOT IN ('cash', 'bank', 'mobile_wallet') THEN
        PERFORM refuse('invalid_input', 'Say how the money was paid: cash, bank or mobile wallet.');
    END IF;
END $$;

-- refuse_closed: nothing more goes into the fund of an operator that was settled and closed (SPEC A20).
CREATE OR REPLACE FUNCTION refuse_closed(p_child bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE v_child operator%ROWTYPE;
BEGIN
    SELECT * INTO v_child FROM operator WHERE id = p_child;
    IF v_child.closed_on IS NOT NULL THEN
        PERFORM refuse('operator_closed', '%s was settled and closed on %s; nothing more goes into its fund.', v_child.name, v_child.closed_on::text);
    END IF;
END $$;

-- refuse_recharge: a recharge that the edge's terms do not allow. p_received: the whole sum that it is a part of.
CREATE OR REPLACE FUNCTION refuse_recharge(p_fund fund, p_kind text, p_amount_minor bigint, p_received_minor bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refuse_closed(p_fund.child_id);
    IF p_kind IN ('recharge', 'recharge_credit') AND p_received_minor < p_fund.min_recharge_minor THEN
        PERFORM refuse('below_minimum', 'That is less than the smallest recharge of this edge; enter more, or lower it in the limits.');
    ELSIF p_kind = 'recharge_repaid' AND p_amount_minor > p_fund.owed_minor THEN
        PERFORM refuse('more_than_owed', 'That is more than is owed; enter what was paid for the debt, and recharge with the rest.');
    ELSIF p_kind = 'recharge_credit' AND p_fund.mode = 'postpaid' AND p_fund.owed_minor + p_amount_minor > p_fund.credit_limit_minor THEN
        PERFORM refuse('limit_in_use', 'That would be more than the credit limit of this postpaid edge; set a higher limit first.');
    ELSIF p_kind = 'recharge_credit' AND fund_exposure(p_fund) + p_amount_minor > p_fund.exposure_limit_minor THEN
        PERFORM refuse('exposure_exceeded', 'Credit limit and debts together would exceed the exposure limit; book what was paid first, or set a higher limit.');
    ELSIF p_kind IN ('recharge', 'recharge_credit') AND p_fund.capped_by_parent AND fund_headroom(p_fund) + p_amount_minor
          > (SELECT fund_headroom(f) FROM fund f WHERE f.child_id = p_fund.parent_id) THEN
        PERFORM refuse('beyond_own_fund', 'The fund would then hold more than your own fund with your provider has left; recharge that one first, or take the cap off in the limits.');
    END IF;
END $$;

-- let_new_customers_in: new customers are no longer blocked once the debt of a recharge that was taken back is paid. Debts are paid
-- oldest first, so it is paid when no more is owed than what was lent after it.
CREATE OR REPLACE FUNCTION let_new_customers_in(p_child bigint) RETURNS void
LANGUAGE sql AS $$
    UPDATE fund f SET new_blocked_why = NULL
    WHERE f.child_id = p_child AND f.new_blocked_why = 'recharge_reversed' AND f.owed_minor <= (
        SELECT COALESCE(sum(m.owed_minor), 0) FROM fund_movement m WHERE m.child_id = p_child AND m.owed_minor > 0 AND m.id > (
            SELECT max(r.id) FROM fund_movement r WHERE r.child_id = p_child AND r.kind = 'recharge_reversed' AND r.owed_minor > 0))
$$;

-- Contract: puts money into the fund of a direct child, or books what it repays (SPEC §3).
-- p_kind: recharge (paid into p_paid) | recharge_credit | recharge_repaid (paid into p_paid) | bonus. p_amount_minor > 0.
-- The same p_request_key again returns the first movement; with another kind or amount it is refused. Returns the movement id.
CREATE OR REPLACE FUNCTION recharge_fund(
    p_child bigint, p_kind text, p_amount_minor bigint, p_on date, p_paid text, p_request_key text, p_note text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_fund fund := lock_edge(p_child);
    v_into_fund bigint := CASE WHEN p_kind = 'recharge_repaid' THEN 0 ELSE p_amount_minor END;
    v_owed bigint := CASE p_kind WHEN 'recharge_credit' THEN p_amount_minor WHEN 'recharge_repaid' THEN -p_amount_minor ELSE 0 END;
    v_movement bigint := moved_before(p_child, p_request_key, p_kind, v_into_fund, v_owed);
BEGIN
    IF v_movement IS NOT NULL THEN
        RETURN v_movement;
    END IF;
    PERFORM refuse_amount(p_amount_minor);
    IF p_kind NOT IN ('recharge', 'recharge_credit', 'recharge_repaid', 'bonus') THEN
        PERFORM refuse('invalid_input', '“%s” is not a kind of recharge.', p_kind);
    ELSIF p_kind IN ('recharge', 'recharge_repaid') THEN
        PERFORM refuse_method(p_paid);
    END IF;
    PERFORM refuse_recharge(v_fund, p_kind, p_amount_minor, p_amount_minor);
    v_movement := move_fund(p_child, v_fund.parent_id, p_kind, v_into_fund, v_owed, jsonb_build_object('amount', p_amount_minor), p_on,
                            p_request_key, CASE WHEN p_kind IN ('recharge', 'recharge_repaid') THEN p_paid END, p_note);
    PERFORM let_new_customers_in(p_child);
    RETURN v_movement;
END $$;

-- Contract: money received from a direct child: its debt first, the rest into the fund; or p_to_debt_minor of it to the debt where
-- the form splits it (SPEC 2.4). Returns the ids of the one or two movements; the same key again returns them.
CREATE OR REPLACE FUNCTION receive_from_child(
    p_child bigint, p_amount_minor bigint, p_to_debt_minor bigint, p_on date, p_paid text, p_request_key text, p_note text)
RETURNS bigint[]
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_fund fund := lock_edge(p_child);
    v_debt bigint := COALESCE(p_to_debt_minor, LEAST(p_amount_minor, GREATEST(0, v_fund.owed_minor)));
    v_paid_debt bigint;
    v_received bigint;
    v_movements bigint[];
BEGIN
    SELECT array_agg(id ORDER BY id), -sum(owed_minor), sum(fund_minor - owed_minor) INTO v_movements, v_paid_debt, v_received
    FROM fund_movement WHERE child_id = p_child AND request_key IN (p_request_key || ':debt', p_request_key || ':fund');
    IF v_movements IS NOT NULL THEN
        IF v_received <> p_amount_minor OR v_paid_debt <> p_to_debt_minor THEN
            PERFORM refuse('key_reused', 'This form was already sent with another amount; open it again.');
        END IF;
        RETURN v_movements;
    END IF;
    PERFORM refuse_amount(p_amount_minor);
    PERFORM refuse_method(p_paid);
    IF v_debt NOT BETWEEN 0 AND p_amount_minor THEN
        PERFORM refuse('invalid_input', 'What goes to the debt is a part of what was received.');
    END IF;
    IF v_debt > 0 THEN
        PERFORM refuse_recharge(v_fund, 'recharge_repaid', v_debt, p_amount_minor);
        v_movements := v_movements || move_fund(p_child, v_fund.parent_id, 'recharge_repaid', 0, -v_debt,
            jsonb_build_object('amount', v_debt), p_on, p_request_key || ':debt', p_paid, p_note);
    END IF;
    IF v_debt < p_amount_minor THEN
        PERFORM refuse_recharge(v_fund, 'recharge', p_amount_minor - v_debt, p_amount_minor);
        v_movements := v_movements || move_fund(p_child, v_fund.parent_id, 'recharge', p_amount_minor - v_debt, 0,
            jsonb_build_object('amount', p_amount_minor - v_debt), p_on, p_request_key || ':fund', p_paid, p_note);
    END IF;
    PERFORM let_new_customers_in(p_child);
    RETURN v_movements;
END $$;

-- Contract: takes a paid recharge back, once. What the fund no longer holds becomes a debt of the child, which may take on no new
-- customers until it is paid. Returns the movement id.
CREATE OR REPLACE FUNCTION reverse_recharge(p_child bigint, p_movement bigint, p_on date, p_reason text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_fund fund := lock_edge(p_child);
    v_done fund_movement%ROWTYPE;
    v_from_fund bigint;
    v_movement bigint;
BEGIN
    SELECT * INTO v_done FROM fund_movement WHERE child_id = p_child AND id = p_movement AND kind = 'recharge';
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such recharge.');
    ELSIF EXISTS (SELECT 1 FROM fund_movement WHERE child_id = p_child AND reverses_id = p_movement) THEN
        PERFORM refuse('already_reversed', 'This recharge was taken back before.');
    END IF;
    v_from_fund := GREATEST(0, LEAST(v_done.fund_minor, v_fund.posted_minor - v_fund.held_minor));
    IF v_fund.mode = 'postpaid' AND v_fund.owed_minor + v_done.fund_minor - v_from_fund > v_fund.credit_limit_minor THEN
        PERFORM refuse('limit_in_use', 'The debt would be more than the credit limit of this postpaid edge; set a higher limit first.');
    END IF;
    v_movement := move_fund(p_child, v_fund.parent_id, 'recharge_reversed', -v_from_fund, v_done.fund_minor - v_from_fund,
                            jsonb_build_object('from_fund', v_from_fund, 'to_owed', v_done.fund_minor - v_from_fund), p_on,
                            'reverse:' || p_movement, v_done.paid_code, p_reason, p_movement);
    UPDATE fund SET new_blocked_why = 'recharge_reversed' WHERE child_id = p_child AND v_from_fund < v_done.fund_minor;
    RETURN v_movement;
END $$;

-- unused_bonus: how much of a bonus is still in the fund. Money is used in the order in which it came in: what came later, and was not
-- taken back, is still there.
CREATE OR REPLACE FUNCTION unused_bonus(p_child bigint, p_movement bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT GREATEST(0, LEAST(m.fund_minor, f.posted_minor - f.held_minor - COALESCE((
        SELECT sum(l.fund_minor + COALESCE(b.fund_minor, 0)) FROM fund_movement l
        LEFT JOIN fund_movement b ON b.child_id = l.child_id AND b.reverses_id = l.id
        WHERE l.child_id = m.child_id AND l.id > m.id AND l.fund_minor > 0), 0)))::bigint
    FROM fund_movement m JOIN fund f ON f.child_id = m.child_id
    WHERE m.child_id = p_child AND m.id = p_movement AND m.kind = 'bonus'
      AND NOT EXISTS (SELECT 1 FROM fund_movement r WHERE r.child_id = m.child_id AND r.reverses_id = m.id)
$$;

-- Contract: takes back, once, what a direct child has not used of a bonus. Returns the movement id.
CREATE OR REPLACE FUNCTION reverse_bonus(p_child bigint, p_movement bigint, p_on date, p_reason text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_fund fund := lock_edge(p_child);
    v_unused bigint := unused_bonus(p_child, p_movement);
BEGIN
    IF EXISTS (SELECT 1 FROM fund_movement WHERE child_id = p_child AND reverses_id = p_movement AND kind = 'bonus_reversed') THEN
        PERFORM refuse('already_reversed', 'This bonus was taken back before.');
    ELSIF NOT EXISTS (SELECT 1 FROM fund_movement WHERE child_id = p_child AND id = p_movement) THEN
        PERFORM refuse('not_found', 'There is no such bonus.');
    ELSIF v_unused IS NULL THEN
        PERFORM refuse('invalid_input', 'Only a bonus is taken back like that.');
    ELSIF v_unused = 0 THEN
        PERFORM refuse('more_than_available', 'This bonus is used up; nothing of it can be taken back.');
    END IF;
    RETURN move_fund(p_child, v_fund.parent_id, 'bonus_reversed', -v_unused, 0, jsonb_build_object('amount', v_unused), p_on,
                     'reverse:' || p_movement, NULL, p_reason, p_movement);
END $$;

-- Contract: takes an amount from the fund of a direct child, with the reason: a penalty. At most what is available there.
CREATE OR REPLACE FUNCTION deduct_from_fund(p_child bigint, p_amount_minor bigint, p_on date, p_request_key text, p_reason text)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_fund fund := lock_edge(p_child);
    v_movement bigint := moved_before(p_child, p_request_key, 'deduction', -p_amount_minor, 0);
BEGIN
    IF v_movement IS NOT NULL THEN
        RETURN v_movement;
    END IF;
    PERFORM refuse_amount(p_amount_minor);
    IF COALESCE(p_reason, '') = '' THEN
        PERFORM refuse('invalid_input', 'Say what the deduction is for; the reseller reads it.');
    ELSIF p_amount_minor > (CASE v_fund.mode WHEN 'prepaid' THEN fund_headroom(v_fund) ELSE v_fund.posted_minor - v_fund.held_minor END) THEN
        PERFORM refuse('more_than_available', 'That is more than the fund has available; enter less.');
    END IF;
    RETURN move_fund(p_child, v_fund.parent_id, 'deduction', -p_amount_minor, 0, jsonb_build_object('amount', p_amount_minor), p_on,
                     p_request_key, NULL, p_reason);
END $$;

-- Contract: moves money from the fund of one direct child of the acting operator into that of another. Two movements, tied by their
-- key; both funds are locked in the one order. At most what the giver itself paid in: credit is not passed on. Returns the id of the
-- movement out.
CREATE OR REPLACE FUNCTION transfer_fund(p_child bigint, p_to bigint, p_amount_minor bigint, p_on date, p_request_key text, p_note text)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_parent bigint := acting_operator();
    v_movement bigint;
    v_left bigint;
BEGIN
    PERFORM 1 FROM fund WHERE child_id IN (p_child, p_to) AND parent_id = v_parent ORDER BY depth DESC, child_id FOR NO KEY UPDATE;
    SELECT posted_minor - held_minor - GREATEST(0, owed_minor) INTO v_left FROM fund WHERE child_id = p_child AND parent_id = v_parent;
    IF v_left IS NULL OR NOT EXISTS (SELECT 1 FROM fund WHERE child_id = p_to AND parent_id = v_parent) THEN
        PERFORM refuse('not_found', 'There is no such operator below you.');
    ELSIF p_child = p_to THEN
        PERFORM refuse('invalid_input', 'Choose two different resellers.');
    END IF;
    v_movement := moved_before(p_child, p_request_key, 'transfer_out', -p_amount_minor, 0);
    IF (v_movement IS NULL) <> (moved_before(p_to, p_request_key, 'transfer_in', p_amount_minor, 0) IS NULL) THEN
        PERFORM refuse('key_reused', 'This form was already sent for another reseller; open it again.');
    ELSIF v_movement IS NOT NULL THEN
        RETURN v_movement;
    END IF;
    PERFORM refuse_closed(p_to);
    PERFORM refuse_amount(p_amount_minor);
    IF p_amount_minor > v_left THEN
        PERFORM refuse('more_than_available', 'That is more than the fund holds beyond what is owed; enter less, or book what was paid for the debt first.');
    END IF;
    v_movement := move_fund(p_child, v_parent, 'transfer_out', -p_amount_minor, 0, jsonb_build_object('amount', p_amount_minor), p_on,
                            p_request_key, NULL, p_note);
    PERFORM move_fund(p_to, v_parent, 'transfer_in', p_amount_minor, 0, jsonb_build_object('amount', p_amount_minor), p_on,
                      p_request_key, NULL, p_note);
    RETURN v_movement;
END $$;

-- Contract: pays back what a direct child holds, at closing: at most what is there beyond what it owes, out of the account p_paid.
-- Nobody from above does it inside an operator.
CREATE OR REPLACE FUNCTION pay_back_fund(
    p_child bigint, p_amount_minor bigint, p_on date, p_paid text, p_request_key text, p_note text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_fund fund := lock_edge(p_child);
    v_movement bigint := moved_before(p_child, p_request_key, 'fund_paid_back', -p_amount_minor, 0);
BEGIN
    PERFORM refuse_inside();
    IF v_movement IS NOT NULL THEN
        RETURN v_movement;
    END IF;
    PERFORM refuse_amount(p_amount_minor);
    PERFORM refuse_method(p_paid);
    IF p_amount_minor > v_fund.posted_minor - v_fund.held_minor - GREATEST(0, v_fund.owed_minor) THEN
        PERFORM refuse('more_than_available', 'That is more than the fund holds beyond what is owed; enter less, or book what was paid for the debt first.');
    END IF;
    RETURN move_fund(p_child, v_fund.parent_id, 'fund_paid_back', -p_amount_minor, 0, jsonb_build_object('amount', p_amount_minor), p_on,
                     p_request_key, p_paid, p_note);
END $$;
