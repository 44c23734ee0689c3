-- Contract (app): records money received from a customer of the acting operator and allocates it: oldest due first, by due date, then
-- number, over all subscriptions; the surplus becomes advance. Never refused for lack of dues or of funds (SPEC 2.3, B25).
-- The same p_request_key again returns the first payment; with another customer or amount it is refused.
-- p_alone: the caller does nothing else in this transaction. Where a service of the customer is off it would have to, since the
-- payment may bring that back: then nothing is done and NULL returned. Not alone, where a service is cut while this waits: 40001, since
-- its return charges, and funds are locked before customers; the whole transaction is to be tried again.
-- Returns {"payment_id", "receipt_number", "applied_minor", "surplus_minor", "due_minor" still open, "overdue_minor", "repeated",
-- "blocked": some service of the customer is off, or begins its next period with this money, "above_limit": the drawer of whoever took
-- the cash holds more than it may}.
-- Every statement and every call on the way costs as much as the row that it writes, so there are few (docs/performance.md).
CREATE OR REPLACE FUNCTION record_payment(
    p_customer bigint, p_amount_minor bigint, p_method text, p_received_on date, p_now timestamptz, p_reference text, p_request_key text,
    p_alone boolean) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operator bigint := acting_operator();
    v_seen record;
    v_may_charge boolean;
    v_id bigint;
    v_receipt bigint;
    v_left bigint := p_amount_minor;
    v_part bigint;
    v_due bigint := 0;
    v_overdue bigint := 0;
    v_person bigint;            -- whose drawer the cash comes into
    v_round integer;
    v_late boolean := false;
    v_above boolean := false;
    r record;
BEGIN
    IF p_amount_minor <= 0 THEN
        PERFORM refuse('amount_not_positive', 'The amount must be more than zero.');
    ELSIF p_method NOT IN ('cash', 'bank', 'mobile_wallet', 'tax_withheld') THEN
        PERFORM refuse('invalid_input', 'Say how the money was paid: cash, bank or mobile wallet.');
    END IF;
    v_may_charge := NOT p_alone AND (is_off(v_operator, p_customer) OR begins_with_payment(v_operator, p_customer, p_received_on));
    IF v_may_charge THEN
        PERFORM lock_chains(ARRAY[v_operator]);    -- a reactivation may charge: funds are locked before customers
    END IF;
    PERFORM 1 FROM customer WHERE operator_id = v_operator AND id = p_customer FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such customer.');
    END IF;
    -- as it is now: while this waited for the customer, a run may have cut it, or the same form have come in
    SELECT is_off(v_operator, p_customer) AS blocked,
           COALESCE(p_received_on <= locked_through OR p_received_on < p_now::date, false) OR stopped_at IS NOT NULL AS closed,
           (SELECT id FROM payment WHERE operator_id = v_operator AND request_key = p_request_key) AS payment_id
    INTO v_seen FROM books WHERE operator_id = v_operator;
    IF v_seen.blocked AND p_alone THEN
        RETURN NULL;
    ELSIF NOT (p_alone OR v_may_charge) AND (v_seen.blocked OR begins_with_payment(v_operator, p_customer, p_received_on)) THEN
        RAISE EXCEPTION 'a service was cut while its payment waited' USING ERRCODE = 'serialization_failure';
    ELSIF v_seen.payment_id IS NOT NULL THEN
        RETURN repeated_payment(v_operator, v_seen.payment_id, p_customer, p_amount_minor, p_received_on,
                                v_seen.blocked OR begins_with_payment(v_operator, p_customer, p_received_on));
    ELSIF v_seen.closed IS NOT FALSE THEN
        PERFORM refuse_locked(v_operator, p_received_on);
    END IF;
    v_id := nextval('payment_id_seq');
    FOR r IN SELECT due_on, number, invoice_id, open_minor FROM invoice_open
             WHERE operator_id = v_operator AND customer_id = p_customer ORDER BY due_on, number LOOP
        v_part := LEAST(v_left, r.open_minor);
        IF v_part > 0 THEN
            INSERT INTO allocation (operator_id, invoice_id, customer_id, payment_id, amount_minor, allocated_on)
            VALUES (v_operator, r.invoice_id, p_customer, v_id, v_part, p_received_on);
            IF v_part = r.open_minor THEN
                DELETE FROM invoice_open
                WHERE operator_id = v_operator AND customer_id = p_customer AND due_on = r.due_on AND number = r.number;
            ELSE
                UPDATE invoice_open SET open_minor = open_minor - v_part
                WHERE operator_id = v_operator AND customer_id = p_customer AND due_on = r.due_on AND number = r.number;
            END IF;
        END IF;
        v_left := v_left - v_part;
        v_due := v_due + r.open_minor - v_part;
        v_overdue := v_overdue + CASE WHEN r.due_on < p_received_on THEN r.open_minor - v_part ELSE 0 END;
    END LOOP;
    IF v_left > 0 THEN
        UPDATE customer_advance SET advance_minor = advance_minor + v_left WHERE operator_id = v_operator AND customer_id = p_customer;
        IF NOT FOUND THEN
            PERFORM add_advance(v_operator, p_customer, v_left);
        END IF;
    END IF;
    IF p_method = 'cash' AND acting_user() <> 0 THEN
        SELECT person, round, late, above INTO v_person, v_round, v_late, v_above FROM into_drawer(v_operator, p_amount_minor, p_received_on);
    END IF;
    PERFORM post_payment(v_operator, p_customer, v_id, p_amount_minor - v_left, v_left, p_method, v_person, p_received_on, p_now);
    -- the receipt counter is hot: taken last, held shortest
    UPDATE receipt_numbering SET next_number = next_number + 1 WHERE operator_id = v_operator RETURNING next_number - 1 INTO v_receipt;
    INSERT INTO payment (operator_id, id, receipt_number, customer_id, amount_minor, method, received_on, recorded_at, actor_id,
                         reference, request_key, drawer_user_id, drawer_round, is_late, above_limit)
    VALUES (v_operator, v_id, v_receipt, p_customer, p_amount_minor, p_method, p_received_on, p_now, acting_user(), p_reference, p_request_key,
            v_person, v_round, v_late, v_above);
    RETURN json_build_object(
        'payment_id', v_id, 'receipt_number', v_receipt, 'repeated', false,
        'blocked', v_seen.blocked OR (v_left > 0 AND begins_with_payment(v_operator, p_customer, p_received_on)),
        'applied_minor', p_amount_minor - v_left, 'surplus_minor', v_left, 'due_minor', v_due, 'overdue_minor', v_overdue,
        'above_limit', v_above);
END $$;

-- is_off: whether some service of a customer is off.
CREATE OR REPLACE FUNCTION is_off(p_operator bigint, p_customer bigint) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (
        SELECT 1 FROM subscription s JOIN block b ON b.operator_id = s.operator_id AND b.subscription_id = s.id AND b.to_at IS NULL
        WHERE s.operator_id = p_operator AND s.customer_id = p_customer);
END $$;

-- begins_with_payment: whether a service of a customer pays first, is on and is paid for until p_on at most: the cut window is not yet
-- open, and money in advance begins its next period at once (SPEC 2.5).
CREATE OR REPLACE FUNCTION begins_with_payment(p_operator bigint, p_customer bigint, p_on date) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (
        SELECT 1 FROM subscription s
        JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id AND bp.access = 'pay_first'
        JOIN billing_state bs ON bs.operator_id = s.operator_id AND bs.subscription_id = s.id AND bs.billed_until <= p_on
        WHERE s.operator_id = p_operator AND s.customer_id = p_customer AND s.left_on IS NULL);
END $$;

-- post_payment: the entry of a payment after the template 'customer_payment', written out, since it is posted one at a time, all day
-- long: post_event looks the template up and takes the amounts as jsonb. A test holds the two together. Books are known to be open.
-- p_person: whose drawer the cash came into.
CREATE OR REPLACE FUNCTION post_payment(
    p_operator bigint, p_customer bigint, p_payment bigint, p_applied bigint, p_surplus bigint, p_method text, p_person bigint, p_on date,
    p_now timestamptz)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE v_entry bigint := nextval('entry_id');
BEGIN
    INSERT INTO posting (operator_id, entry_id, n, debit_code, credit_code, amount_minor, debit_party, credit_party, effective_on)
    SELECT p_operator, v_entry, n, CASE WHEN p_person IS NULL THEN p_method ELSE 'cash_with_collector' END, credit_code, amount_minor,
           p_person, p_customer, p_on
    FROM (VALUES (1::smallint, 'receivable_customers', p_applied), (2::smallint, 'customer_advances', p_surplus))
         AS line (n, credit_code, amount_minor)
    WHERE amount_minor > 0;
    INSERT INTO entry (operator_id, id, kind, source_id, effective_on, recorded_at, actor_id)
    VALUES (p_operator, v_entry, 'customer_payment', p_payment, p_on, p_now, acting_user());
END $$;

-- repeated_payment: what the first sending of a form did, as far as its customer and amount are the same, with what is due now.
CREATE OR REPLACE FUNCTION repeated_payment(
    p_operator bigint, p_payment bigint, p_customer bigint, p_amount_minor bigint, p_on date, p_blocked boolean) RETURNS json
LANGUAGE plpgsql STABLE AS $$
DECLARE
    p payment%ROWTYPE;
    v_applied bigint;
    v_due bigint;
    v_overdue bigint;
BEGIN
    SELECT * INTO STRICT p FROM payment WHERE operator_id = p_operator AND id = p_payment;
    IF p.customer_id <> p_customer OR p.amount_minor <> p_amount_minor THEN
        PERFORM refuse('key_reused', 'This form was already sent with another amount; open it again.');
    END IF;
    SELECT COALESCE(sum(amount_minor), 0) INTO v_applied FROM allocation WHERE operator_id = p_operator AND payment_id = p_payment;
    SELECT COALESCE(sum(open_minor), 0), COALESCE(sum(open_minor) FILTER (WHERE due_on < p_on), 0) INTO v_due, v_overdue
    FROM invoice_open WHERE operator_id = p_operator AND customer_id = p_customer;
    RETURN json_build_object(
        'payment_id', p.id, 'receipt_number', p.receipt_number, 'repeated', true, 'blocked', p_blocked,
        'applied_minor', v_applied, 'surplus_minor', p.amount_minor - v_applied, 'due_minor', v_due, 'overdue_minor', v_overdue);
END $$;

-- Contract (app): takes a payment of the acting operator back on p_on: its bills are open again, its surplus leaves the advance; what
-- later bills used of that advance is taken back from them, newest first. Only appended rows (SPEC 2.8, B29). Once. Cash leaves the
-- drawer that it still lies in, or else the cash that it was handed over to.
-- Returns the id of the reversing payment row.
CREATE OR REPLACE FUNCTION reverse_payment(p_payment bigint, p_on date, p_now timestamptz, p_reason text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operator bigint := acting_operator();
    p payment%ROWTYPE;
    v_applied bigint;
    v_id bigint;
    v_receipt bigint;
    v_person bigint;            -- in whose drawer the cash still is
BEGIN
    SELECT * INTO p FROM payment WHERE operator_id = v_operator AND id = p_payment AND amount_minor > 0;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such payment.');
    END IF;
    PERFORM 1 FROM customer WHERE operator_id = v_operator AND id = p.customer_id FOR NO KEY UPDATE;
    IF EXISTS (SELECT 1 FROM payment WHERE operator_id = v_operator AND reverses_id = p_payment) THEN
        PERFORM refuse('already_reversed', 'This payment was taken back before.');
    ELSIF p_on < p.received_on THEN
        PERFORM refuse('invalid_input', 'An entry cannot be taken back before its own day.');
    END IF;
    v_id := nextval('payment_id_seq');
    SELECT COALESCE(sum(amount_minor), 0) INTO v_applied FROM allocation WHERE operator_id = v_operator AND payment_id = p_payment;
    PERFORM take_back_allocations(v_operator, p.customer_id, p_payment, v_id, p_on);
    PERFORM take_back_advance(v_operator, p.customer_id, p.amount_minor - v_applied, p_on, p_now);
    IF p.drawer_user_id IS NOT NULL THEN
        v_person := out_of_drawer(v_operator, p.drawer_user_id, p.drawer_round, p.amount_minor);
    END IF;
    PERFORM post_event(v_operator, 'payment_reversed', 'own', v_id, p_on, p_now,
                       jsonb_build_object('applied', v_applied, 'surplus', p.amount_minor - v_applied), p.customer_id,
                       p_paid => CASE WHEN v_person IS NULL THEN p.method ELSE 'cash_with_collector' END, p_reason => p_reason,
                       p_user => v_person);
    UPDATE receipt_numbering SET next_number = next_number + 1 WHERE operator_id = v_operator RETURNING next_number - 1 INTO v_receipt;
    INSERT INTO payment (operator_id, id, receipt_number, customer_id, amount_minor, method, received_on, recorded_at, actor_id,
                         reference, request_key, reverses_id, drawer_user_id, drawer_round)
    VALUES (v_operator, v_id, v_receipt, p.customer_id, -p.amount_minor, p.method, p_on, p_now, acting_user(), p_reason,
            'reverse:' || p_payment, p_payment, v_person, CASE WHEN v_person IS NOT NULL THEN p.drawer_round END);
    RETURN v_id;
END $$;

-- take_back_allocations: negative rows against what a payment paid; the invoices are open again.
CREATE OR REPLACE FUNCTION take_back_allocations(p_operator bigint, p_customer bigint, p_payment bigint, p_reversal bigint, p_on date) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO invoice_open AS o (operator_id, customer_id, due_on, number, invoice_id, open_minor)
    SELECT p_operator, p_customer, i.due_on, i.number, i.id, sum(a.amount_minor)
    FROM allocation a JOIN invoice i ON i.operator_id = a.operator_id AND i.id = a.invoice_id
    WHERE a.operator_id = p_operator AND a.payment_id = p_payment GROUP BY i.due_on, i.number, i.id
    ON CONFLICT (operator_id, customer_id, due_on, number) DO UPDATE SET open_minor = o.open_minor + EXCLUDED.open_minor;
    INSERT INTO allocation (operator_id, invoice_id, customer_id, payment_id, amount_minor, allocated_on)
    SELECT operator_id, invoice_id, customer_id, p_reversal, -amount_minor, p_on
    FROM allocation WHERE operator_id = p_operator AND payment_id = p_payment;
END $$;

-- take_back_advance: takes a sum out of a customer's advance; what bills used of it already is taken back from them, newest first.
CREATE OR REPLACE FUNCTION take_back_advance(p_operator bigint, p_customer bigint, p_amount_minor bigint, p_on date, p_now timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    r record;
    v_missing bigint;
    v_part bigint;
    v_allocation bigint;
BEGIN
    SELECT p_amount_minor - COALESCE(max(advance_minor), 0) INTO v_missing FROM customer_advance
    WHERE operator_id = p_operator AND customer_id = p_customer;
    FOR r IN
        SELECT a.invoice_id, i.due_on, i.number, sum(a.amount_minor) AS used_minor
        FROM allocation a JOIN invoice i ON i.operator_id = a.operator_id AND i.id = a.invoice_id
        WHERE a.operator_id = p_operator AND a.customer_id = p_customer AND a.payment_id IS NULL
        GROUP BY a.invoice_id, i.due_on, i.number HAVING sum(a.amount_minor) > 0 ORDER BY i.due_on DESC, i.number DESC
    LOOP
        EXIT WHEN v_missing <= 0;
        v_part := LEAST(v_missing, r.used_minor);
        INSERT INTO allocation (operator_id, invoice_id, customer_id, amount_minor, allocated_on)
        VALUES (p_operator, r.invoice_id, p_customer, -v_part, p_on) RETURNING id INTO v_allocation;
        INSERT INTO invoice_open AS o (operator_id, customer_id, due_on, number, invoice_id, open_minor)
        VALUES (p_operator, p_customer, r.due_on, r.number, r.invoice_id, v_part)
        ON CONFLICT (operator_id, customer_id, due_on, number) DO UPDATE SET open_minor = o.open_minor + EXCLUDED.open_minor;
        PERFORM post_event(p_operator, 'advance_unapplied', 'own', v_allocation, p_on, p_now, jsonb_build_object('amount', v_part), p_customer);
        PERFORM add_advance(p_operator, p_customer, v_part);
        v_missing := v_missing - v_part;
    END LOOP;
    IF v_missing > 0 THEN
        PERFORM refuse('advance_gone', 'The advance that this payment left was paid back to the customer; record its return as a payment first.');
    END IF;
    PERFORM add_advance(p_operator, p_customer, -p_amount_minor);
END $$;
