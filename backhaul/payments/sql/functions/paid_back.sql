-- Contract (app): pays a customer of the acting operator back what it holds in advance, all or part of it, out of cash, bank or mobile
-- wallet (SPEC §3 "advance paid back"); cash out of the drawer of whoever gives it, as far as it is there. A payment of its own below
-- zero, with a number like a receipt; nothing is taken from any bill.
-- The same p_request_key again returns the first; with another customer or amount it is refused. More than the advance is refused.
-- Nobody from above does it inside an operator.
-- Returns {"payment_id", "receipt_number", "left_minor": what is still held, "repeated"}.
CREATE OR REPLACE FUNCTION pay_back_advance(
    p_customer bigint, p_amount_minor bigint, p_method text, p_on date, p_now timestamptz, p_why text, p_request_key text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operator bigint := acting_operator();
    v_held bigint;
    v_known payment%ROWTYPE;
    v_receipt bigint;
    v_person bigint;            -- out of whose drawer the cash goes
    v_round integer;
BEGIN
    PERFORM refuse_inside();
    IF p_amount_minor <= 0 THEN
        PERFORM refuse('amount_not_positive', 'The amount must be more than zero.');
    ELSIF p_method NOT IN ('cash', 'bank', 'mobile_wallet') THEN
        PERFORM refuse('invalid_input', 'Say how the money was paid: cash, bank or mobile wallet.');
    END IF;
    PERFORM 1 FROM customer WHERE operator_id = v_operator AND id = p_customer FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such customer.');
    END IF;
    SELECT COALESCE(max(advance_minor), 0) INTO v_held FROM customer_advance WHERE operator_id = v_operator AND customer_id = p_customer;
    SELECT * INTO v_known FROM payment WHERE operator_id = v_operator AND request_key = p_request_key;
    IF FOUND THEN
        IF (v_known.customer_id, v_known.amount_minor, v_known.pays_back) <> (p_customer, -p_amount_minor, true) THEN
            PERFORM refuse('key_reused', 'This form was already sent with another amount; open it again.');
        END IF;
        RETURN jsonb_build_object('payment_id', v_known.id, 'receipt_number', v_known.receipt_number, 'left_minor', v_held, 'repeated', true);
    ELSIF p_amount_minor > v_held THEN
        PERFORM refuse('advance_too_small', 'That is more than the customer holds in advance; give back what is there, or less.');
    END IF;
    v_known.id := nextval('payment_id_seq');
    PERFORM add_advance(v_operator, p_customer, -p_amount_minor);
    IF p_method = 'cash' THEN
        SELECT person, round INTO v_person, v_round FROM into_drawer(v_operator, -p_amount_minor, p_on);
    END IF;
    PERFORM post_event(v_operator, 'advance_paid_back', 'own', v_known.id, p_on, p_now, jsonb_build_object('amount', p_amount_minor),
                       p_customer, p_paid => CASE WHEN v_person IS NULL THEN p_method ELSE 'cash_with_collector' END,
                       p_reason => NULLIF(p_why, ''), p_user => v_person);
    UPDATE receipt_numbering SET next_number = next_number + 1 WHERE operator_id = v_operator RETURNING next_number - 1 INTO v_receipt;
    INSERT INTO payment (operator_id, id, receipt_number, customer_id, amount_minor, method, received_on, recorded_at, actor_id, reference,
                         request_key, pays_back, drawer_user_id, drawer_round)
    VALUES (v_operator, v_known.id, v_receipt, p_customer, -p_amount_minor, p_method, p_on, p_now, acting_user(), p_why, p_request_key, true,
            v_person, v_round);
    RETURN jsonb_build_object('payment_id', v_known.id, 'receipt_number', v_receipt, 'left_minor', v_held - p_amount_minor, 'repeated', false);
END $$;
