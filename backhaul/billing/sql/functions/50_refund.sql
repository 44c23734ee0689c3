-- What is given back: whole unused days of charges and bills, at the rates charged, each day once (SPEC 2.6).

-- running_invoices(service, day): the bills whose charges may reach beyond a day, and the id that a running period billed in arrears
-- will have. A year's term on an edge with a year's validity of its own reaches furthest.
CREATE OR REPLACE FUNCTION running_invoices(p_operator bigint, p_subscription bigint, p_from date) RETURNS TABLE (invoice_id bigint)
LANGUAGE sql STABLE AS $$
    SELECT id FROM invoice
    WHERE operator_id = p_operator AND subscription_id = p_subscription AND kind = 'period' AND starts_on > p_from - 740
    UNION
    SELECT running_invoice_id FROM billing_state
    WHERE operator_id = p_operator AND subscription_id = p_subscription AND running_invoice_id IS NOT NULL
$$;

-- unused_charges: what is charged of a service's days from p_from on and not given back yet, per edge, charge row and run of days,
-- at the rate charged. p_unpaid_from: where edges that credit unpaid days begin instead. p_policies: what each edge's refund policy
-- leaves of it: nothing, or less a minimum that the parent keeps. VAT by cumulative rounding over all that a row gives back.
CREATE OR REPLACE FUNCTION unused_charges(
    p_operator bigint, p_subscription bigint, p_from date, p_unpaid_from date, p_policies boolean)
RETURNS TABLE (
    child_id bigint, parent_id bigint, depth smallint, mode text, invoice_id bigint, starts_on date, part smallint,
    from_on date, to_on date, net_minor bigint, vat_minor bigint, input_vat_minor bigint)
LANGUAGE sql STABLE AS $$
    WITH edge AS (
        SELECT f.child_id, f.parent_id, f.depth, f.mode,
               CASE WHEN p_policies AND f.refund_policy = 'less_minimum' THEN f.refund_minimum_minor ELSE 0 END AS minimum_minor,
               CASE WHEN 'unpaid' = ANY (f.credit_days_for) THEN COALESCE(p_unpaid_from, p_from) ELSE p_from END AS from_on
        FROM operator o JOIN fund f ON f.child_id = ANY (o.path)
        WHERE o.id = p_operator AND NOT (p_policies AND f.refund_policy = 'none')
    ), unused AS (
        SELECT e.depth, e.mode, e.minimum_minor, c.*, g.net_minor AS given_net, g.vat_minor AS given_vat, lower(d.days) AS from_on,
               upper(d.days) AS to_on,
               prorate(c.price_minor, c.from_day + (lower(d.days) - c.starts_on), c.from_day + (upper(d.days) - c.starts_on),
                       c.cycle_days) AS value_minor
        FROM edge e
        CROSS JOIN running_invoices(p_operator, p_subscription, p_from) AS r
        JOIN charge c ON c.child_id = e.child_id AND c.owner_id = p_operator AND c.invoice_id = r.invoice_id AND c.ends_on > e.from_on
        CROSS JOIN LATERAL (
            SELECT COALESCE(range_agg(daterange(b.from_on, b.to_on)), '{}') AS days, COALESCE(sum(b.net_minor), 0)::bigint AS net_minor,
                   COALESCE(sum(b.vat_minor), 0)::bigint AS vat_minor
            FROM charge_refund b
            WHERE b.child_id = c.child_id AND b.owner_id = c.owner_id AND b.invoice_id = c.invoice_id AND b.starts_on = c.starts_on
              AND b.part = c.part) AS g
        CROSS JOIN LATERAL unnest(datemultirange(daterange(GREATEST(c.starts_on, e.from_on), c.ends_on)) - g.days) AS d (days)
    ), summed AS (
        SELECT *, sum(value_minor) OVER (PARTITION BY child_id ORDER BY starts_on, invoice_id, part, from_on) AS upto_minor FROM unused
    ), kept AS (
        SELECT *, (GREATEST(0, upto_minor - minimum_minor) - GREATEST(0, upto_minor - value_minor - minimum_minor))::bigint AS back_minor
        FROM summed
    ), counted AS (
        SELECT *, given_net + sum(back_minor) OVER (PARTITION BY child_id, invoice_id, starts_on, part ORDER BY from_on)::bigint AS after_minor
        FROM kept
    ), taxed AS (
        SELECT *, LEAST(vat_minor - given_vat, vat_given_back(net_minor, vat_minor, after_minor)
                                               - vat_given_back(net_minor, vat_minor, after_minor - back_minor)) AS back_vat
        FROM counted
    )
    SELECT child_id, parent_id, depth, mode, invoice_id, starts_on, part, from_on, to_on, back_minor, back_vat,
           CASE WHEN reclaims_input_on(child_id, charged_on) THEN back_vat ELSE 0 END
    FROM taxed
$$;

-- give_back: credits what unused_charges says, one movement per edge, deepest first, up the whole chain; the caller holds the
-- funds' locks. Days worth nothing are marked too, so that they are never given back later. Returns what came into the owner's fund.
CREATE OR REPLACE FUNCTION give_back(
    p_operator bigint, p_subscription bigint, p_from date, p_unpaid_from date, p_policies boolean, p_reason text, p_on date)
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    e record;
    v_movement bigint;
    v_own bigint := 0;
    v_free boolean := is_free_service(p_operator, p_subscription);
BEGIN
    FOR e IN
        SELECT u.child_id, u.parent_id, u.mode, sum(u.net_minor)::bigint AS net, sum(u.vat_minor)::bigint AS vat,
               sum(u.input_vat_minor)::bigint AS input_vat,
               min(format('refund:%s:%s:%s:%s', u.invoice_id, u.starts_on, u.part, u.from_on)) AS key
        FROM unused_charges(p_operator, p_subscription, p_from, p_unpaid_from, p_policies) AS u
        GROUP BY u.child_id, u.parent_id, u.mode, u.depth ORDER BY u.depth DESC
    LOOP
        v_movement := NULL;
        IF e.net + e.vat > 0 THEN
            v_movement := refund_edge(e.child_id, e.parent_id, e.mode, e.net, e.vat, e.input_vat, v_free AND e.child_id = p_operator,
                                      p_on, e.key);
        END IF;
        INSERT INTO charge_refund (child_id, owner_id, invoice_id, starts_on, part, from_on, to_on, parent_id, net_minor, vat_minor,
                                   movement_id, refunded_on, reason)
        SELECT u.child_id, p_operator, u.invoice_id, u.starts_on, u.part, u.from_on, u.to_on, u.parent_id, u.net_minor, u.vat_minor,
               CASE WHEN u.net_minor + u.vat_minor > 0 THEN v_movement END, p_on, p_reason
        FROM unused_charges(p_operator, p_subscription, p_from, p_unpaid_from, p_policies) AS u WHERE u.child_id = e.child_id;
        v_own := v_own + CASE WHEN e.child_id = p_operator THEN e.net + e.vat ELSE 0 END;
    END LOOP;
    RETURN v_own;
END $$;

-- is_free_service: whether what a service costs is a gift of its operator: the own edge's cost is posted as such (SPEC §3).
CREATE OR REPLACE FUNCTION is_free_service(p_operator bigint, p_subscription bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT bp.billing_type = 'free' FROM subscription s
    JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
    WHERE s.operator_id = p_operator AND s.id = p_subscription
$$;

-- refund_edge: one movement that gives wholesale back on a locked edge. p_free: the cost was a gift, and comes back out of there.
CREATE OR REPLACE FUNCTION refund_edge(
    p_child bigint, p_parent bigint, p_mode text, p_net bigint, p_vat bigint, p_input_vat bigint, p_free boolean, p_on date, p_key text)
RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    RETURN move_fund(
        p_child, p_parent, CASE p_mode WHEN 'prepaid' THEN 'wholesale_refund' ELSE 'wholesale_refund_postpaid' END,
        CASE p_mode WHEN 'prepaid' THEN p_net + p_vat ELSE 0 END, CASE p_mode WHEN 'prepaid' THEN 0 ELSE -(p_net + p_vat) END,
        jsonb_build_object('net', p_net, 'vat', p_vat, 'input_vat', p_input_vat,
                           CASE WHEN p_free THEN 'free_cost' ELSE 'cost' END, p_net + p_vat - p_input_vat),
        p_on, p_key);
END $$;

-- is_superseded: whether a later bill of the service took over days of this one: after a leaving or a change.
CREATE OR REPLACE FUNCTION is_superseded(p_invoice invoice) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM invoice n
                   WHERE n.operator_id = p_invoice.operator_id AND n.subscription_id = p_invoice.subscription_id AND n.kind = 'period'
                     AND n.starts_on >= p_invoice.starts_on AND n.starts_on < p_invoice.ends_on AND n.id > p_invoice.id)
$$;

-- share_of(amount, part, whole): the part's share of an amount by cumulative rounding; the amount itself where the part is the whole.
CREATE OR REPLACE FUNCTION share_of(p_amount bigint, p_part bigint, p_whole bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_whole = 0 THEN 0 WHEN p_amount = p_whole THEN p_part
                ELSE div(2 * p_amount::numeric * p_part + p_whole, 2 * p_whole::numeric)::bigint END
$$;

-- credited_of: what credit notes gave back of a bill: the days, what these are worth at the bill's price, and the money.
CREATE OR REPLACE FUNCTION credited_of(
    p_operator bigint, p_invoice bigint, OUT days datemultirange, OUT value_minor bigint, OUT net_minor bigint, OUT vat_minor bigint)
LANGUAGE sql STABLE AS $$
    SELECT COALESCE(range_agg(daterange(c.from_on, c.to_on)) FILTER (WHERE c.from_on IS NOT NULL), '{}'),
           COALESCE(sum(prorate(i.price_minor, i.from_day + (c.from_on - i.starts_on), i.from_day + (c.to_on - i.starts_on), i.cycle_days)),
                    0)::bigint,
           COALESCE(sum(c.net_minor), 0)::bigint, COALESCE(sum(c.vat_minor), 0)::bigint
    FROM credit_note c JOIN invoice i ON i.operator_id = c.operator_id AND i.id = c.invoice_id
    WHERE c.operator_id = p_operator AND c.invoice_id = p_invoice
$$;

-- asked_of: what a bill asks for since it was issued: its net and VAT after discounts, later ones too, and less what was given up as
-- lost. Days are credited at this rate: nobody gets back what nobody asks for any more.
CREATE OR REPLACE FUNCTION asked_of(i invoice, OUT net_minor bigint, OUT vat_minor bigint)
LANGUAGE sql STABLE AS $$
    SELECT (i.net_minor - i.discount_minor - COALESCE(sum(a.net_minor), 0))::bigint, (i.vat_minor - COALESCE(sum(a.vat_minor), 0))::bigint
    FROM adjustment a WHERE a.operator_id = i.operator_id AND a.invoice_id = i.id AND a.kind <> 'recovered'
$$;

-- unused_bills: what a service's bills asked for days from p_from on and no credit note gave back yet, after their discount. The credit
-- that takes the last of a bill takes its rounding along, so that nothing of it stays open.
CREATE OR REPLACE FUNCTION unused_bills(p_operator bigint, p_subscription bigint, p_from date)
RETURNS TABLE (
    invoice_id bigint, customer_id bigint, due_on date, number bigint, from_on date, to_on date, net_minor bigint, vat_minor bigint)
LANGUAGE sql STABLE AS $$
    WITH bill AS (
        SELECT i.*, q.net_minor AS asked_minor, q.vat_minor AS asked_vat,
               prorate(i.price_minor, i.from_day, i.from_day + (i.ends_on - i.starts_on), i.cycle_days) AS whole_minor
        FROM invoice i CROSS JOIN LATERAL asked_of(i) AS q
        WHERE i.operator_id = p_operator AND i.subscription_id = p_subscription AND i.kind = 'period' AND i.ends_on > p_from
          AND i.billed_days IS NULL
          AND NOT is_superseded(i)
    ), unused AS (
        SELECT b.*, g.net_minor AS given_net, g.vat_minor AS given_vat, lower(d.days) AS from_on, upper(d.days) AS to_on,
               g.value_minor + sum(v.minor) OVER (PARTITION BY b.id ORDER BY lower(d.days))::bigint AS upto_minor, v.minor AS value_minor
        FROM bill b
        CROSS JOIN LATERAL credited_of(b.operator_id, b.id) AS g
        CROSS JOIN LATERAL unnest(datemultirange(daterange(GREATEST(b.starts_on, p_from), b.ends_on)) - g.days) AS d (days)
        CROSS JOIN LATERAL (SELECT prorate(b.price_minor, b.from_day + (lower(d.days) - b.starts_on),
                                           b.from_day + (upper(d.days) - b.starts_on), b.cycle_days) AS minor) AS v
    ), shared AS (
        SELECT *, LEAST(asked_minor - given_net, share_of(asked_minor, upto_minor, whole_minor)
                                                 - share_of(asked_minor, upto_minor - value_minor, whole_minor)) AS back_minor
        FROM unused
    ), counted AS (
        SELECT *, GREATEST(back_minor, 0) AS back, given_net + sum(GREATEST(back_minor, 0)) OVER (PARTITION BY id ORDER BY from_on)::bigint
            AS after_minor
        FROM shared
    )
    SELECT id, customer_id, due_on, number, from_on, to_on,
           back + CASE WHEN upto_minor = whole_minor AND back > 0 THEN rounding_minor ELSE 0 END,
           GREATEST(0, LEAST(asked_vat - given_vat, vat_given_back(asked_minor, asked_vat, after_minor)
                                                    - vat_given_back(asked_minor, asked_vat, after_minor - back)))
    FROM counted
$$;

-- credit_bills: a credit note for each run of unused days, up to what is open on its bill, the rest to the customer's advance; the
-- caller holds the customer's lock.
CREATE OR REPLACE FUNCTION credit_bills(
    p_operator bigint, p_subscription bigint, p_from date, p_reason text, p_on date, p_now timestamptz,
    OUT credit_minor bigint, OUT to_advance_minor bigint)
LANGUAGE plpgsql AS $$
DECLARE
    b record;
    v_credit bigint;
    v_to_invoice bigint;
    v_note bigint;
BEGIN
    credit_minor := 0;
    to_advance_minor := 0;
    FOR b IN SELECT * FROM unused_bills(p_operator, p_subscription, p_from) WHERE net_minor > 0 ORDER BY number, from_on LOOP
        v_credit := b.net_minor + b.vat_minor;
        v_to_invoice := LEAST(v_credit, COALESCE((
            SELECT open_minor FROM invoice_open
            WHERE operator_id = p_operator AND customer_id = b.customer_id AND due_on = b.due_on AND number = b.number FOR UPDATE), 0));
        INSERT INTO credit_note (operator_id, invoice_id, customer_id, net_minor, vat_minor, to_invoice_minor, to_advance_minor, from_on,
                                 to_on, issued_on, reason)
        VALUES (p_operator, b.invoice_id, b.customer_id, b.net_minor, b.vat_minor, v_to_invoice, v_credit - v_to_invoice, b.from_on,
                b.to_on, p_on, p_reason)
        RETURNING id INTO v_note;
        PERFORM post_event(p_operator, 'credit_note', 'own', v_note, p_on, p_now, jsonb_build_object(
            'net_to_invoice', LEAST(b.net_minor, v_to_invoice), 'net_to_advance', b.net_minor - LEAST(b.net_minor, v_to_invoice),
            'vat_to_invoice', v_to_invoice - LEAST(b.net_minor, v_to_invoice),
            'vat_to_advance', b.vat_minor - (v_to_invoice - LEAST(b.net_minor, v_to_invoice))), b.customer_id);
        PERFORM reduce_open(p_operator, b.customer_id, b.due_on, b.number, v_to_invoice);
        PERFORM add_advance(p_operator, b.customer_id, v_credit - v_to_invoice);
        credit_minor := credit_minor + v_credit;
        to_advance_minor := to_advance_minor + v_credit - v_to_invoice;
    END LOOP;
END $$;

-- unpaid_from: for a service that is off on a day as unpaid, the day after its last enabled one; else NULL.
CREATE OR REPLACE FUNCTION unpaid_from(p_operator bigint, p_subscription bigint, p_on date) RETURNS date
LANGUAGE sql STABLE AS $$
    SELECT min(day) FROM (
        SELECT day, day + row_number() OVER (ORDER BY day DESC)::integer AS island,
               bool_or(day = p_on AND reason = 'unpaid') OVER () AS is_unpaid
        FROM off_days(p_operator, p_subscription, p_on - 400, p_on + 1)) AS off
    WHERE is_unpaid AND island = p_on + 1
$$;

-- Contract (app): a customer of the acting operator leaves on p_on, which is consumed. The whole unused days are credited at the rates
-- actually charged: up every edge at that edge's own and by its refund policy, and to the customer by a credit note, up to what is
-- open on the bill, the rest to its advance (SPEC 2.6). Each day once. p_retail false: no credit note. Where an edge or the profile
-- credits unpaid days, they count from the last enabled day. What was given back is billed anew if the customer is restored; what was
-- held of a renewal or planned waits no more. p_preview: says what it would do and does nothing.
-- Returns {"days", "back_minor": what comes back into the acting operator's own fund (of the edges above it learns nothing),
-- "credit_minor", "to_advance_minor"}.
CREATE OR REPLACE FUNCTION refund_unused_days(
    p_subscription bigint, p_on date, p_now timestamptz, p_retail boolean, p_preview boolean) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operator bigint := acting_operator();
    v_customer bigint;
    v_unpaid_from date := unpaid_from(v_operator, p_subscription, p_on);
    v_retail_from date;
    v_days bigint;
    v_back bigint;
    v_credit record;
BEGIN
    PERFORM lock_chains(ARRAY[v_operator]);
    SELECT s.customer_id, CASE WHEN 'unpaid' = ANY (bp.credit_days_for) THEN COALESCE(v_unpaid_from, p_on + 1) ELSE p_on + 1 END
    INTO v_customer, v_retail_from
    FROM subscription s JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
    WHERE s.operator_id = v_operator AND s.id = p_subscription;
    PERFORM 1 FROM customer WHERE operator_id = v_operator AND id = v_customer FOR NO KEY UPDATE;
    SELECT GREATEST((SELECT sum(to_on - from_on) FROM unused_bills(v_operator, p_subscription, v_retail_from)),
                    (SELECT sum(to_on - from_on) FROM unused_charges(v_operator, p_subscription, p_on + 1, v_unpaid_from, true)
                     WHERE child_id = v_operator), 0) INTO v_days;
    IF p_preview THEN
        RETURN refund_preview(v_operator, p_subscription, p_on, v_unpaid_from, CASE WHEN p_retail THEN v_retail_from END, v_days);
    END IF;
    SELECT 0::bigint AS credit_minor, 0::bigint AS to_advance_minor INTO v_credit;
    IF p_retail THEN
        SELECT * INTO v_credit FROM credit_bills(v_operator, p_subscription, v_retail_from, 'left', p_on, p_now);
    END IF;
    v_back := give_back(v_operator, p_subscription, p_on + 1, v_unpaid_from, true, 'left', p_on);
    DELETE FROM held_bill WHERE operator_id = v_operator AND subscription_id = p_subscription;
    DELETE FROM planned_change WHERE operator_id = v_operator AND subscription_id = p_subscription;
    IF v_credit.credit_minor > 0 OR own_edge_gave_back(v_operator, p_subscription, p_on, 'left')
       OR own_edge_keeps_nothing(v_operator, p_subscription, p_on + 1) THEN
        PERFORM end_billing_on(v_operator, p_subscription, p_on + 1);
    END IF;
    RETURN jsonb_build_object('days', v_days, 'back_minor', v_back, 'credit_minor', v_credit.credit_minor,
                              'to_advance_minor', v_credit.to_advance_minor);
END $$;

-- refund_preview: the answer of refund_unused_days before anything is done. p_retail_from NULL: no credit note is wished.
CREATE OR REPLACE FUNCTION refund_preview(
    p_operator bigint, p_subscription bigint, p_on date, p_unpaid_from date, p_retail_from date, p_days bigint) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('days', p_days, 'back_minor', back.minor, 'credit_minor', credit.minor, 'to_advance_minor', credit.to_advance)
    FROM (SELECT COALESCE(sum(net_minor + vat_minor), 0)::bigint AS minor
          FROM unused_charges(p_operator, p_subscription, p_on + 1, p_unpaid_from, true) WHERE child_id = p_operator) AS back,
         (SELECT COALESCE(sum(minor), 0)::bigint AS minor, COALESCE(sum(GREATEST(0, minor - open_minor)), 0)::bigint AS to_advance
          FROM (SELECT sum(u.net_minor + u.vat_minor) AS minor, COALESCE(max(o.open_minor), 0) AS open_minor
                FROM unused_bills(p_operator, p_subscription, p_retail_from) AS u
                LEFT JOIN invoice_open o ON o.operator_id = p_operator AND o.customer_id = u.customer_id AND o.due_on = u.due_on
                    AND o.number = u.number
                WHERE u.net_minor > 0 GROUP BY u.invoice_id) AS bills) AS credit
$$;

-- own_edge_gave_back: whether days were given back on the owner's own edge on a day for that reason, be they worth nothing.
CREATE OR REPLACE FUNCTION own_edge_gave_back(p_operator bigint, p_subscription bigint, p_on date, p_reason text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM running_invoices(p_operator, p_subscription, p_on) AS i
                   JOIN charge_refund r ON r.child_id = p_operator AND r.owner_id = p_operator AND r.invoice_id = i.invoice_id
                   WHERE r.refunded_on = p_on AND r.reason = p_reason)
$$;

-- own_edge_keeps_nothing: whether nothing of a period billed in arrears stays charged on the owner's own edge for days from a day on: it
-- can be billed until then, and what follows anew. Where something stays, the period runs to its end, for who comes back before.
CREATE OR REPLACE FUNCTION own_edge_keeps_nothing(p_operator bigint, p_subscription bigint, p_from date) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM billing_state WHERE operator_id = p_operator AND subscription_id = p_subscription
                   AND running_invoice_id IS NOT NULL)
       AND NOT EXISTS (SELECT 1 FROM unused_charges(p_operator, p_subscription, p_from, NULL, false) WHERE child_id = p_operator)
$$;

-- end_billing_on: what is billed and charged of a service ends on a day; what follows is billed anew. A running period billed in
-- arrears keeps its start: its days until then are still to be billed.
CREATE OR REPLACE FUNCTION end_billing_on(p_operator bigint, p_subscription bigint, p_on date) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE billing_state
    SET billed_until = CASE WHEN running_invoice_id IS NULL THEN LEAST(billed_until, p_on) ELSE billed_until END,
        charged_until = LEAST(charged_until, p_on), day_charged_until = LEAST(day_charged_until, p_on)
    WHERE operator_id = p_operator AND subscription_id = p_subscription;
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
