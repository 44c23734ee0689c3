-- Bills that are not for a period: installation, a router sold, a fee for paying late (SPEC §3, §6). Numbered, paid and overdue like
-- every other bill; the service that they name is the one that is cut for them.

-- apply_advance_to: what a customer holds in advance pays a new bill as far as it goes; returns what it paid.
CREATE OR REPLACE FUNCTION apply_advance_to(p_operator bigint, p_customer bigint, p_invoice bigint, p_due_minor bigint, p_on date, p_now timestamptz)
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_applied bigint;
    v_allocation bigint;
BEGIN
    SELECT LEAST(p_due_minor, COALESCE(max(advance_minor), 0)) INTO v_applied FROM customer_advance
    WHERE operator_id = p_operator AND customer_id = p_customer;
    IF v_applied > 0 THEN
        INSERT INTO allocation (operator_id, invoice_id, customer_id, amount_minor, allocated_on)
        VALUES (p_operator, p_invoice, p_customer, v_applied, p_on) RETURNING id INTO v_allocation;
        PERFORM post_event(p_operator, 'advance_applied', 'own', v_allocation, p_on, p_now, jsonb_build_object('amount', v_applied), p_customer);
        PERFORM add_advance(p_operator, p_customer, -v_applied);
    END IF;
    RETURN v_applied;
END $$;

-- Contract (app): a bill of the acting operator to one of its customers that is for no period: p_title says what for, p_net_minor is
-- net, VAT by the seller's own switch on p_on. What the customer holds in advance pays it at once. The same p_request_key again
-- returns the first bill; with another customer or amount it is refused.
-- Returns {"invoice_id", "number", "net_minor", "vat_minor", "total_minor", "applied_minor", "repeated"}.
CREATE OR REPLACE FUNCTION issue_one_off(
    p_subscription bigint, p_title text, p_net_minor bigint, p_on date, p_due_on date, p_now timestamptz, p_request_key text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operator bigint := acting_operator();
    v_customer bigint;
    i invoice%ROWTYPE;
    v_vat bigint;
    v_applied bigint := 0;
BEGIN
    SELECT customer_id INTO v_customer FROM subscription WHERE operator_id = v_operator AND id = p_subscription;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such customer.');
    ELSIF p_net_minor <= 0 THEN
        PERFORM refuse('amount_not_positive', 'The amount must be more than zero.');
    ELSIF p_due_on < p_on THEN
        PERFORM refuse('invalid_input', 'A bill falls due on the day of its issue at the earliest.');
    END IF;
    PERFORM 1 FROM customer WHERE operator_id = v_operator AND id = v_customer FOR NO KEY UPDATE;
    SELECT * INTO i FROM invoice WHERE operator_id = v_operator AND request_key = p_request_key;
    IF FOUND THEN
        IF (i.subscription_id, i.net_minor, i.kind) IS DISTINCT FROM (p_subscription, p_net_minor, 'one_off') THEN
            PERFORM refuse('key_reused', 'This form was already sent with other figures; open it again.');
        END IF;
    ELSE
        PERFORM refuse_locked(v_operator, p_on);
        v_vat := vat_of(p_net_minor, vat_rate_on(v_operator, p_on));
        INSERT INTO invoice (operator_id, number, kind, customer_id, subscription_id, starts_on, ends_on, revision, price_minor,
                             cycle_days, net_minor, vat_minor, total_minor, issued_on, due_on, title, request_key)
        VALUES (v_operator, next_bill_number(v_operator), 'one_off', v_customer, p_subscription, p_on, p_on,
                next_revision(v_operator, p_subscription, 'one_off', p_on), p_net_minor, 1, p_net_minor, v_vat, p_net_minor + v_vat,
                p_on, p_due_on, p_title, p_request_key)
        RETURNING * INTO i;
        PERFORM post_event(v_operator, 'one_off_invoice', 'own', i.id, p_on, p_now, jsonb_build_object('net', p_net_minor, 'vat', v_vat),
                           v_customer, NULL, NULL, NULL, p_title);
        v_applied := apply_advance_to(v_operator, v_customer, i.id, i.total_minor, p_on, p_now);
        INSERT INTO invoice_open (operator_id, customer_id, due_on, number, invoice_id, open_minor)
        SELECT v_operator, v_customer, i.due_on, i.number, i.id, i.total_minor - v_applied WHERE i.total_minor > v_applied;
    END IF;
    RETURN jsonb_build_object('invoice_id', i.id, 'number', i.number, 'net_minor', i.net_minor, 'vat_minor', i.vat_minor,
                              'total_minor', i.total_minor, 'applied_minor', v_applied, 'repeated', v_vat IS NULL);
END $$;

-- next_bill_number: an operator's next number, gapless: the counter is locked until the transaction ends.
CREATE OR REPLACE FUNCTION next_bill_number(p_operator bigint) RETURNS bigint
LANGUAGE sql AS $$
    UPDATE invoice_numbering SET next_number = next_number + 1 WHERE operator_id = p_operator RETURNING next_number - 1
$$;

-- next_revision: how many bills of a kind a service has of one day already.
CREATE OR REPLACE FUNCTION next_revision(p_operator bigint, p_subscription bigint, p_kind text, p_on date) RETURNS smallint
LANGUAGE sql STABLE AS $$
    SELECT COALESCE(max(revision) + 1, 0)::smallint FROM invoice
    WHERE operator_id = p_operator AND subscription_id = p_subscription AND kind = p_kind AND starts_on = p_on
$$;

-- late_bills: bills of a shard that are overdue by more than the profile's late_fee_after_days, issued since the fee is asked for, and
-- bear no fee yet. A fee bears no fee, nor does a due that was taken over; who has left is asked for none, and closed books take none.
CREATE OR REPLACE FUNCTION late_bills(p_isp bigint, p_top bigint, p_on date)
RETURNS TABLE (operator_id bigint, customer_id bigint, subscription_id bigint, invoice_id bigint, fee_minor bigint, due_days smallint)
LANGUAGE sql STABLE AS $$
    SELECT i.operator_id, i.customer_id, i.subscription_id, i.id, bp.late_fee_minor, bp.due_days
    FROM (SELECT o.id FROM operator o
          WHERE o.isp_id = p_isp AND CASE WHEN p_top = p_isp THEN o.id = p_isp ELSE p_top = ANY (o.path) END
            AND EXISTS (SELECT 1 FROM billing_profile f WHERE f.operator_id = ANY (o.path) AND f.late_fee_minor > 0)
            AND NOT EXISTS (SELECT 1 FROM books b WHERE b.operator_id = o.id AND takes_nothing(b, p_on))
          OFFSET 0) AS o      -- OFFSET: joined, they count as one row, and for each bill all open ones of its operator are read
    JOIN invoice_open open ON open.operator_id = o.id
    CROSS JOIN LATERAL (SELECT * FROM invoice WHERE operator_id = open.operator_id AND id = open.invoice_id OFFSET 0) AS i
    JOIN subscription s ON s.operator_id = i.operator_id AND s.id = i.subscription_id
    JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
    WHERE bp.late_fee_minor > 0 AND open.due_on + bp.late_fee_after_days < p_on AND i.issued_on >= bp.late_fee_from_on
      AND i.kind NOT IN ('late_fee', 'opening') AND s.left_on IS NULL
      AND NOT EXISTS (SELECT 1 FROM invoice f WHERE f.operator_id = i.operator_id AND f.request_key = 'late_fee:' || i.id)
$$;

-- Contract (batch): a fee, without VAT, for each bill of a shard that is late (late_bills): once per bill. Whoever pays meanwhile is
-- waited for and asked for none. Returns how many.
CREATE OR REPLACE FUNCTION charge_late_fees(p_isp bigint, p_top bigint, p_on date, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_operators bigint[];
    v_customers bigint[];
    v_late bigint[];
    v_fees bigint[];
BEGIN
    SELECT array_agg(operator_id), array_agg(customer_id), array_agg(invoice_id) INTO v_operators, v_customers, v_late
    FROM late_bills(p_isp, p_top, p_on);
    IF v_operators IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM lock_customers(v_operators, v_customers);
    PERFORM 1 FROM invoice_numbering WHERE operator_id = ANY (v_operators) ORDER BY operator_id FOR NO KEY UPDATE;
    WITH fee AS (
        INSERT INTO invoice (operator_id, number, kind, customer_id, subscription_id, starts_on, ends_on, revision, price_minor,
                             cycle_days, net_minor, vat_minor, total_minor, issued_on, due_on, request_key)
        SELECT l.operator_id, n.next_number - 1 + row_number() OVER (PARTITION BY l.operator_id ORDER BY l.invoice_id), 'late_fee',
               l.customer_id, l.subscription_id, p_on, p_on,
               next_revision(l.operator_id, l.subscription_id, 'late_fee', p_on) - 1
               + row_number() OVER (PARTITION BY l.operator_id, l.subscription_id ORDER BY l.invoice_id),
               l.fee_minor, 1, l.fee_minor, 0, l.fee_minor, p_on, p_on + l.due_days, 'late_fee:' || l.invoice_id
        FROM late_bills(p_isp, p_top, p_on) AS l
        JOIN invoice_numbering n ON n.operator_id = l.operator_id
        WHERE l.invoice_id = ANY (v_late)
        RETURNING id)
    SELECT array_agg(id) INTO v_fees FROM fee;
    IF v_fees IS NOT NULL THEN
        UPDATE invoice_numbering n SET next_number = n.next_number + f.fees
        FROM (SELECT operator_id, count(*) AS fees FROM invoice WHERE operator_id = ANY (v_operators) AND id = ANY (v_fees) GROUP BY 1) AS f
        WHERE n.operator_id = f.operator_id;
        PERFORM post_late_fee(f, p_now) FROM invoice f WHERE f.operator_id = ANY (v_operators) AND f.id = ANY (v_fees);
    END IF;
    RETURN COALESCE(cardinality(v_fees), 0);
END $$;

-- post_late_fee: the entry of a fee, and what of it is open after the customer's advance.
CREATE OR REPLACE FUNCTION post_late_fee(p_fee invoice, p_now timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE v_applied bigint;
BEGIN
    PERFORM post_event(p_fee.operator_id, 'late_fee', 'own', p_fee.id, p_fee.issued_on, p_now,
                       jsonb_build_object('amount', p_fee.total_minor), p_fee.customer_id);
    v_applied := apply_advance_to(p_fee.operator_id, p_fee.customer_id, p_fee.id, p_fee.total_minor, p_fee.issued_on, p_now);
    INSERT INTO invoice_open (operator_id, customer_id, due_on, number, invoice_id, open_minor)
    SELECT p_fee.operator_id, p_fee.customer_id, p_fee.due_on, p_fee.number, p_fee.id, p_fee.total_minor - v_applied
    WHERE p_fee.total_minor > v_applied;
END $$;
