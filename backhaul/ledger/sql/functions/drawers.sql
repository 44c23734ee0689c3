-- Cash of customers in people's hands (SPEC C10): these run as their callers, which are definer functions and hold the customer's lock.

-- into_drawer: cash that a customer gave to whoever acts goes into that person's drawer; what a customer gets back (below zero) comes out
-- of it, as far as it is there. Otherwise it is the operator's cash, and person NULL: the system, somebody of a provider, who is no
-- collector where only they have drawers. A receipt of a closed day is late: refused or listed, as the operator wants it. What is above
-- the limit is told and never refused: the customer has paid (SPEC 2.3).
CREATE OR REPLACE FUNCTION into_drawer(
    p_operator bigint, p_minor bigint, p_on date, OUT person bigint, OUT round integer, OUT late boolean, OUT above boolean)
LANGUAGE plpgsql AS $$
DECLARE
    v_user bigint := acting_user();
    v_rule record;
BEGIN
    late := false;
    above := false;
    IF v_user = 0 THEN
        RETURN;
    END IF;
    SELECT r.late_receipts, r.float_limit_minor INTO v_rule
    FROM membership m JOIN role ro ON ro.operator_id = m.operator_id AND ro.key = m.role
    LEFT JOIN drawer_rule r ON r.operator_id = m.operator_id
    WHERE m.user_id = v_user AND m.operator_id = p_operator AND m.ended_at IS NULL AND (ro.keeps_drawer OR r.everyone);
    IF NOT FOUND THEN
        RETURN;
    END IF;
    LOOP
        UPDATE drawer d SET held_minor = d.held_minor + p_minor
        WHERE d.operator_id = p_operator AND d.user_id = v_user
          AND (p_minor > 0 OR d.held_minor - COALESCE(d.waiting_minor, 0) >= -p_minor)
        RETURNING d.user_id, d.counted_through + 1, p_minor > 0 AND COALESCE(p_on <= d.closed_through, false),
                  p_minor > 0 AND COALESCE(d.held_minor > d.float_limit_minor, false)
        INTO person, round, late, above;
        IF FOUND THEN
            EXIT;
        ELSIF p_minor < 0 THEN
            late := false;      -- RETURNING nothing has emptied them
            above := false;
            RETURN;
        END IF;
        INSERT INTO drawer (operator_id, user_id, float_limit_minor) VALUES (p_operator, v_user, v_rule.float_limit_minor)
        ON CONFLICT DO NOTHING;
    END LOOP;
    IF late AND v_rule.late_receipts = 'refused' THEN
        PERFORM refuse('drawer_closed',
                       'Your drawer is closed for %s; ask the office to open the day again, or date the receipt later.', p_on::text);
    END IF;
END $$;

-- out_of_drawer: a receipt is taken back: its money leaves the drawer that it lies in, or the count that waits there. NULL = it is there
-- no more (handed over, or paid back to a customer since) and leaves the operator's cash.
CREATE OR REPLACE FUNCTION out_of_drawer(p_operator bigint, p_user bigint, p_round integer, p_minor bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE v_person bigint;
BEGIN
    UPDATE drawer d SET held_minor = d.held_minor - p_minor,
        waiting_minor = d.waiting_minor - CASE WHEN p_round <= d.counted_through THEN p_minor ELSE 0 END
    WHERE d.operator_id = p_operator AND d.user_id = p_user AND p_round > d.handed_through
      AND p_minor <= CASE WHEN d.waiting_minor IS NULL THEN d.held_minor
                          WHEN p_round <= d.counted_through THEN d.waiting_minor ELSE d.held_minor - d.waiting_minor END
    RETURNING d.user_id INTO v_person;
    RETURN v_person;
END $$;
