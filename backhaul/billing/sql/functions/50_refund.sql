-- Contract (app): a customer of the acting operator leaves on p_on (that day is consumed). The whole days left of its running
-- period are credited at the rates actually charged: up every edge at that edge's own, and to the customer by a credit note, up to
-- what is open on the invoice, the rest to its advance (SPEC 2.6). Once per period. p_retail false: no credit note.
-- What was given back is billed anew if the customer is restored; what was held of a renewal waits no more.
-- Returns {"days", "back_minor": what comes back into the acting operator's own fund (of the edges above it learns nothing),
-- "credit_minor", "to_advance_minor"}.
CREATE OR REPLACE FUNCTION refund_unused_days(
    p_subscription bigint, p_on date, p_now timestamptz, p_retail boolean, p_preview boolean) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operator bigint := acting_operator();
    i invoice%ROWTYPE;
    c record;
    v_from integer;
    v_to integer;
    v_back bigint := 0;
    v_movement bigint;
    v_net bigint;
    v_vat bigint;
    v_credit jsonb := '{"credit_minor": 0, "to_advance_minor": 0}';
BEGIN
    PERFORM lock_chains(ARRAY[v_operator]);
    IF NOT p_preview THEN
        DELETE FROM held_bill WHERE operator_id = v_operator AND subscription_id = p_subscription;
    END IF;
    SELECT * INTO i FROM invoice WHERE operator_id = v_operator AND subscription_id = p_subscription AND kind = 'period'
        AND starts_on <= p_on AND ends_on > p_on + 1
    ORDER BY starts_on DESC LIMIT 1;        -- the last one: a service that left and was restored has two
    IF NOT FOUND OR EXISTS (SELECT 1 FROM credit_note WHERE operator_id = v_operator AND invoice_id = i.id)
       OR EXISTS (SELECT 1 FROM charge_refund WHERE owner_id = v_operator AND invoice_id = i.id
                  AND child_id = ANY (SELECT unnest(path) FROM operator WHERE id = v_operator)) THEN
        RETURN jsonb_build_object('days', 0, 'back_minor', 0) || v_credit;
    END IF;
    v_from := (p_on + 1) - last_anchor_of(i);
    v_to := i.ends_on - last_anchor_of(i);
    FOR c IN
        SELECT ch.*, f.mode, reclaims_input_on(ch.child_id, ch.charged_on) AS reclaims FROM charge ch JOIN fund f ON f.child_id = ch.child_id
        WHERE ch.owner_id = v_operator AND ch.invoice_id = i.id
          AND ch.child_id = ANY (SELECT unnest(path) FROM operator WHERE id = v_operator)
        ORDER BY f.depth DESC
    LOOP
        v_net := prorate(c.price_minor, v_from, v_to, c.cycle_days);
        v_vat := vat_given_back(c.net_minor, c.vat_minor, v_net);
        v_back := v_back + CASE WHEN c.child_id = v_operator THEN v_net + v_vat ELSE 0 END;
        CONTINUE WHEN p_preview;
        v_movement := NULL;
        IF v_net + v_vat > 0 THEN
            v_movement := move_fund(
                c.child_id, c.parent_id, CASE c.mode WHEN 'prepaid' THEN 'wholesale_refund' ELSE 'wholesale_refund_postpaid' END,
                CASE c.mode WHEN 'prepaid' THEN v_net + v_vat ELSE 0 END, CASE c.mode WHEN 'prepaid' THEN 0 ELSE -(v_net + v_vat) END,
                jsonb_build_object('net', v_net, 'vat', v_vat, 'input_vat', CASE WHEN c.reclaims THEN v_vat ELSE 0 END,
                                   'cost', v_net + CASE WHEN c.reclaims THEN 0 ELSE v_vat END),
                p_on, format('refund:%s', i.id));
        END IF;
        INSERT INTO charge_refund (child_id, owner_id, invoice_id, starts_on, part, from_on, to_on, parent_id, net_minor, vat_minor,
                                   movement_id, refunded_on, reason)
        VALUES (c.child_id, v_operator, i.id, c.starts_on, c.part, p_on + 1, c.ends_on, c.parent_id, v_net, v_vat, v_movement, p_on, 'left');
    END LOOP;
    IF p_retail THEN
        v_credit := credit_unused_days(i, v_from, v_to, p_on, p_now, p_preview);
    END IF;
    UPDATE billing_state SET billed_until = p_on + 1, charged_until = p_on + 1
    WHERE NOT p_preview AND operator_id = v_operator AND subscription_id = p_subscription
      AND (EXISTS (SELECT 1 FROM credit_note WHERE operator_id = v_operator AND invoice_id = i.id)
           OR EXISTS (SELECT 1 FROM charge_refund WHERE child_id = v_operator AND owner_id = v_operator AND invoice_id = i.id));
    RETURN jsonb_build_object('days', v_to - v_from, 'back_minor', v_back) || v_credit;
END $$;

-- last_anchor_of: day 0 of the cycle that a period invoice lies in.
CREATE OR REPLACE FUNCTION last_anchor_of(p_invoice invoice) RETURNS date
LANGUAGE sql STABLE AS $$
    SELECT last_anchor(p_invoice.starts_on, s.anchor_day) FROM subscription s
    WHERE s.operator_id = p_invoice.operator_id AND s.id = p_invoice.subscription_id
$$;

-- credit_unused_days: the credit note for the days [from, to) of an invoice's cycle; runs as its caller.
CREATE OR REPLACE FUNCTION credit_unused_days(
    p_invoice invoice, p_from integer, p_to integer, p_on date, p_now timestamptz, p_preview boolean) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    v_net bigint := prorate(p_invoice.price_minor, p_from, p_to, p_invoice.cycle_days);
    v_vat bigint;
    v_open bigint;
    v_credit bigint;
    v_to_invoice bigint;
    v_note bigint;
BEGIN
    PERFORM 1 FROM customer WHERE operator_id = p_invoice.operator_id AND id = p_invoice.customer_id FOR NO KEY UPDATE;
    v_vat := vat_given_back(p_invoice.net_minor, p_invoice.vat_minor, v_net);
    v_credit := v_net + v_vat;
    SELECT open_minor INTO v_open FROM invoice_open WHERE operator_id = p_invoice.operator_id
        AND customer_id = p_invoice.customer_id AND due_on = p_invoice.due_on AND number = p_invoice.number FOR UPDATE;
    v_to_invoice := LEAST(v_credit, COALESCE(v_open, 0));
    IF v_credit > 0 AND NOT p_preview THEN
        INSERT INTO credit_note (operator_id, invoice_id, customer_id, net_minor, vat_minor, to_invoice_minor, to_advance_minor, issued_on, reason)
        VALUES (p_invoice.operator_id, p_invoice.id, p_invoice.customer_id, v_net, v_vat, v_to_invoice, v_credit - v_to_invoice, p_on, 'left')
        RETURNING id INTO v_note;
        PERFORM post_event(p_invoice.operator_id, 'credit_note', 'own', v_note, p_on, p_now, jsonb_build_object(
            'net_to_invoice', LEAST(v_net, v_to_invoice), 'net_to_advance', v_net - LEAST(v_net, v_to_invoice),
            'vat_to_invoice', v_to_invoice - LEAST(v_net, v_to_invoice),
            'vat_to_advance', v_vat - (v_to_invoice - LEAST(v_net, v_to_invoice))), p_invoice.customer_id);
        PERFORM reduce_open(p_invoice.operator_id, p_invoice.customer_id, p_invoice.due_on, p_invoice.number, v_to_invoice);
        PERFORM add_advance(p_invoice.operator_id, p_invoice.customer_id, v_credit - v_to_invoice);
    END IF;
    RETURN jsonb_build_object('credit_minor', v_credit, 'to_advance_minor', v_credit - v_to_invoice);
END $$;

-- reduce_open: takes an amount off what is open on an invoice; the row goes when nothing is left.
CREATE OR REPLACE FUNCTION reduce_open(p_operator bigint, p_customer bigint, p_due_on date, p_number bigint, p_amount bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM invoice_open WHERE operator_id = p_operator AND customer_id = p_customer AND due_on = p_due_on AND number = p_number
        AND open_minor = p_amount;
    IF NOT FOUND AND p_amount > 0 THEN
        UPDATE invoice_open SET open_minor = open_minor - p_amount
        WHERE operator_id = p_operator AND customer_id = p_customer AND due_on = p_due_on AND number = p_number;
    END IF;
END $$;

-- add_advance: changes what a customer holds in advance by an amount, which may be negative but never below nothing.
CREATE OR REPLACE FUNCTION add_advance(p_operator bigint, p_customer bigint, p_amount bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF p_amount <> 0 THEN
        INSERT INTO customer_advance AS a (operator_id, customer_id, advance_minor) VALUES (p_operator, p_customer, GREATEST(p_amount, 0))
        ON CONFLICT (operator_id, customer_id) DO UPDATE SET advance_minor = a.advance_minor + p_amount;
    END IF;
END $$;
