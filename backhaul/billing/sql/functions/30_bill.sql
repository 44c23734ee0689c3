-- From staged periods to invoices, charges on every edge, entries in every book: all or nothing per period (SPEC 2.3).

-- expect(n, wanted, step): every step must write exactly the rows that it was meant to.
CREATE OR REPLACE FUNCTION expect(p_rows bigint, p_wanted bigint, p_step text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF p_rows IS DISTINCT FROM p_wanted THEN
        RAISE EXCEPTION 'billing step % wrote % rows instead of %', p_step, p_rows, p_wanted;
    END IF;
END $$;

-- park_unpriced: a step for whose plan some edge has no price cannot be taken; it goes to the run's exceptions.
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
        DELETE FROM stage_due WHERE class_id IN (SELECT class_id FROM stage_cost WHERE price_minor IS NULL)
        RETURNING operator_id, subscription_id, starts_on)
    INSERT INTO run_exception (operator_id, run_id, subscription_id, starts_on, reason)
    SELECT operator_id, p_run, subscription_id, starts_on, 'no_tariff' FROM unpriced;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    DELETE FROM stage_class WHERE class_id IN (SELECT class_id FROM stage_cost WHERE price_minor IS NULL);
    DELETE FROM stage_cost WHERE class_id NOT IN (SELECT class_id FROM stage_class);
    RETURN v_count;
END $$;

-- park_closed: no bill into a closed period of any books that it touches, nor into books that were stopped. A run leaves those bills
-- to a later date and goes on with the others: nobody's closed books stop another operator's night.
CREATE OR REPLACE FUNCTION park_closed(p_run bigint, p_on date) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_closed bigint[];
    v_stopped bigint[];
    v_count bigint;
BEGIN
    PERFORM keep_open(ARRAY(SELECT DISTINCT operator_id FROM stage_due), p_on);
    SELECT array_agg(o.id), COALESCE(array_agg(o.id) FILTER (WHERE why.stopped), '{}') INTO v_closed, v_stopped FROM operator o
    CROSS JOIN LATERAL (SELECT bool_or(b.stopped_at IS NOT NULL) AS stopped FROM books b
                        WHERE b.operator_id = ANY (o.path) AND takes_nothing(b, p_on)) AS why
    WHERE o.id IN (SELECT operator_id FROM stage_due) AND why.stopped IS NOT NULL;
    IF v_closed IS NULL THEN
        RETURN 0;
    ELSIF p_run IS NULL AND v_stopped <> '{}' THEN
        PERFORM refuse('books_stopped', 'Books that this is posted in were found not to hold, and take nothing until they are released.');
    ELSIF p_run IS NULL THEN
        PERFORM refuse('period_closed', 'Books that this is posted in are closed on %s; use a later date.', p_on::text);
    END IF;
    WITH closed AS (
        DELETE FROM stage_due WHERE operator_id = ANY (v_closed) RETURNING operator_id, subscription_id, starts_on)
    INSERT INTO run_exception (operator_id, run_id, subscription_id, starts_on, reason)
    SELECT operator_id, p_run, subscription_id, starts_on,
           CASE WHEN operator_id = ANY (v_stopped) THEN 'books_stopped' ELSE 'period_closed' END FROM closed;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END $$;

-- park_billed: a period that starts on the day of an earlier bill of the service is that bill's next revision, once it is credited in
-- full; until then it is not billed (A38). A run leaves it to a person and goes on with the others.
CREATE OR REPLACE FUNCTION park_billed(p_run bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    d record;
    v_revision smallint;
    v_count bigint := 0;
BEGIN
    FOR d IN
        SELECT DISTINCT s.operator_id, s.subscription_id, s.starts_on FROM stage_due s
        JOIN invoice i ON i.operator_id = s.operator_id AND i.subscription_id = s.subscription_id AND i.kind = 'period'
             AND i.starts_on = s.starts_on
        WHERE s.what & 1 = 1
    LOOP
        v_revision := next_revision(d.operator_id, d.subscription_id, d.starts_on);
        IF v_revision IS NOT NULL THEN
            UPDATE stage_due SET revision = v_revision WHERE operator_id = d.operator_id AND subscription_id = d.subscription_id;
        ELSIF p_run IS NULL THEN
            PERFORM refuse('already_billed', 'The period from %s is billed already; credit that bill in full first.', d.starts_on::text);
        ELSE
            DELETE FROM stage_due WHERE operator_id = d.operator_id AND subscription_id = d.subscription_id;
            INSERT INTO run_exception (operator_id, run_id, subscription_id, starts_on, reason)
            VALUES (d.operator_id, p_run, d.subscription_id, d.starts_on, 'already_billed');
            v_count := v_count + 1;
        END IF;
    END LOOP;
    RETURN v_count;
END $$;

-- hold_what_does_not_fit: takes the staged steps in rank order; one that some short fund of its chain cannot pay is held, and so is
-- one whose renewals a fund's guard holds (SPEC 2.4). Funds that cover all that is asked of them and have no such guard cannot refuse
-- anyone, so only steps under the others are looked at one by one.
-- p_run NULL: a single step, which is refused instead of held unless p_hold.
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
    SELECT row_number() OVER (ORDER BY f.child_id)::integer, f.child_id, fund_available(f)
    FROM fund f
    JOIN (SELECT k.child_id, sum(c.steps::numeric * (k.net_minor + k.vat_minor)) AS needed_minor
          FROM stage_cost k JOIN stage_class c USING (class_id) GROUP BY k.child_id) AS n USING (child_id)
    WHERE n.needed_minor > 0 AND (n.needed_minor > fund_available(f) OR f.guard_step IN ('holds_renewals', 'disabled'));
    SELECT array_agg(available_minor ORDER BY slot) INTO v_left FROM stage_short;
    IF v_left IS NULL THEN
        RETURN 0;
    END IF;
    FOR r IN
        SELECT d.operator_id, d.subscription_id, k.slots, k.children, k.sums, k.guarded
        FROM stage_due d
        JOIN (SELECT k.class_id, array_agg(s.slot ORDER BY k.depth DESC) AS slots, array_agg(k.child_id ORDER BY k.depth DESC) AS children,
                     array_agg(k.net_minor + k.vat_minor ORDER BY k.depth DESC) AS sums,
                     array_agg(guard_holds(f, c.operator_id) ORDER BY k.depth DESC) AS guarded
              FROM stage_cost k JOIN stage_short s USING (child_id) JOIN fund f USING (child_id) JOIN stage_class c USING (class_id)
              GROUP BY k.class_id) AS k USING (class_id)
        ORDER BY d.rank
    LOOP
        v_fits := true;
        FOR i IN 1 .. cardinality(r.slots) LOOP
            IF r.guarded[i] OR v_left[r.slots[i]] < r.sums[i] THEN
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
    INSERT INTO held_bill (operator_id, subscription_id, starts_on, short_child_id, short_minor, since_on, of_day, tried_by)
    SELECT h.operator_id, h.subscription_id, d.starts_on, h.child_id, h.sum_minor, p_on, d.what = 4, array_remove(ARRAY[p_run], NULL)
    FROM unnest(v_operators, v_subscriptions, v_children, v_sums) AS h (operator_id, subscription_id, child_id, sum_minor)
    JOIN stage_due d ON d.operator_id = h.operator_id AND d.subscription_id = h.subscription_id
    ON CONFLICT (operator_id, subscription_id) DO UPDATE
    SET short_child_id = EXCLUDED.short_child_id, short_minor = EXCLUDED.short_minor, of_day = EXCLUDED.of_day,
        tried_by = (held_bill.tried_by || EXCLUDED.tried_by)[GREATEST(1, cardinality(held_bill.tried_by) - 30):];  -- more runs are never at work
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
    INSERT INTO stage_edge (child_id, parent_id, mode, movement_id, net_minor, vat_minor, input_vat_minor, free_cost_minor)
    SELECT child_id, parent_id, mode, nextval('fund_movement_id_seq'), net, vat, CASE WHEN reclaims THEN vat ELSE 0 END,
           free_net + CASE WHEN reclaims THEN 0 ELSE free_vat END
    FROM (SELECT k.child_id, k.parent_id, k.mode, k.reclaims, sum(b.steps * k.net_minor)::bigint AS net, sum(b.steps * k.vat_minor)::bigint AS vat,
                 COALESCE(sum(b.steps * k.net_minor) FILTER (WHERE k.is_free), 0)::bigint AS free_net,
                 COALESCE(sum(b.steps * k.vat_minor) FILTER (WHERE k.is_free), 0)::bigint AS free_vat
          FROM stage_cost k JOIN (SELECT class_id, count(*) AS steps FROM stage_bill GROUP BY class_id) AS b USING (class_id)
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
                                   WHEN 'free_cost' THEN e.free_cost_minor
                                   WHEN 'cost' THEN e.net_minor + e.vat_minor - e.input_vat_minor - e.free_cost_minor END AS minor) AS amount
    WHERE amount.minor <> 0;
END $$;

-- price_steps: what every staged step writes: the bill's amounts, number and id, and how much of the advance it takes.
-- OFFSET 0 keeps each amount worked out once, where the planner would put its expression into every place that uses it.
CREATE OR REPLACE FUNCTION price_steps(p_on date) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE v_count bigint;
BEGIN
    INSERT INTO stage_bill (class_id, operator_id, subscription_id, customer_id, what, in_arrears, invoice_id, entry_id, number, starts_on,
                            ends_on, cycle_ends_on, day, revision, cycle_days, from_day, billed_days, price_minor, net_minor, discount_minor,
                            vat_minor, rounding_minor, total_minor, due_on, applied_minor, was_cut)
    WITH span AS (
        SELECT d.*, c.bill_ends_on, c.ends_on AS cycle_ends_on, c.bill_days, c.vat_bp, d.starts_on - c.bill_cycle_on AS from_day,
               c.bill_ends_on - c.bill_cycle_on AS to_day, n.next_number,
               CASE WHEN d.in_arrears AND d.what = 1 THEN
                   (SELECT ARRAY[e.net_minor, e.days] FROM enabled_net(
                       d.operator_id, d.subscription_id, d.starts_on, c.bill_ends_on, d.starts_on - c.bill_cycle_on, c.bill_days) AS e)
               END AS enabled
        FROM stage_due d JOIN stage_class c USING (class_id) JOIN invoice_numbering n ON n.operator_id = d.operator_id OFFSET 0),
    base AS (
        SELECT span.*, COALESCE(enabled[1], prorate(price_minor, from_day, to_day, bill_days)) AS base_minor, enabled[2] AS billed_days
        FROM span OFFSET 0),
    net AS (
        SELECT base.*, CASE WHEN include_vat THEN net_of_gross(base_minor, vat_bp) ELSE base_minor END AS net_minor FROM base OFFSET 0),
    discounted AS (
        SELECT net.*, CASE WHEN has_discount THEN discount_of(operator_id, subscription_id, starts_on, net_minor) ELSE 0 END AS discount_minor
        FROM net OFFSET 0),
    taxed AS (
        SELECT discounted.*, retail_vat(base_minor, net_minor, vat_bp, include_vat, discount_minor) AS vat_minor FROM discounted OFFSET 0),
    whole AS (
        SELECT taxed.*, net_minor - discount_minor + vat_minor AS whole_minor FROM taxed OFFSET 0),
    amounts AS (
        SELECT whole.*, CASE WHEN what & 1 = 1 THEN rounded_to(whole_minor, round_to_minor) ELSE 0 END AS total_minor FROM whole OFFSET 0)
    SELECT s.class_id, s.operator_id, s.subscription_id, s.customer_id, s.what, s.in_arrears,
           CASE WHEN s.what & 1 = 1 AND NOT s.in_arrears OR s.what & 2 = 2 AND s.in_arrears THEN nextval('invoice_id')
                ELSE s.running_invoice_id END,
           CASE WHEN s.what & 1 = 1 THEN nextval('entry_id') END,
           CASE WHEN s.what & 1 = 1 THEN s.next_number - 1 + count(*) FILTER (WHERE s.what & 1 = 1) OVER by_operator END,
           s.starts_on, s.bill_ends_on, s.cycle_ends_on, s.day, s.revision,
           s.bill_days, s.from_day, CASE WHEN s.in_arrears THEN s.billed_days END, s.price_minor, s.net_minor, s.discount_minor, s.vat_minor,
           s.total_minor - s.whole_minor, s.total_minor, p_on + s.due_days,
           CASE WHEN s.what & 1 = 0 OR s.advance_minor = 0 THEN 0
                ELSE GREATEST(0, LEAST(s.total_minor, s.advance_minor - (sum(s.total_minor) OVER by_customer - s.total_minor))) END,
           s.was_cut AND s.what <> 1      -- a bill alone, in arrears, brings no service back
    FROM amounts s
    WINDOW by_operator AS (PARTITION BY s.operator_id ORDER BY s.rank),
           by_customer AS (PARTITION BY s.operator_id, s.customer_id ORDER BY s.rank);
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END $$;

-- next_revision: 0, or one more than the bills of this service that start on this day; NULL where the last is not credited in full.
CREATE OR REPLACE FUNCTION next_revision(p_operator bigint, p_subscription bigint, p_starts_on date) RETURNS smallint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_last invoice%ROWTYPE;
BEGIN
    SELECT * INTO v_last FROM invoice
    WHERE operator_id = p_operator AND subscription_id = p_subscription AND kind = 'period' AND starts_on = p_starts_on
    ORDER BY revision DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN 0;
    ELSIF v_last.total_minor > (SELECT COALESCE(sum(taken.minor), 0) FROM (
            SELECT net_minor + vat_minor AS minor FROM credit_note WHERE operator_id = p_operator AND invoice_id = v_last.id
            UNION ALL
            SELECT net_minor + vat_minor FROM adjustment
            WHERE operator_id = p_operator AND invoice_id = v_last.id AND kind <> 'recovered') AS taken) THEN
        RETURN NULL;
    END IF;
    RETURN v_last.revision + 1;
END $$;

-- bill_staged: invoices, charges, entries for all that is still staged. Returns how many steps were taken, how many of them issued a
-- bill, how many of those for a period that began before p_on, and the bills' sum.
CREATE OR REPLACE FUNCTION bill_staged(
    p_run bigint, p_key text, p_on date, p_now timestamptz, OUT steps bigint, OUT bills bigint, OUT back_filled bigint, OUT billed_minor bigint)
LANGUAGE plpgsql AS $$
DECLARE v_count bigint;
BEGIN
    -- counters are locked in key order and moved on by what each operator bills
    PERFORM 1 FROM invoice_numbering WHERE operator_id IN (SELECT operator_id FROM stage_class) ORDER BY operator_id FOR NO KEY UPDATE;
    steps := price_steps(p_on);
    PERFORM expect(steps, (SELECT count(*) FROM stage_due), 'stage_bill');
    UPDATE invoice_numbering n SET next_number = n.next_number + b.bills
    FROM (SELECT operator_id, count(*) AS bills FROM stage_bill WHERE what & 1 = 1 GROUP BY 1) AS b WHERE n.operator_id = b.operator_id;

    INSERT INTO invoice (operator_id, id, number, kind, customer_id, subscription_id, starts_on, ends_on, revision, price_minor,
                         cycle_days, from_day, billed_days, net_minor, discount_minor, vat_minor, rounding_minor, total_minor, issued_on,
                         due_on, run_id)
    SELECT operator_id, invoice_id, number, 'period', customer_id, subscription_id, starts_on, ends_on, revision, price_minor, cycle_days,
           from_day, billed_days, net_minor, discount_minor, vat_minor, rounding_minor, total_minor, p_on, due_on, p_run
    FROM stage_bill WHERE what & 1 = 1;
    GET DIAGNOSTICS bills = ROW_COUNT;
    PERFORM charge_edges(p_key, p_on, p_now);
    INSERT INTO charge (child_id, owner_id, invoice_id, parent_id, subscription_id, starts_on, ends_on, price_minor, cycle_days,
                        from_day, part, net_minor, vat_minor, movement_id, charged_on)
    SELECT k.child_id, b.operator_id, b.invoice_id, k.parent_id, b.subscription_id, k.starts_on, k.ends_on, k.price_minor,
           k.cycle_days, k.from_day, CASE WHEN p_run IS NULL THEN part_from(k.child_id, b.operator_id, b.invoice_id, k.starts_on) ELSE 0 END,
           k.net_minor, k.vat_minor, e.movement_id, p_on
    FROM stage_bill b JOIN stage_cost k USING (class_id) LEFT JOIN stage_edge e ON e.child_id = k.child_id AND k.net_minor + k.vat_minor > 0;

    INSERT INTO entry (operator_id, id, kind, source_id, effective_on, recorded_at, actor_id)
    SELECT operator_id, entry_id, 'retail_invoice', invoice_id, p_on, p_now, acting_user() FROM stage_bill WHERE what & 1 = 1 AND net_minor > 0;
    INSERT INTO posting (operator_id, entry_id, n, debit_code, credit_code, amount_minor, debit_party, credit_party, effective_on)
    SELECT b.operator_id, b.entry_id, t.n, t.debit_code, t.credit_code, amount.minor,
           CASE WHEN t.debit_party IS NOT NULL THEN b.customer_id END, CASE WHEN t.credit_party IS NOT NULL THEN b.customer_id END, p_on
    FROM stage_bill b JOIN posting_template t ON t.kind = 'retail_invoice' AND t.side = 'own'
    CROSS JOIN LATERAL (SELECT CASE t.amount
                                   WHEN CASE WHEN is_ahead(b.starts_on, b.ends_on, p_on) THEN 'ahead' ELSE 'net_less_discount' END
                                   THEN b.net_minor - b.discount_minor WHEN 'vat' THEN b.vat_minor
                                   WHEN 'discount' THEN b.discount_minor WHEN 'rounding_up' THEN GREATEST(b.rounding_minor, 0)
                                   WHEN 'rounding_down' THEN GREATEST(-b.rounding_minor, 0) END AS minor) AS amount
    WHERE b.what & 1 = 1 AND b.net_minor > 0 AND amount.minor > 0;
    INSERT INTO invoice_open (operator_id, customer_id, due_on, number, invoice_id, open_minor)
    SELECT operator_id, customer_id, due_on, number, invoice_id, total_minor - applied_minor
    FROM stage_bill WHERE what & 1 = 1 AND total_minor > applied_minor;
    PERFORM apply_staged_advances(p_on, p_now);
    PERFORM move_billing_on(steps);
    PERFORM lift_short_blocks(p_on, p_now);
    -- one that has another step due stays on the list until that is taken, since a retry looks at nothing else; it waits from now on
    UPDATE held_bill h SET since_on = p_on FROM stage_bill b WHERE h.operator_id = b.operator_id AND h.subscription_id = b.subscription_id;
    DELETE FROM held_bill h USING stage_bill b
    WHERE h.operator_id = b.operator_id AND h.subscription_id = b.subscription_id
      AND NOT step_leaves_more(b.what, b.in_arrears, b.cycle_ends_on, b.day, p_on);
    SELECT count(*) FILTER (WHERE starts_on < p_on), COALESCE(sum(total_minor), 0) INTO back_filled, billed_minor
    FROM stage_bill WHERE what & 1 = 1;
END $$;

-- step_leaves_more: whether a service has another step due on p_on after one that was taken.
CREATE OR REPLACE FUNCTION step_leaves_more(p_what smallint, p_in_arrears boolean, p_cycle_ends_on date, p_day date, p_on date) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT COALESCE(p_in_arrears AND p_what = 1 OR p_what & 2 = 2 AND p_cycle_ends_on <= p_on OR (p_what & 4 = 4 OR p_what = 0) AND p_day < p_on,
                    false)
$$;

-- move_billing_on: where billing of every staged service stands after its step. Each step starts where the one before it ended, or
-- later: a row that does not move stops the slice.
CREATE OR REPLACE FUNCTION move_billing_on(p_steps bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_daily bigint[];
    v_count bigint;
BEGIN
    SELECT charged_daily(array_agg(DISTINCT operator_id)) INTO v_daily FROM stage_class;
    UPDATE billing_state s
    SET billed_until = CASE WHEN b.what & 1 = 1 THEN b.ends_on WHEN b.in_arrears AND b.what & 2 = 2 THEN b.starts_on ELSE s.billed_until END,
        charged_until = CASE WHEN b.what & 2 = 2 THEN b.cycle_ends_on ELSE s.charged_until END,
        day_charged_until = CASE WHEN b.what = 0 OR b.what & 4 = 4 AND s.operator_id = ANY (v_daily) THEN b.day + 1
                                 WHEN b.what & 2 = 2 THEN b.cycle_ends_on WHEN b.what = 4 THEN s.charged_until ELSE s.day_charged_until END,
        running_invoice_id = CASE WHEN NOT b.in_arrears THEN NULL WHEN b.what & 2 = 2 THEN b.invoice_id WHEN b.what = 1 THEN NULL
                                  ELSE s.running_invoice_id END
    FROM stage_bill b
    WHERE s.operator_id = b.operator_id AND s.subscription_id = b.subscription_id
      AND CASE WHEN b.what & 1 = 1 THEN s.billed_until <= b.starts_on WHEN b.what & 2 = 2 THEN s.charged_until <= b.starts_on
               ELSE s.day_charged_until <= b.day END;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    PERFORM expect(v_count, p_steps, 'billing_state');
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
