-- Counting drawers, handing them over, and what becomes of shortages (SPEC C10). Each of them locks the person's drawer first, so that a
-- payment of that person is in the count or comes after it, never between.

-- open_drawer: the drawer of somebody at the acting operator, locked, opened where there is none yet; refused for a stranger, and for who
-- takes no cash into a drawer. Returns its user.
CREATE OR REPLACE FUNCTION open_drawer(p_user bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_operator bigint := acting_operator();
    v_limit bigint;
BEGIN
    PERFORM 1 FROM drawer WHERE operator_id = v_operator AND user_id = p_user FOR NO KEY UPDATE;
    IF FOUND THEN
        RETURN p_user;
    END IF;
    PERFORM 1 FROM membership WHERE user_id = p_user AND operator_id = v_operator AND ended_at IS NULL;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such person here.');
    END IF;
    SELECT r.float_limit_minor INTO v_limit
    FROM membership m JOIN role ro ON ro.operator_id = m.operator_id AND ro.key = m.role
    LEFT JOIN drawer_rule r ON r.operator_id = m.operator_id
    WHERE m.user_id = p_user AND m.operator_id = v_operator AND m.ended_at IS NULL AND (ro.keeps_drawer OR r.everyone);
    IF NOT FOUND THEN
        PERFORM refuse('no_drawer', 'This person has no drawer: cash that it takes is in the office at once.');
    END IF;
    INSERT INTO drawer (operator_id, user_id, float_limit_minor) VALUES (v_operator, p_user, v_limit) ON CONFLICT DO NOTHING;
    PERFORM 1 FROM drawer WHERE operator_id = v_operator AND user_id = p_user FOR NO KEY UPDATE;
    RETURN p_user;
END $$;

-- Contract (app): how much cash a person may hold; NULL = as much as comes.
CREATE OR REPLACE FUNCTION set_float_limit(p_user bigint, p_limit_minor bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE v_user bigint := open_drawer(p_user);
BEGIN
    UPDATE drawer SET float_limit_minor = p_limit_minor WHERE operator_id = acting_operator() AND user_id = v_user;
END $$;

-- Contract (app): closes the days of a person's drawer through p_through; an earlier day, or NULL, opens them again and wants a reason.
CREATE OR REPLACE FUNCTION close_drawer(p_user bigint, p_through date, p_why text, p_now timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operator bigint := acting_operator();
    v_user bigint := open_drawer(p_user);
    v_was date;
BEGIN
    SELECT closed_through INTO v_was FROM drawer WHERE operator_id = v_operator AND user_id = v_user;
    IF p_through > (p_now + interval '14 hours')::date THEN     -- nowhere on earth is it that day yet
        PERFORM refuse('invalid_input', 'A day is closed when it has come.');
    ELSIF p_through IS NOT DISTINCT FROM v_was THEN
        RETURN;
    ELSIF (p_through IS NULL OR p_through < v_was) AND p_why = '' THEN
        PERFORM refuse('invalid_input', 'Say why the days are opened again.');
    END IF;
    UPDATE drawer SET closed_through = p_through WHERE operator_id = v_operator AND user_id = v_user;
    INSERT INTO drawer_closing (operator_id, user_id, through, was, reason, actor_id, at)
    VALUES (v_operator, v_user, p_through, v_was, p_why, acting_user(), p_now);
END $$;

-- Contract (app): whoever acts states what is in its drawer, blind: what should be in it is kept and shown to nobody before it is
-- received. Money that comes in from now on belongs to the next round. One hand-over of a person waits at a time.
-- The same p_request_key again returns the first; with another sum it is refused. Returns the hand-over's id.
CREATE OR REPLACE FUNCTION count_drawer(p_counted_minor bigint, p_note text, p_now timestamptz, p_request_key text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operator bigint := acting_operator();
    v_user bigint := open_drawer(acting_user());
    v_known hand_over%ROWTYPE;
    d drawer%ROWTYPE;
BEGIN
    SELECT * INTO v_known FROM hand_over WHERE operator_id = v_operator AND request_key = p_request_key;
    IF FOUND THEN
        IF (v_known.user_id, v_known.counted_minor) <> (v_user, p_counted_minor) THEN
            PERFORM refuse('key_reused', 'This form was already sent with another sum; open it again.');
        END IF;
        RETURN v_known.id;
    END IF;
    SELECT * INTO d FROM drawer WHERE operator_id = v_operator AND user_id = v_user;
    IF d.waiting_minor IS NOT NULL THEN
        PERFORM refuse('hand_over_waits', 'What you counted before was not received yet; have it received or sent back first.');
    END IF;
    UPDATE drawer SET waiting_minor = held_minor, counted_through = counted_through + 1 WHERE operator_id = v_operator AND user_id = v_user;
    INSERT INTO hand_over (operator_id, user_id, round, counted_minor, note, counted_at, request_key)
    VALUES (v_operator, v_user, d.counted_through + 1, p_counted_minor, p_note, p_now, p_request_key) RETURNING id INTO v_known.id;
    RETURN v_known.id;
END $$;

-- waiting_hand_over: a hand-over of the acting operator with its drawer locked, as whoever acts may answer it; refuses otherwise.
CREATE OR REPLACE FUNCTION waiting_hand_over(p_hand_over bigint, p_own boolean, OUT h hand_over, OUT expected bigint)
LANGUAGE plpgsql AS $$
DECLARE v_user bigint;
BEGIN
    SELECT user_id INTO v_user FROM hand_over WHERE operator_id = acting_operator() AND id = p_hand_over;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such hand-over.');
    ELSIF v_user = acting_user() AND NOT p_own THEN
        PERFORM refuse('own_hand_over', 'Somebody else receives what you hand over.');
    END IF;
    SELECT waiting_minor INTO expected FROM drawer WHERE operator_id = acting_operator() AND user_id = v_user FOR NO KEY UPDATE;
    SELECT * INTO h FROM hand_over WHERE operator_id = acting_operator() AND id = p_hand_over;
    IF h.state <> 'waiting' THEN
        PERFORM refuse('hand_over_answered', 'This hand-over was answered before.');
    END IF;
END $$;

-- Contract (app): somebody other than the collector received the counted sum: it is the operator's cash; what is missing is due from the
-- collector, what is too much is cash over. Once. Returns {"counted_minor", "expected_minor", "shortage_minor", "surplus_minor"}.
CREATE OR REPLACE FUNCTION receive_hand_over(p_hand_over bigint, p_on date, p_now timestamptz) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    w record;
    v_operator bigint := acting_operator();
    v_counted bigint;
    v_figures jsonb;
BEGIN
    SELECT * INTO w FROM waiting_hand_over(p_hand_over, false);
    v_counted := (w.h).counted_minor;
    UPDATE hand_over SET state = 'received', answered_at = p_now, answered_by_id = acting_user(), received_on = p_on,
        expected_minor = w.expected
    WHERE operator_id = v_operator AND id = p_hand_over;
    UPDATE drawer SET held_minor = held_minor - w.expected, waiting_minor = NULL, handed_through = (w.h).round
    WHERE operator_id = v_operator AND user_id = (w.h).user_id;
    v_figures := jsonb_build_object('shortage', GREATEST(w.expected - v_counted, 0), 'surplus', GREATEST(v_counted - w.expected, 0));
    PERFORM post_event(v_operator, 'collector_hand_over', 'own', p_hand_over, p_on, p_now,
                       v_figures || jsonb_build_object('amount', LEAST(v_counted, w.expected)), p_user => (w.h).user_id,
                       p_reason => NULLIF((w.h).note, ''));
    RETURN jsonb_build_object('counted_minor', v_counted, 'expected_minor', w.expected, 'shortage_minor', v_figures -> 'shortage',
                              'surplus_minor', v_figures -> 'surplus');
END $$;

-- Contract (app): a hand-over that waits is sent back, or withdrawn by the collector: the money is in the drawer still, to be counted
-- again with what came in since.
CREATE OR REPLACE FUNCTION send_back_hand_over(p_hand_over bigint, p_why text, p_now timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE w record;
BEGIN
    SELECT * INTO w FROM waiting_hand_over(p_hand_over, true);
    UPDATE hand_over SET state = 'sent_back', answered_at = p_now, answered_by_id = acting_user(), answer = p_why
    WHERE operator_id = acting_operator() AND id = p_hand_over;
    UPDATE drawer SET waiting_minor = NULL WHERE operator_id = acting_operator() AND user_id = (w.h).user_id;
END $$;

-- shortage_of: what a person of the operator owes of its shortages.
CREATE OR REPLACE FUNCTION shortage_of(p_operator bigint, p_user bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT (COALESCE((SELECT sum(expected_minor - counted_minor) FROM hand_over
                      WHERE operator_id = p_operator AND user_id = p_user AND expected_minor > counted_minor), 0)
            - COALESCE((SELECT sum(amount_minor) FROM shortage_settlement WHERE operator_id = p_operator AND user_id = p_user), 0))::bigint
$$;

-- Contract (app): a shortage of somebody else at the acting operator is paid (p_paid: cash, bank or mobile_wallet) or forgiven (NULL),
-- all of what is due or a part. The same p_request_key again returns the first; with other figures it is refused. Returns its id.
CREATE OR REPLACE FUNCTION settle_shortage(
    p_user bigint, p_amount_minor bigint, p_paid text, p_on date, p_now timestamptz, p_why text, p_request_key text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operator bigint := acting_operator();
    v_known shortage_settlement%ROWTYPE;
BEGIN
    PERFORM 1 FROM drawer WHERE operator_id = v_operator AND user_id = p_user FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such drawer.');
    ELSIF p_user = acting_user() THEN
        PERFORM refuse('own_hand_over', 'Somebody else settles what you owe.');
    END IF;
    SELECT * INTO v_known FROM shortage_settlement WHERE operator_id = v_operator AND request_key = p_request_key;
    IF FOUND THEN
        IF (v_known.user_id, v_known.amount_minor, v_known.paid_code) IS DISTINCT FROM (p_user, p_amount_minor, p_paid) THEN
            PERFORM refuse('key_reused', 'This form was already sent with other figures; open it again.');
        END IF;
        RETURN v_known.id;
    ELSIF p_amount_minor <= 0 THEN
        PERFORM refuse('amount_not_positive', 'The amount must be more than zero.');
    ELSIF p_amount_minor > shortage_of(v_operator, p_user) THEN
        PERFORM refuse('more_than_missing', 'That is more than this person owes.');
    END IF;
    INSERT INTO shortage_settlement (operator_id, user_id, amount_minor, paid_code, settled_on, why, request_key, recorded_at, actor_id)
    VALUES (v_operator, p_user, p_amount_minor, p_paid, p_on, p_why, p_request_key, p_now, acting_user()) RETURNING id INTO v_known.id;
    PERFORM post_event(v_operator, CASE WHEN p_paid IS NULL THEN 'shortage_forgiven' ELSE 'shortage_paid' END, 'own', v_known.id, p_on, p_now,
                       jsonb_build_object('amount', p_amount_minor), p_paid => p_paid, p_reason => NULLIF(p_why, ''), p_user => p_user);
    RETURN v_known.id;
END $$;
