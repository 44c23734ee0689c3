-- Statements of a fund that both sides confirm (SPEC C9), what is said against their lines, and requests for money.

-- lock_own_edge(child): the fund of which the acting operator is an end, locked: no movement is under way while it is.
CREATE OR REPLACE FUNCTION lock_own_edge(p_child bigint) RETURNS fund
LANGUAGE plpgsql AS $$
DECLARE v_fund fund;
BEGIN
    SELECT * INTO v_fund FROM fund
    WHERE child_id = p_child AND (child_id = acting_operator() OR parent_id = acting_operator()) FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such fund.');
    END IF;
    RETURN v_fund;
END $$;

-- Contract (app): writes down what a finished month of a fund came to; either end may. The figures never change afterwards; a movement
-- dated into the month later shows as a difference. Again changes nothing.
CREATE OR REPLACE FUNCTION prepare_statement(p_child bigint, p_month date, p_today date, p_now timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE v_fund fund := lock_own_edge(p_child);
BEGIN
    IF p_month <> date_trunc('month', p_month)::date OR p_today < p_month + interval '1 month' THEN
        PERFORM refuse('month_not_over', 'A statement is made when its month is over.');
    END IF;
    INSERT INTO fund_statement (child_id, month_on, parent_id, opening_minor, credits_minor, debits_minor, closing_minor, owed_minor,
                                last_movement_id, digest, prepared_at)
    SELECT v_fund.child_id, p_month, v_fund.parent_id, opening, credits, debits, opening + credits - debits, owed, last_id, digest, p_now
    FROM (
        SELECT COALESCE(sum(fund_minor) FILTER (WHERE NOT inside), 0) AS opening,
               COALESCE(sum(fund_minor) FILTER (WHERE inside AND fund_minor > 0), 0) AS credits,
               COALESCE(-sum(fund_minor) FILTER (WHERE inside AND fund_minor < 0), 0) AS debits,
               COALESCE(sum(owed_minor), 0) AS owed, (SELECT max(id) FROM fund_movement WHERE child_id = p_child) AS last_id,
               encode(sha256(convert_to(COALESCE(string_agg(
                   concat_ws(' ', id, kind, fund_minor, owed_minor, net_minor, vat_minor, moved_on), E'\n' ORDER BY id)
                   FILTER (WHERE inside), ''), 'UTF8')), 'hex') AS digest
        FROM (SELECT m.*, m.moved_on >= p_month AS inside FROM fund_movement m
              WHERE m.child_id = p_child AND m.moved_on < p_month + interval '1 month') AS moved) AS figures
    ON CONFLICT (child_id, month_on) DO NOTHING;
END $$;

-- Contract (app): the acting operator's side confirms a prepared month, once; not while something of it is disputed.
CREATE OR REPLACE FUNCTION confirm_statement(p_child bigint, p_month date, p_now timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_fund fund := lock_own_edge(p_child);
    v_is_child boolean := p_child = acting_operator();
BEGIN
    PERFORM 1 FROM fund_statement WHERE child_id = p_child AND month_on = p_month FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such statement.');
    END IF;
    PERFORM 1 FROM fund_dispute d JOIN fund_movement m ON m.child_id = d.child_id AND m.id = d.movement_id
    WHERE d.child_id = p_child AND d.settled_at IS NULL AND m.moved_on >= p_month AND m.moved_on < p_month + interval '1 month';
    IF FOUND THEN
        PERFORM refuse('statement_disputed', 'A line of this month is disputed; settle that first, then confirm.');
    END IF;
    UPDATE fund_statement SET child_confirmed_at = p_now, child_confirmed_by = acting_user()
    WHERE v_is_child AND child_id = p_child AND month_on = p_month AND child_confirmed_at IS NULL;
    UPDATE fund_statement SET parent_confirmed_at = p_now, parent_confirmed_by = acting_user()
    WHERE NOT v_is_child AND child_id = p_child AND month_on = p_month AND parent_confirmed_at IS NULL;
END $$;

-- Contract (app): one end says what is wrong with a movement; the same words again while they are open change nothing. Returns the id.
CREATE OR REPLACE FUNCTION dispute_movement(p_child bigint, p_movement bigint, p_what text, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_fund fund := lock_own_edge(p_child);
    v_is_child boolean := p_child = acting_operator();
    v_id bigint;
BEGIN
    PERFORM 1 FROM fund_movement WHERE child_id = p_child AND id = p_movement;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such movement.');
    END IF;
    SELECT id INTO v_id FROM fund_dispute WHERE child_id = p_child AND movement_id = p_movement AND said_by_child = v_is_child
        AND what = p_what AND settled_at IS NULL;
    IF NOT FOUND THEN
        INSERT INTO fund_dispute (child_id, parent_id, movement_id, said_by_child, what, said_at)
        VALUES (p_child, v_fund.parent_id, p_movement, v_is_child, p_what, p_now) RETURNING id INTO v_id;
    END IF;
    RETURN v_id;
END $$;

-- Contract (app): the other end answers a dispute, which settles it, once.
CREATE OR REPLACE FUNCTION settle_dispute(p_child bigint, p_dispute bigint, p_how text, p_now timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_fund fund := lock_own_edge(p_child);
    v_said fund_dispute%ROWTYPE;
BEGIN
    SELECT * INTO v_said FROM fund_dispute WHERE child_id = p_child AND id = p_dispute;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such dispute.');
    ELSIF v_said.said_by_child = (v_fund.child_id = acting_operator()) THEN
        PERFORM refuse('own_dispute', 'The other side settles what you have said; it sees it on its page.');
    ELSIF v_said.settled_at IS NOT NULL THEN
        PERFORM refuse('already_settled', 'This was settled before.');
    END IF;
    UPDATE fund_dispute SET settled_at = p_now, settled_how = p_how WHERE child_id = p_child AND id = p_dispute;
END $$;

-- Contract (app): the acting operator asks its provider for a recharge of its own fund; the provider sees the last request until money
-- has come in. The same p_request_key again changes nothing.
CREATE OR REPLACE FUNCTION ask_for_recharge(p_amount_minor bigint, p_note text, p_now timestamptz, p_request_key text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE v_fund fund := lock_own_edge(acting_operator());
BEGIN
    IF p_amount_minor <= 0 THEN
        PERFORM refuse('amount_not_positive', 'The amount must be more than zero.');
    END IF;
    INSERT INTO fund_request (child_id, parent_id, amount_minor, note, asked_at, by_actor_id, request_key)
    VALUES (v_fund.child_id, v_fund.parent_id, p_amount_minor, p_note, p_now, acting_user(), p_request_key)
    ON CONFLICT (child_id, request_key) DO NOTHING;
END $$;
