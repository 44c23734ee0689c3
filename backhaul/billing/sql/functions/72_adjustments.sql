-- Discounts, write-offs and what is recovered of them (SPEC §3). A discount at issue is part of the bill; what comes later is an
-- adjustment beside it: an invoice is a fact.

-- discount_of(operator, subscription, start, net): what the service's standing discount takes off a bill of that net amount for a
-- period that starts on that day; never more than the net.
CREATE OR REPLACE FUNCTION discount_of(p_operator bigint, p_subscription bigint, p_starts_on date, p_net_minor bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT COALESCE((SELECT LEAST(p_net_minor, COALESCE(amount_minor, vat_of(p_net_minor, part_bp))) FROM discount
                     WHERE operator_id = p_operator AND subscription_id = p_subscription AND ended_at IS NULL
                       AND from_on <= p_starts_on AND (until_on IS NULL OR p_starts_on < until_on)), 0)
$$;

-- given_back_of(invoice): what was taken off a bill since its issue: its net, its VAT, by credit notes, discounts and write-offs.
CREATE OR REPLACE FUNCTION given_back_of(p_operator bigint, p_invoice bigint, OUT net_minor bigint, OUT vat_minor bigint)
LANGUAGE sql STABLE AS $$
    SELECT COALESCE(sum(net), 0)::bigint, COALESCE(sum(vat), 0)::bigint
    FROM (SELECT c.net_minor AS net, c.vat_minor AS vat FROM credit_note c WHERE c.operator_id = p_operator AND c.invoice_id = p_invoice
          UNION ALL
          SELECT a.net_minor, a.vat_minor FROM adjustment a
          WHERE a.operator_id = p_operator AND a.invoice_id = p_invoice AND a.kind <> 'recovered') AS given
$$;

-- relieves_bad_debt_on: whether an operator takes the VAT of a bad debt back (its own switch, SPEC 2.1).
CREATE OR REPLACE FUNCTION relieves_bad_debt_on(p_operator bigint, p_day date) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT COALESCE((SELECT registered AND relief_on_bad_debt FROM vat_setting
                     WHERE operator_id = p_operator AND starts_on <= p_day ORDER BY starts_on DESC, set_at DESC LIMIT 1), false)
$$;

-- open_bill_of: a bill of the acting operator with its customer locked; refuses where there is none. What is adjusted may bring a service
-- back, which charges: funds are locked before the customer.
CREATE OR REPLACE FUNCTION open_bill_of(p_invoice bigint, OUT bill invoice, OUT open_minor bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT * INTO bill FROM invoice WHERE operator_id = acting_operator() AND id = p_invoice;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such bill.');
    END IF;
    PERFORM lock_chains(ARRAY[bill.operator_id]);
    PERFORM 1 FROM customer WHERE operator_id = bill.operator_id AND id = bill.customer_id FOR NO KEY UPDATE;
    SELECT COALESCE(max(o.open_minor), 0) INTO open_minor FROM invoice_open o
    WHERE o.operator_id = bill.operator_id AND o.customer_id = bill.customer_id AND o.due_on = bill.due_on AND o.number = bill.number;
END $$;

-- known_adjustment: what was recorded under a request key; with another bill, kind or amount it is refused.
CREATE OR REPLACE FUNCTION known_adjustment(p_key text, p_invoice bigint, p_kind text, p_minor bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE a adjustment%ROWTYPE;
BEGIN
    SELECT * INTO a FROM adjustment WHERE operator_id = acting_operator() AND request_key = p_key;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF a.invoice_id <> p_invoice OR a.kind <> p_kind OR p_minor NOT IN (a.net_minor, a.net_minor + a.vat_minor) THEN
        PERFORM refuse('key_reused', 'This form was already sent with other figures; open it again.');
    END IF;
    RETURN jsonb_build_object('adjustment_id', a.id, 'net_minor', a.net_minor, 'vat_minor', a.vat_minor, 'repeated', true);
END $$;

-- post_adjustment: the row, its entry, and what is open on the bill; runs as its caller, which has locked and checked.
CREATE OR REPLACE FUNCTION post_adjustment(
    p_bill invoice, p_kind text, p_entry text, p_net bigint, p_vat bigint, p_on date, p_now timestamptz, p_why text, p_key text,
    p_paid text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    v_id bigint;
    v_person bigint;            -- whose drawer recovered cash comes into
BEGIN
    IF p_paid = 'cash' THEN
        SELECT person INTO v_person FROM into_drawer(p_bill.operator_id, p_net + p_vat, p_on);
    END IF;
    INSERT INTO adjustment (operator_id, invoice_id, customer_id, kind, net_minor, vat_minor, adjusted_on, why, request_key, recorded_at,
                            actor_id, paid_code, drawer_user_id)
    VALUES (p_bill.operator_id, p_bill.id, p_bill.customer_id, p_kind, p_net, p_vat, p_on, p_why, p_key, p_now, acting_user(), p_paid,
            v_person)
    RETURNING id INTO v_id;
    PERFORM post_event(p_bill.operator_id, p_entry, 'own', v_id, p_on, p_now, jsonb_build_object('net', p_net, 'vat', p_vat),
                       p_bill.customer_id, p_paid => CASE WHEN v_person IS NULL THEN p_paid ELSE 'cash_with_collector' END,
                       p_reason => p_why, p_user => v_person);
    IF p_kind <> 'recovered' THEN
        PERFORM reduce_open(p_bill.operator_id, p_bill.customer_id, p_bill.due_on, p_bill.number, p_net + p_vat);
    END IF;
    RETURN jsonb_build_object('adjustment_id', v_id, 'net_minor', p_net, 'vat_minor', p_vat, 'repeated', false);
END $$;

-- Contract (app): a discount on an open bill of the acting operator: p_net_minor and the VAT that it carried come off what is open;
-- never more than that (SPEC §3 "discount later"). The same p_request_key again returns the first.
-- Returns {"adjustment_id", "net_minor", "vat_minor", "repeated"}.
CREATE OR REPLACE FUNCTION discount_bill(
    p_invoice bigint, p_net_minor bigint, p_on date, p_now timestamptz, p_why text, p_request_key text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v record;
    v_given record;
    v_vat bigint;
    v_known jsonb;
BEGIN
    SELECT * INTO v FROM open_bill_of(p_invoice);
    v_known := known_adjustment(p_request_key, p_invoice, 'discount', p_net_minor);
    IF v_known IS NOT NULL THEN
        RETURN v_known;
    ELSIF p_net_minor <= 0 THEN
        PERFORM refuse('amount_not_positive', 'The amount must be more than zero.');
    END IF;
    v_given := given_back_of((v.bill).operator_id, p_invoice);
    v_vat := LEAST((v.bill).vat_minor - v_given.vat_minor,
                   GREATEST(0, vat_given_back((v.bill).net_minor - (v.bill).discount_minor, (v.bill).vat_minor,
                                              v_given.net_minor + p_net_minor) - v_given.vat_minor));
    IF p_net_minor + v_vat > v.open_minor THEN
        PERFORM refuse('more_than_open', 'So much is not open on this bill; what was paid is given back by a credit note.');
    END IF;
    RETURN post_adjustment(v.bill, 'discount', 'bill_discount', p_net_minor, v_vat, p_on, p_now, p_why, p_request_key, NULL);
END $$;

-- Contract (app): gives up all that is open on a bill of the acting operator, as bad debt; where the operator has VAT relief, the VAT
-- in it comes back from VAT payable (SPEC §3). The same p_request_key again returns the first. Returns as discount_bill.
CREATE OR REPLACE FUNCTION write_off_bill(p_invoice bigint, p_on date, p_now timestamptz, p_why text, p_request_key text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v record;
    v_given record;
    v_vat bigint := 0;
    v_known jsonb;
BEGIN
    SELECT * INTO v FROM open_bill_of(p_invoice);
    SELECT known_adjustment(p_request_key, p_invoice, 'write_off', a.net_minor + a.vat_minor) INTO v_known
    FROM adjustment a WHERE a.operator_id = acting_operator() AND a.request_key = p_request_key;
    IF v_known IS NOT NULL THEN
        RETURN v_known;
    ELSIF v.open_minor = 0 THEN
        PERFORM refuse('nothing_open', 'Nothing is open on this bill.');
    END IF;
    IF relieves_bad_debt_on((v.bill).operator_id, p_on) THEN
        v_given := given_back_of((v.bill).operator_id, p_invoice);
        v_vat := LEAST((v.bill).vat_minor - v_given.vat_minor,
                       vat_given_back((v.bill).total_minor, (v.bill).vat_minor, v.open_minor));
    END IF;
    RETURN post_adjustment(v.bill, 'write_off', 'write_off', v.open_minor - v_vat, v_vat, p_on, p_now, p_why, p_request_key, NULL);
END $$;

-- Contract (app): money that came in for a bill of the acting operator that was written off, at most what was; the VAT that was
-- relieved is owed again in its part. p_paid: cash, bank or mobile_wallet. Returns as discount_bill.
CREATE OR REPLACE FUNCTION recover_bad_debt(
    p_invoice bigint, p_amount_minor bigint, p_paid text, p_on date, p_now timestamptz, p_why text, p_request_key text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v record;
    v_lost record;
    v_vat bigint;
    v_known jsonb;
BEGIN
    SELECT * INTO v FROM open_bill_of(p_invoice);
    v_known := known_adjustment(p_request_key, p_invoice, 'recovered', p_amount_minor);
    IF v_known IS NOT NULL THEN
        RETURN v_known;
    ELSIF p_amount_minor <= 0 THEN
        PERFORM refuse('amount_not_positive', 'The amount must be more than zero.');
    ELSIF p_paid NOT IN ('cash', 'bank', 'mobile_wallet') THEN
        PERFORM refuse('invalid_input', 'Say how the money was paid: cash, bank or mobile wallet.');
    END IF;
    SELECT COALESCE(sum(a.net_minor + a.vat_minor) FILTER (WHERE a.kind = 'write_off'), 0)::bigint AS gross,
           COALESCE(sum(a.vat_minor) FILTER (WHERE a.kind = 'write_off'), 0)::bigint AS vat,
           COALESCE(sum(a.net_minor + a.vat_minor) FILTER (WHERE a.kind = 'recovered'), 0)::bigint AS back,
           COALESCE(sum(a.vat_minor) FILTER (WHERE a.kind = 'recovered'), 0)::bigint AS vat_back
    INTO v_lost FROM adjustment a WHERE a.operator_id = (v.bill).operator_id AND a.invoice_id = p_invoice;
    IF v_lost.back + p_amount_minor > v_lost.gross THEN
        PERFORM refuse('more_than_written_off', 'That is more than was written off of this bill; record the rest as a payment.');
    END IF;
    v_vat := vat_given_back(v_lost.gross, v_lost.vat, v_lost.back + p_amount_minor) - v_lost.vat_back;
    RETURN post_adjustment(v.bill, 'recovered', 'bad_debt_recovered', p_amount_minor - v_vat, v_vat, p_on, p_now, p_why, p_request_key, p_paid);
END $$;
