-- What customers leave with the operator for safety (SPEC §3): taken, kept for what they owe, given back; each taken back by a further row.

-- Contract (app): one act on the deposit of a customer of the acting operator.
-- p_kind: deposit_in and deposit_given_back move money (p_method: cash, bank, mobile_wallet); deposit_kept pays dues, oldest first, and
-- has no method. Not more is kept or given back than is there, nor kept than is due; nobody from above gives one back inside an operator.
-- The same p_request_key again returns the first act; with other figures it is refused. Returns the id of its row.
CREATE OR REPLACE FUNCTION record_deposit(
    p_customer bigint, p_kind text, p_amount_minor bigint, p_method text, p_on date, p_now timestamptz, p_reason text, p_request_key text)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operator bigint := acting_operator();
    v_known deposit%ROWTYPE;
    v_id bigint;
BEGIN
    IF p_amount_minor IS NULL OR p_amount_minor <= 0 THEN
        PERFORM refuse('amount_not_positive', 'The amount must be more than zero.');
    ELSIF (p_kind = 'deposit_kept') <> (p_method IS NULL) OR p_method NOT IN ('cash', 'bank', 'mobile_wallet') THEN
        PERFORM refuse('invalid_input', 'Say how the money was paid: cash, bank or mobile wallet.');
    END IF;
    IF p_kind = 'deposit_given_back' THEN
        PERFORM refuse_inside();
    END IF;
    IF p_kind = 'deposit_kept' AND is_off(v_operator, p_customer) THEN
        PERFORM lock_chains(ARRAY[v_operator]);    -- what comes back may be charged: funds are locked before customers
    END IF;
    PERFORM 1 FROM customer WHERE operator_id = v_operator AND id = p_customer FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such customer.');
    END IF;
    SELECT * INTO v_known FROM deposit WHERE operator_id = v_operator AND request_key = p_request_key;
    IF FOUND THEN
        IF (v_known.customer_id, v_known.kind, abs(v_known.amount_minor), v_known.method, v_known.moved_on)
           IS DISTINCT FROM (p_customer, p_kind, p_amount_minor, p_method, p_on) THEN
            PERFORM refuse('key_reused', 'This form was already sent with other figures; open it again.');
        END IF;
        RETURN v_known.id;
    END IF;
    PERFORM refuse_locked(v_operator, p_on);
    IF p_kind <> 'deposit_in' THEN
        PERFORM refuse_beyond_deposit(v_operator, p_customer, p_amount_minor);
    END IF;
    INSERT INTO deposit (operator_id, customer_id, kind, amount_minor, method, moved_on, recorded_at, actor_id, reason, request_key)
    VALUES (v_operator, p_customer, p_kind, CASE p_kind WHEN 'deposit_in' THEN p_amount_minor ELSE -p_amount_minor END, p_method, p_on,
            p_now, acting_user(), p_reason, p_request_key)
    RETURNING id INTO v_id;
    PERFORM post_event(v_operator, p_kind, 'own', v_id, p_on, p_now, jsonb_build_object('amount', p_amount_minor), p_customer,
                       p_paid => p_method, p_reason => p_reason);
    IF p_kind = 'deposit_kept' THEN
        PERFORM pay_dues_with_advance(v_operator, p_customer, p_amount_minor, p_on, p_now);
    END IF;
    RETURN v_id;
END $$;

-- refuse_beyond_deposit: not more leaves a deposit than is there.
CREATE OR REPLACE FUNCTION refuse_beyond_deposit(p_operator bigint, p_customer bigint, p_amount_minor bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF p_amount_minor > (SELECT COALESCE(sum(amount_minor), 0) FROM deposit WHERE operator_id = p_operator AND customer_id = p_customer) THEN
        PERFORM refuse('deposit_too_small', 'That is more than the customer’s deposit; enter what is there, or less.');
    END IF;
END $$;

-- pay_dues_with_advance: a sum becomes the customer's advance and pays open bills, oldest first, at once; more than is open is refused.
CREATE OR REPLACE FUNCTION pay_dues_with_advance(p_operator bigint, p_customer bigint, p_amount_minor bigint, p_on date, p_now timestamptz)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    r record;
    v_left bigint := p_amount_minor;
    v_paid bigint;
BEGIN
    PERFORM add_advance(p_operator, p_customer, p_amount_minor);
    FOR r IN SELECT due_on, number, invoice_id, open_minor FROM invoice_open
             WHERE operator_id = p_operator AND customer_id = p_customer ORDER BY due_on, number LOOP
        EXIT WHEN v_left = 0;
        v_paid := apply_advance_to(p_operator, p_customer, r.invoice_id, LEAST(v_left, r.open_minor), p_on, p_now);
        DELETE FROM invoice_open
        WHERE operator_id = p_operator AND customer_id = p_customer AND due_on = r.due_on AND number = r.number AND v_paid = r.open_minor;
        UPDATE invoice_open SET open_minor = open_minor - v_paid
        WHERE operator_id = p_operator AND customer_id = p_customer AND due_on = r.due_on AND number = r.number;
        v_left := v_left - v_paid;
    END LOOP;
    IF v_left > 0 THEN
        PERFORM refuse('more_than_due', 'That is more than the customer owes; keep what is owed and give the rest back.');
    END IF;
END $$;

-- Contract (app): takes an act on a deposit back, once, on its own day or a later one: what was kept leaves the bills that it paid, newest
-- first, what came in must still be there. Returns the id of the row that does it.
CREATE OR REPLACE FUNCTION reverse_deposit(p_deposit bigint, p_on date, p_reason text, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operator bigint := acting_operator();
    d deposit%ROWTYPE;
    v_entry entry%ROWTYPE;
    v_id bigint;
BEGIN
    SELECT * INTO d FROM deposit WHERE operator_id = v_operator AND id = p_deposit AND reverses_id IS NULL;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such deposit.');
    END IF;
    PERFORM 1 FROM customer WHERE operator_id = v_operator AND id = d.customer_id FOR NO KEY UPDATE;
    SELECT * INTO STRICT v_entry FROM entry WHERE operator_id = v_operator AND kind = d.kind AND source_id = p_deposit;
    PERFORM post_reversal(v_entry, p_on, p_reason, p_now);
    IF d.kind = 'deposit_in' THEN
        PERFORM refuse_beyond_deposit(v_operator, d.customer_id, d.amount_minor);
    ELSIF d.kind = 'deposit_kept' THEN
        PERFORM take_back_advance(v_operator, d.customer_id, -d.amount_minor, p_on, p_now);
    END IF;
    INSERT INTO deposit (operator_id, customer_id, kind, amount_minor, method, moved_on, recorded_at, actor_id, reason, request_key, reverses_id)
    VALUES (v_operator, d.customer_id, d.kind, -d.amount_minor, d.method, p_on, p_now, acting_user(), p_reason, 'reverse:' || p_deposit, p_deposit)
    RETURNING id INTO v_id;
    RETURN v_id;
END $$;
