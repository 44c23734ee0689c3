-- From staged periods to invoices, charges on every edge, entries in every book: all or nothing per period (SPEC 2.3).

-- expect(n, wanted, step): every step must write exactly the rows that it was meant to.
CREATE OR REPLACE FUNCTION expect(p_rows bigint, p_wanted bigint, p_step text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF p_rows IS DISTINCT FROM p_wanted THEN
        RAISE EXCEPTION 'billing step % wrote % rows instead of %', p_step, p_rows, p_wanted;
    END IF;
END $$;

-- park_unpriced: a period for whose plan some edge has no price cannot be billed; it goes to the run's exceptions.
CREATE OR REPLACE FUNCTION park_unpriced(p_run bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE v_count bigint;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM stage_cost WHERE price_minor IS NULL) THEN
        RETURN 0;
    ELSIF p_run IS NULL THEN
        PERFORM refuse('no_tariff', 'Your provider has set no price for this plan yet; ask it to set one.');
    END IF;
    WITH unpriced AS (
        DELETE FROM stage_due d USING stage_class c
        WHERE (c.operator_id, c.plan_operator_id, c.plan_id, c.starts_on, c.anchor_day)
            = (d.operator_id, d.plan_operator_id, d.plan_id, d.starts_on, d.anchor_day)
          AND c.class_id IN (SELECT class_id FROM stage_cost WHERE price_minor IS NULL)
        RETURNING d.operator_id, d.subscription_id, d.starts_on)
    INSERT INTO run_exception (operator_id, run_id, subscription_id, starts_on, reason)
    SELECT operator_id, p_run, subscription_id, starts_on, 'no_tariff' FROM unpriced;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    DELETE FROM stage_class WHERE class_id IN (SELECT class_id FROM stage_cost WHERE price_minor IS NULL);
    DELETE FROM stage_cost WHERE class_id NOT IN (SELECT class_id FROM stage_class);
    RETURN v_count;
END $$;

-- park_closed: no bill into a closed period of any books that it touches. A run leaves those bills to a later date and goes on with
-- the others: nobody's closed books stop another operator's night.
CREATE OR REPLACE FUNCTION park_closed(p_run bigint, p_on date) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_closed bigint[];
    v_count bigint;
BEGIN
    SELECT array_agg(o.id) INTO v_closed FROM operator o
    WHERE o.id IN (SELECT operator_id FROM stage_due)
      AND EXISTS (SELECT 1 FROM books b WHERE b.operator_id = ANY (o.path) AND b.locked_through >= p_on);
    IF v_closed IS NULL THEN
        RETURN 0;
    ELSIF p_run IS NULL THEN
        PERFORM refuse('period_closed', format('Books that this is posted in are closed on %s; use a later date.', p_on));
    END IF;
    WITH closed AS (
        DELETE FROM stage_due WHERE operator_id = ANY (v_closed) RETURNING operator_id, subscription_id, starts_on)
    INSERT INTO run_exception (operator_id, run_id, subscription_id, starts_on, reason)
    SELECT operator_id, p_run, subscription_id, starts_on, 'period_closed' FROM closed;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END $$;

-- hold_what_does_not_fit: takes the staged periods in rank order; one that some short fund of its chain cannot pay is held.
-- Funds that cover all that is asked of them cannot refuse anyone, so only periods under a short fund are looked at one by one.
-- p_run NULL: a single period, which is refused instead of held unless p_hold.
CREATE OR REPLACE FUNCTION hold_what_does_not_fit(p_run bigint, p_on date, p_hold boolean) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    r record;
    v_left bigint[];
    v_fits boolean;
    v_operators bigint[] := '{}';
    v_subscriptions bigint[] := '{}';
    v_children bigint[] := '{}';
    v_sums bigint[] := '{}';
BEGIN
    INSERT INTO stage_short (slot, child_id, available_minor)
    SELECT row_number() OVER (ORDER BY f.child_id)::integer AS slot, f.child_id,
           CASE f.mode WHEN 'prepaid' THEN f.posted_minor - f.held_minor + f.credit_limit_minor
                       ELSE f.credit_limit_minor - f.owed_minor END AS available_minor
    FROM fund f
    JOIN (SELECT k.child_id, sum(c.bills::numeric * (k.net_minor + k.vat_minor)) AS needed_minor
          FROM stage_cost k JOIN stage_class c USING (class_id) GROUP BY k.child_id) AS n USING (child_id)
    WHERE n.needed_minor > CASE f.mode WHEN 'prepaid' THEN f.posted_minor - f.held_minor + f.credit_limit_minor
                                       ELSE f.credit_limit_minor - f.owed_minor END;
    SELECT array_agg(available_minor ORDER BY slot) INTO v_left FROM stage_short;
    IF v_left IS NULL THEN
        RETURN 0;
    END IF;
    FOR r IN
        SELECT d.operator_id, d.subscription_id, k.slots, k.children, k.sums
        FROM stage_due d
        JOIN stage_class c ON (c.operator_id, c.plan_operator_id, c.plan_id, c.starts_on, c.anchor_day)
            = (d.operator_id, d.plan_operator_id, d.plan_id, d.starts_on, d.anchor_day)
        JOIN (SELECT class_id, array_agg(s.slot ORDER BY depth DESC) AS slots, array_agg(s.child_id ORDER BY depth DESC) AS children,
                     array_agg(net_minor + vat_minor ORDER BY depth DESC) AS sums
              FROM stage_cost JOIN stage_short s USING (child_id) GROUP BY class_id) AS k USING (class_id)
        ORDER BY d.rank
    LOOP
        v_fits := true;
        FOR i IN 1 .. cardinality(r.slots) LOOP
            IF v_left[r.slots[i]] < r.sums[i] THEN
                v_fits := false;
                v_operators := v_operators || r.operator_id;
                v_subscriptions := v_subscriptions || r.subscription_id;
                v_children := v_children || r.children[i];
                v_sums := v_sums || r.sums[i];
                EXIT;
            END IF;
        END LOOP;
        IF v_fits THEN
            FOR i IN 1 .. cardinality(r.slots) LOOP
                v_left[r.slots[i]] := v_left[r.slots[i]] - r.sums[i];
            END LOOP;
        END IF;
    END LOOP;
    IF p_run IS NULL AND NOT p_hold AND v_operators <> '{}' THEN
        IF v_children[1] = v_operators[1] THEN
            PERFORM refuse('fund_too_low', 'Your fund with your provider does not cover this; recharge it and try again.');
        END IF;
        PERFORM refuse('upstream_short', 'Your provider cannot serve this at the moment; it has been told. Try again later.');
    END IF;
    INSERT INTO held_bill (operator_id, subscription_id, starts_on, short_child_id, short_minor, since_on, last_run_id)
    SELECT h.operator_id, h.subscription_id, d.starts_on, h.child_id, h.sum_minor, p_on, p_run
    FROM unnest(v_operators, v_subscriptions, v_children, v_sums) AS h (operator_id, subscription_id, child_id, sum_minor)
    JOIN stage_due d ON d.operator_id = h.operator_id AND d.subscription_id = h.subscription_id
    ON CONFLICT (operator_id, subscription_id) DO UPDATE
    SET short_child_id = EXCLUDED.short_child_id, short_minor = EXCLUDED.short_minor, last_run_id = EXCLUDED.last_run_id;
    DELETE FROM stage_due d USING unnest(v_operators, v_subscriptions) AS h (operator_id, subscription_id)
    WHERE d.operator_id = h.operator_id AND d.subscription_id = h.subscription_id;
    RETURN cardinality(v_operators);
END $$;

-- charge_edges: one movement per (edge, slice) with its entries in both books, and the fund's balance. Sums only.
CREATE OR REPLACE FUNCTION charge_edges(p_key text, p_on date, p_now timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_moved bigint;
    v_count bigint;
BEGIN
    INSERT INTO stage_edge (child_id, parent_id, mode, movement_id, net_minor, vat_minor, input_vat_minor)
    SELECT child_id, parent_id, mode, nextval('fund_movement_id_seq'), net, vat, CASE WHEN reclaims THEN vat ELSE 0 END
    FROM (SELECT k.child_id, k.parent_id, k.mode, k.reclaims, sum(b.bills * k.net_minor)::bigint AS net, sum(b.bills * k.vat_minor)::bigint AS vat
          FROM stage_cost k JOIN (SELECT class_id, count(*) AS bills FROM stage_bill GROUP BY class_id) AS b USING (class_id)
          GROUP BY k.child_id, k.parent_id, k.mode, k.reclaims) AS sums
    WHERE net + vat > 0;
    GET DIAGNOSTICS v_moved = ROW_COUNT;

    INSERT INTO fund_movement (child_id, id, parent_id, kind, fund_minor, owed_minor, net_minor, vat_minor, moved_on, recorded_at, actor_id, request_key)
    SELECT child_id, movement_id, parent_id, CASE mode WHEN 'prepaid' THEN 'wholesale_charge' ELSE 'wholesale_charge_postpaid' END,
           CASE mode WHEN 'prepaid' THEN -(net_minor + vat_minor) ELSE 0 END, CASE mode WHEN 'prepaid' THEN 0 ELSE net_minor + vat_minor END,
           net_minor, vat_minor, p_on, p_now, acting_user(), p_key
    FROM stage_edge;
    UPDATE fund f
    SET posted_minor = f.posted_minor - CASE e.mode WHEN 'prepaid' THEN e.net_minor + e.vat_minor ELSE 0 END,
        owed_minor = f.owed_minor + CASE e.mode WHEN 'prepaid' THEN 0 ELSE e.net_minor + e.vat_minor END
    FROM stage_edge e WHERE f.child_id = e.child_id;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    PERFORM expect(v_count, v_moved, 'fund');

    WITH entries AS (
        INSERT INTO entry (operator_id, kind, source_id, effective_on, recorded_at, actor_id, transfer_id)
        SELECT CASE side WHEN 'parent' THEN parent_id ELSE child_id END,
               CASE mode WHEN 'prepaid' THEN 'wholesale_charge' ELSE 'wholesale_charge_postpaid' END,
               movement_id, p_on, p_now, acting_user(), movement_id
        FROM stage_edge CROSS JOIN (VALUES ('parent'), ('child')) AS sides (side)
        RETURNING operator_id, id, kind, source_id)
    INSERT INTO posting (operator_id, entry_id, n, debit_code, credit_code, amount_minor, debit_party, credit_party, effective_on)
    SELECT n.operator_id, n.id, t.n, t.debit_code, t.credit_code, amount.minor,
           CASE WHEN t.debit_party IS NOT NULL THEN party.id END, CASE WHEN t.credit_party IS NOT NULL THEN party.id END, p_on
    FROM entries n
    JOIN stage_edge e ON e.movement_id = n.source_id
    JOIN posting_template t ON t.kind = n.kind AND t.side = CASE WHEN n.operator_id = e.parent_id THEN 'parent' ELSE 'child' END
    CROSS JOIN LATERAL (SELECT CASE WHEN n.operator_id = e.parent_id THEN e.child_id ELSE e.parent_id END AS id) AS party
    CROSS JOIN LATERAL (SELECT CASE t.amount WHEN 'net' THEN e.net_minor WHEN 'vat' THEN e.vat_minor WHEN 'input_vat' THEN e.input_vat_minor
                                   WHEN 'cost' THEN e.net_minor + e.vat_minor - e.input_vat_minor END AS minor) AS amount
    WHERE amount.minor <> 0;
END $$;

-- bill_staged: invoices, charges, entries for all that is still staged. Returns how many bills and their sum.
CREATE OR REPLACE FUNCTION bill_staged(p_run bigint, p_key text, p_on date, p_now timestamptz, OUT bills bigint, OUT billed_minor bigint)
LANGUAGE plpgsql AS $$
DECLARE v_count bigint;
BEGIN
    -- counters are locked in key order and moved on by what each operator bills
    PERFORM 1 FROM invoice_numbering WHERE operator_id IN (SELECT operator_id FROM stage_class) ORDER BY operator_id FOR NO KEY UPDATE;
    INSERT INTO stage_bill (class_id, operator_id, subscription_id, customer_id, invoice_id, entry_id, number, starts_on, ends_on,
                            cycle_days, price_minor, net_minor, vat_minor, due_on, applied_minor, was_cut)
    SELECT c.class_id, d.operator_id, d.subscription_id, d.customer_id, nextval('invoice_id'), nextval('entry_id'),
           n.next_number - 1 + row_number() OVER (PARTITION BY d.operator_id ORDER BY d.rank), d.starts_on, c.ends_on, c.cycle_days,
           d.price_minor, net.minor, vat_of(net.minor, c.vat_bp), p_on + d.due_days,
           CASE WHEN d.advance_minor = 0 THEN 0 ELSE GREATEST(0, LEAST(net.minor + vat_of(net.minor, c.vat_bp), d.advance_minor
               - (sum(net.minor + vat_of(net.minor, c.vat_bp)) OVER (PARTITION BY d.operator_id, d.customer_id ORDER BY d.rank)
                  - net.minor - vat_of(net.minor, c.vat_bp)))) END, d.was_cut
    FROM stage_due d
    JOIN stage_class c ON (c.operator_id, c.plan_operator_id, c.plan_id, c.starts_on, c.anchor_day)
            = (d.operator_id, d.plan_operator_id, d.plan_id, d.starts_on, d.anchor_day)
    JOIN invoice_numbering n ON n.operator_id = d.operator_id
    CROSS JOIN LATERAL (SELECT prorate(d.price_minor, c.from_day, c.to_day, c.cycle_days) AS minor) AS net;
    GET DIAGNOSTICS bills = ROW_COUNT;
    PERFORM expect(bills, (SELECT count(*) FROM stage_due), 'stage_bill');
    UPDATE invoice_numbering n SET next_number = n.next_number + b.bills
    FROM (SELECT operator_id, count(*) AS bills FROM stage_bill GROUP BY 1) AS b WHERE n.operator_id = b.operator_id;

    INSERT INTO invoice (operator_id, id, number, kind, customer_id, subscription_id, starts_on, ends_on, revision, price_minor,
                         cycle_days, net_minor, vat_minor, total_minor, issued_on, due_on, run_id)
    SELECT operator_id, invoice_id, number, 'period', customer_id, subscription_id, starts_on, ends_on, 0, price_minor, cycle_days,
           net_minor, vat_minor, net_minor + vat_minor, p_on, due_on, p_run
    FROM stage_bill;
    PERFORM charge_edges(p_key, p_on, p_now);
    INSERT INTO charge (child_id, owner_id, invoice_id, parent_id, subscription_id, starts_on, ends_on, price_minor, cycle_days,
                        from_day, net_minor, vat_minor, movement_id, charged_on)
    SELECT k.child_id, b.operator_id, b.invoice_id, k.parent_id, b.subscription_id, b.starts_on, b.ends_on, k.price_minor,
           b.cycle_days, c.from_day, k.net_minor, k.vat_minor, e.movement_id, p_on
    FROM stage_bill b JOIN stage_class c USING (class_id) JOIN stage_cost k USING (class_id) LEFT JOIN stage_edge e ON e.child_id = k.child_id;

    INSERT INTO entry (operator_id, id, kind, source_id, effective_on, recorded_at, actor_id)
    SELECT operator_id, entry_id, 'retail_invoice', invoice_id, p_on, p_now, acting_user() FROM stage_bill WHERE net_minor > 0;
    INSERT INTO posting (operator_id, entry_id, n, debit_code, credit_code, amount_minor, debit_party, credit_party, effective_on)
    SELECT b.operator_id, b.entry_id, t.n, t.debit_code, t.credit_code,
           CASE t.amount WHEN 'net_less_discount' THEN b.net_minor WHEN 'vat' THEN b.vat_minor END,
           CASE WHEN t.debit_party IS NOT NULL THEN b.customer_id END, CASE WHEN t.credit_party IS NOT NULL THEN b.customer_id END, p_on
    FROM stage_bill b JOIN posting_template t ON t.kind = 'retail_invoice' AND t.side = 'own'
    WHERE CASE t.amount WHEN 'net_less_discount' THEN b.net_minor WHEN 'vat' THEN b.vat_minor END > 0;
    INSERT INTO invoice_open (operator_id, customer_id, due_on, number, invoice_id, open_minor)
    SELECT operator_id, customer_id, due_on, number, invoice_id, net_minor + vat_minor - applied_minor
    FROM stage_bill WHERE net_minor + vat_minor > applied_minor;
    PERFORM apply_staged_advances(p_on, p_now);

    UPDATE billing_state s SET billed_until = b.ends_on, charged_until = b.ends_on FROM stage_bill b
    WHERE s.operator_id = b.operator_id AND s.subscription_id = b.subscription_id AND s.billed_until <= b.starts_on;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    PERFORM expect(v_count, bills, 'billing_state');
    PERFORM lift_short_blocks(p_on, p_now);
    DELETE FROM held_bill h USING stage_bill b WHERE h.operator_id = b.operator_id AND h.subscription_id = b.subscription_id;
    SELECT COALESCE(sum(net_minor + vat_minor), 0) INTO billed_minor FROM stage_bill;
END $$;

-- apply_staged_advances: the customer's advance pays the new bill as far as it goes.
CREATE OR REPLACE FUNCTION apply_staged_advances(p_on date, p_now timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM stage_bill WHERE applied_minor > 0) THEN
        RETURN;
    END IF;
    UPDATE customer_advance a SET advance_minor = a.advance_minor - b.applied
    FROM (SELECT operator_id, customer_id, sum(applied_minor) AS applied FROM stage_bill WHERE applied_minor > 0 GROUP BY 1, 2) AS b
    WHERE a.operator_id = b.operator_id AND a.customer_id = b.customer_id;
    WITH used AS (
        INSERT INTO allocation (operator_id, invoice_id, customer_id, amount_minor, allocated_on)
        SELECT operator_id, invoice_id, customer_id, applied_minor, p_on FROM stage_bill WHERE applied_minor > 0
        RETURNING operator_id, id, customer_id, amount_minor),
    entries AS (
        INSERT INTO entry (operator_id, kind, source_id, effective_on, recorded_at, actor_id)
        SELECT operator_id, 'advance_applied', id, p_on, p_now, acting_user() FROM used RETURNING operator_id, id, source_id)
    INSERT INTO posting (operator_id, entry_id, n, debit_code, credit_code, amount_minor, debit_party, credit_party, effective_on)
    SELECT e.operator_id, e.id, t.n, t.debit_code, t.credit_code, u.amount_minor, u.customer_id, u.customer_id, p_on
    FROM entries e JOIN used u ON u.operator_id = e.operator_id AND u.id = e.source_id
    JOIN posting_template t ON t.kind = 'advance_applied' AND t.side = 'own';
END $$;
