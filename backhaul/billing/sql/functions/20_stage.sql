-- Staging: what is due, in what order, and what it costs on every edge. Temporary tables of the session, emptied at commit.
-- One row of stage_due is one *step* of a service, done as a whole or not at all. Its `what` adds up 1 = a bill is issued,
-- 2 = a cycle begins on the edges that charge upfront, 4 = a day is charged on the edges that charge daily; 0 = an uncharged day
-- on which the service was off is passed over.

CREATE OR REPLACE FUNCTION open_stage() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('pg_temp.stage_due') IS NOT NULL THEN
        TRUNCATE pg_temp.stage_due, pg_temp.stage_class, pg_temp.stage_cost, pg_temp.stage_short, pg_temp.stage_edge,
            pg_temp.stage_bill;
        RETURN;
    END IF;
    CREATE TEMP TABLE stage_due (
        rank bigint, class_id bigint, operator_id bigint, subscription_id bigint, customer_id bigint,
        plan_operator_id bigint, plan_id bigint, what smallint, starts_on date, ends_on date, day date, cycle_on date,
        anchor_day smallint, validity_days smallint, term_months smallint, in_arrears boolean, is_free boolean,
        price_minor bigint, needed_minor bigint, include_vat boolean, round_to_minor bigint, has_discount boolean, due_days smallint,
        advance_minor bigint, running_invoice_id bigint, covered bigint[], was_cut boolean, revision smallint NOT NULL DEFAULT 0
    ) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE stage_class (         -- steps that cost the same on every edge
        class_id bigint, operator_id bigint, plan_operator_id bigint, plan_id bigint, what smallint, is_free boolean, starts_on date,
        ends_on date, cycle_on date, cycle_days integer, bill_ends_on date, bill_cycle_on date, bill_days integer,
        term_months smallint, day date, covered bigint[], steps bigint, vat_bp integer
    ) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE stage_cost (          -- class × edge of the owner's chain that charges it
        class_id bigint, child_id bigint, parent_id bigint, depth integer, mode text, reclaims boolean, is_free boolean,
        starts_on date, ends_on date, price_minor bigint, cycle_days integer, from_day integer, net_minor bigint, vat_minor bigint
    ) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE stage_short (         -- funds that cannot cover all that is asked of them
        slot integer, child_id bigint, available_minor bigint
    ) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE stage_edge (          -- what each edge is charged in total, and the movement that charges it
        child_id bigint, parent_id bigint, mode text, movement_id bigint, net_minor bigint, vat_minor bigint, input_vat_minor bigint,
        free_cost_minor bigint
    ) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE stage_bill (          -- the steps that are taken: accepted at every level
        class_id bigint, operator_id bigint, subscription_id bigint, customer_id bigint, what smallint, in_arrears boolean,
        invoice_id bigint, entry_id bigint, number bigint, starts_on date, ends_on date, cycle_ends_on date, day date,
        revision smallint, cycle_days integer, from_day integer, billed_days integer, price_minor bigint, net_minor bigint,
        discount_minor bigint, vat_minor bigint, rounding_minor bigint, total_minor bigint, due_on date, applied_minor bigint,
        was_cut boolean
    ) ON COMMIT DELETE ROWS;
END $$;

-- lock_chains(operators): the funds on the way from these operators up to the ISP, deepest first, in one statement; and, for
-- customers of the ISP itself, who pass no fund, the ISP's own row. Everyone who may charge comes through here first.
CREATE OR REPLACE FUNCTION lock_chains(p_operators bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM fund WHERE child_id IN (SELECT unnest(path) FROM operator WHERE id = ANY (p_operators))
    ORDER BY depth DESC, child_id FOR NO KEY UPDATE;
    PERFORM 1 FROM operator WHERE id = ANY (p_operators) AND depth = 0 FOR NO KEY UPDATE;
END $$;

-- lock_shard: the funds of a whole shard (p_top = p_isp: the ISP's own customers alone), and who is in it. Whatever a night does in a
-- shard begins with this: several steps share a transaction, and a second step must not come for a deeper fund than the first has.
CREATE OR REPLACE FUNCTION lock_shard(p_isp bigint, p_top bigint) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE v_operators bigint[];
BEGIN
    SELECT array_agg(id ORDER BY id) INTO v_operators FROM operator
    WHERE isp_id = p_isp AND CASE WHEN p_top = p_isp THEN id = p_isp ELSE p_top = ANY (path) END;
    PERFORM lock_chains(v_operators);
    RETURN v_operators;
END $$;

-- lock_customers: these customers against payments and changes until the transaction ends, in key order. A rehearsal keeps
-- nothing, so it does not make collectors wait.
CREATE OR REPLACE FUNCTION lock_customers(p_operator_ids bigint[], p_customer_ids bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF COALESCE(current_setting('backhaul.rehearsal', true), '') <> 'on' THEN
        PERFORM 1 FROM customer c
        JOIN (SELECT DISTINCT * FROM unnest(p_operator_ids, p_customer_ids)) AS k (operator_id, id) USING (operator_id, id)
        ORDER BY c.operator_id, c.id FOR NO KEY UPDATE OF c;
    END IF;
END $$;

-- Contract (app): locks what a change of this service's status, or of what its customer owes, may charge or give back, in the one order
-- (ARCHITECTURE §4.8): the acting operator's funds, then the customer. Called before anything else of the change is written.
CREATE OR REPLACE FUNCTION lock_for_charge(p_subscription bigint DEFAULT NULL, p_customer bigint DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE v_customer bigint := p_customer;
BEGIN
    IF p_subscription IS NOT NULL THEN
        SELECT customer_id INTO v_customer FROM subscription WHERE operator_id = acting_operator() AND id = p_subscription;
        IF NOT FOUND THEN
            PERFORM refuse('not_found', 'There is no such service.');
        END IF;
    END IF;
    PERFORM lock_chains(ARRAY[acting_operator()]);
    PERFORM 1 FROM customer WHERE operator_id = acting_operator() AND id = v_customer FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such customer.');
    END IF;
END $$;

-- charged_daily(operators): those of them with an edge above that charges day by day.
CREATE OR REPLACE FUNCTION charged_daily(p_operators bigint[]) RETURNS bigint[]
LANGUAGE sql STABLE AS $$
    SELECT COALESCE(array_agg(o.id), '{}') FROM operator o
    WHERE o.id = ANY (p_operators) AND EXISTS (SELECT 1 FROM fund f WHERE f.child_id = ANY (o.path) AND f.charge_timing = 'daily')
$$;

-- begins_on: where a step that was due on a day begins: a service cut for want of funds or of payment starts on its return, and so
-- does one that was off for another reason then and came back without a person's doing (SPEC 2.3: lost days are unbilled).
CREATE OR REPLACE FUNCTION begins_on(p_operator bigint, p_subscription bigint, p_due_on date, p_on date) RETURNS date
LANGUAGE sql STABLE AS $$
    SELECT COALESCE((SELECT min(day::date) FROM generate_series(p_due_on, p_on, interval '1 day') AS day
                     WHERE NOT EXISTS (SELECT 1 FROM off_days(p_operator, p_subscription, p_due_on, p_on) o WHERE o.day = day.day::date)), p_on)
$$;

-- stage_due_periods: the next step of every service of these operators that is due on p_on, at most p_limit of them, by priority,
-- period start, already paid, id (SPEC 2.3). p_subscription: only that one, whatever its profile's auto_bill.
CREATE OR REPLACE FUNCTION stage_due_periods(
    p_operators bigint[], p_on date, p_run bigint, p_limit integer, p_only_held boolean, p_subscription bigint) RETURNS bigint
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$      -- a plan made when a table was small would be kept too long
DECLARE
    v_daily bigint[] := charged_daily(p_operators);
    v_open bigint[];
    v_count bigint;
BEGIN
    SELECT array_agg(id) INTO v_open FROM unnest(p_operators) AS id
    WHERE NOT EXISTS (SELECT 1 FROM operator_block b WHERE b.operator_id = id AND b.to_at IS NULL);
    INSERT INTO stage_due (rank, class_id, operator_id, subscription_id, customer_id, plan_operator_id, plan_id, what, starts_on, ends_on,
                           day, cycle_on, anchor_day, validity_days, term_months, in_arrears, is_free, price_minor, needed_minor, include_vat,
                           round_to_minor, has_discount, due_days, advance_minor, running_invoice_id, covered, was_cut)
    SELECT z.rank, dense_rank() OVER (ORDER BY z.operator_id, z.plan_operator_id, z.plan_id, z.what, z.starts_on, z.ends_on, z.day,
                                      z.cycle_on, z.anchor_day, z.validity_days, z.term_months, z.is_free, z.covered),
           z.operator_id, z.subscription_id, z.customer_id, z.plan_operator_id, z.plan_id, z.what, z.starts_on, z.ends_on, z.day,
           z.cycle_on, z.anchor_day, z.validity_days, z.term_months, z.in_arrears, z.is_free, z.price_minor, z.needed_minor, z.include_vat,
           z.round_to_minor, z.has_discount, z.due_days, z.advance_minor, z.running_invoice_id, z.covered, z.was_cut
    FROM (
        SELECT row_number() OVER (ORDER BY f.priority, f.starts_on,
                                  -- a step without a bill is paid with the bill that runs: a term's next cycle, a day
                                  CASE WHEN f.what & 1 = 0 THEN NOT f.in_arrears AND NOT EXISTS (
                                           SELECT 1 FROM invoice_open o WHERE o.operator_id = f.operator_id AND o.customer_id = f.customer_id)
                                       WHEN f.advance_minor = 0 THEN f.price_minor = 0 ELSE f.advance_minor >= f.needed_minor END DESC,
                                  f.subscription_id) AS rank, f.*
        FROM (
            SELECT t.*, CASE WHEN t.is_free THEN 0 ELSE price.minor END AS price_minor, d.subscription_id IS NOT NULL AS has_discount,
                   CASE WHEN t.what & 1 = 1 AND (t.pay_first OR t.advance_minor <> 0)
                        THEN bill_total(t.operator_id, t.subscription_id, CASE WHEN t.is_free THEN 0 ELSE price.minor END, t.starts_on,
                                        t.cycle_on, t.anchor_day, t.validity_days, t.term_months, t.include_vat, t.round_to_minor, p_on)
                        END AS needed_minor
            FROM due_steps(v_open, v_daily, p_on, p_run, p_only_held, p_subscription) AS t
            CROSS JOIN LATERAL (
                SELECT COALESCE(CASE WHEN t.has_custom_prices
                                     THEN own_price_on(t.operator_id, t.subscription_id, t.starts_on, t.custom_price_minor)
                                     ELSE t.custom_price_minor END,
                                CASE WHEN t.has_later_prices THEN package_price_on(t.package_operator_id, t.package_id, t.starts_on)
                                     ELSE t.package_price_minor END) AS minor) AS price
            LEFT JOIN discount d ON d.operator_id = t.operator_id AND d.subscription_id = t.subscription_id AND d.ended_at IS NULL
            OFFSET 0
        ) AS f
        WHERE NOT f.pay_first OR f.what & 1 = 0 OR f.needed_minor <= f.advance_minor
        ORDER BY 1 LIMIT p_limit
    ) AS z;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    PERFORM lock_customers(array_agg(operator_id), array_agg(customer_id)) FROM stage_due;
    PERFORM reread_advances();
    RETURN v_count;
END $$;

-- bill_total: what the next bill of a service will come to, discount and VAT included: what who pays first must hold in advance.
CREATE OR REPLACE FUNCTION bill_total(
    p_operator bigint, p_subscription bigint, p_price_minor bigint, p_starts_on date, p_cycle_on date, p_anchor_day integer,
    p_validity_days integer, p_term_months integer, p_includes_vat boolean, p_step_minor bigint, p_on date) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_rate_bp integer := vat_rate_on(p_operator, p_on);
    v_cycle record;
    v_ends_on date;
    v_base bigint;
    v_net bigint;
    v_discount bigint;
BEGIN
    SELECT * INTO v_cycle FROM cycle_of(p_starts_on, p_anchor_day, p_validity_days, p_cycle_on);
    v_ends_on := CASE WHEN p_term_months > 1 THEN anchor_after(v_cycle.cycle_on, p_anchor_day, p_term_months) ELSE v_cycle.ends_on END;
    v_base := prorate(p_price_minor, p_starts_on - v_cycle.cycle_on, v_ends_on - v_cycle.cycle_on, v_ends_on - v_cycle.cycle_on);
    v_net := CASE WHEN p_includes_vat THEN net_of_gross(v_base, v_rate_bp) ELSE v_base END;
    v_discount := discount_of(p_operator, p_subscription, p_starts_on, v_net);
    RETURN rounded_to(v_net - v_discount + retail_vat(v_base, v_net, v_rate_bp, p_includes_vat, v_discount), p_step_minor);
END $$;

-- reread_advances: what came in or was taken back until the customers were locked; who pays first must still have the sum.
CREATE OR REPLACE FUNCTION reread_advances() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE stage_due d SET advance_minor = a.advance_minor FROM customer_advance a
    WHERE a.operator_id = d.operator_id AND a.customer_id = d.customer_id AND a.advance_minor <> d.advance_minor;
    DELETE FROM stage_due d USING (
        SELECT s.operator_id, s.subscription_id, s.advance_minor,
               sum(s.needed_minor) OVER (PARTITION BY s.operator_id, s.customer_id ORDER BY s.rank) AS asked_minor
        FROM stage_due s WHERE s.needed_minor IS NOT NULL) AS n
    JOIN subscription s ON s.operator_id = n.operator_id AND s.id = n.subscription_id
    JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id AND bp.access = 'pay_first'
    WHERE d.operator_id = n.operator_id AND d.subscription_id = n.subscription_id AND n.asked_minor > n.advance_minor;
END $$;

-- due_steps: the services whose next step is due, and which step it is. `ends_on` is set where a step ends on another day than its
-- cycle: billed in arrears, or inside a longer term. `covered`, inside a running period: the edges that were charged for its first day
-- already, by whatever timing they had then; not where a change of package gave that day back.
CREATE OR REPLACE FUNCTION due_steps(
    p_operators bigint[], p_daily bigint[], p_on date, p_run bigint, p_only_held boolean, p_subscription bigint)
RETURNS TABLE (
    priority smallint, operator_id bigint, subscription_id bigint, customer_id bigint, plan_operator_id bigint, plan_id bigint,
    what smallint, starts_on date, ends_on date, day date, cycle_on date, anchor_day smallint, validity_days smallint, term_months smallint,
    in_arrears boolean, is_free boolean, pay_first boolean, package_operator_id bigint, package_id bigint, package_price_minor bigint,
    custom_price_minor bigint, has_custom_prices boolean, has_later_prices boolean, include_vat boolean, round_to_minor bigint, due_days smallint, advance_minor bigint,
    running_invoice_id bigint, covered bigint[], was_cut boolean)
LANGUAGE sql STABLE AS $$
    -- OFFSET 0 keeps each expression worked out once, where the planner would put it into every place that uses it
    WITH candidate AS (
        SELECT s.priority, s.operator_id, s.id AS subscription_id, s.customer_id, p.plan_operator_id, p.plan_id, s.anchor_day, s.left_on,
               s.package_operator_id, s.package_id, s.custom_price_minor, p.price_minor AS package_price_minor, p.term_months,
               bp.validity_days, bp.billed = 'arrears' AS in_arrears, bp.billing_type = 'free' AS is_free, bp.access = 'pay_first' AS pay_first,
               bp.auto_bill, bp.on_late_payment, bp.prices_include_vat, bp.round_bill_to_minor, bp.due_days,
               COALESCE(a.advance_minor, 0) AS advance_minor, bs.billed_until, bs.charged_until, bs.day_charged_until, bs.running_invoice_id,
               off.subscription_id IS NOT NULL AS was_cut, own.subscription_id IS NOT NULL AS has_custom_prices,
               later.package_id IS NOT NULL AS has_later_prices,
               CASE WHEN bs.running_invoice_id IS NOT NULL AND bs.charged_until <= p_on
                     AND LEAST(bs.charged_until, s.left_on + 1) > bs.billed_until THEN 1                                -- a bill in arrears
                    WHEN s.left_on IS NOT NULL OR off.otherwise THEN NULL
                    WHEN bs.charged_until <= p_on THEN CASE WHEN bs.billed_until > bs.charged_until THEN 2              -- a term's next cycle
                                                            ELSE 3 END                                                  -- a new period
                    WHEN bs.day_charged_until <= p_on THEN 4 END AS found                                               -- a day
        FROM billing_state bs
        JOIN subscription s ON s.operator_id = bs.operator_id AND s.id = bs.subscription_id
        JOIN package p ON p.operator_id = s.package_operator_id AND p.id = s.package_id
        JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
        LEFT JOIN customer_advance a ON a.operator_id = s.operator_id AND a.customer_id = s.customer_id AND a.operator_id = ANY (p_operators)
        LEFT JOIN held_bill h ON h.operator_id = s.operator_id AND h.subscription_id = s.id AND h.operator_id = ANY (p_operators)
        LEFT JOIN (SELECT DISTINCT operator_id, subscription_id FROM custom_price WHERE operator_id = ANY (p_operators)) AS own
            ON own.operator_id = s.operator_id AND own.subscription_id = s.id
        LEFT JOIN (SELECT DISTINCT operator_id, package_id FROM package_price) AS later
            ON later.operator_id = s.package_operator_id AND later.package_id = s.package_id
        LEFT JOIN (
            SELECT b.operator_id, b.subscription_id, bool_or(b.reason NOT IN ('fund_short', 'upstream_short', 'expired')) AS otherwise
            FROM block b WHERE b.operator_id = ANY (p_operators) AND b.to_at IS NULL GROUP BY b.operator_id, b.subscription_id
        ) AS off ON off.operator_id = s.operator_id AND off.subscription_id = s.id
        WHERE bs.operator_id = ANY (p_operators) AND s.operator_id = ANY (p_operators)
          AND (bs.charged_until <= p_on OR bs.day_charged_until <= p_on)
          AND (p_subscription IS NULL OR s.id = p_subscription)
          AND (NOT p_only_held OR h.subscription_id IS NOT NULL OR off.subscription_id IS NOT NULL      -- held, or cut for it,
               OR s.operator_id IN (SELECT k.operator_id FROM operator_block k                           -- or its operator is back
                                    WHERE k.operator_id = ANY (p_operators) AND k.to_on >= p_on))
          AND (p_run IS NULL OR h.subscription_id IS NULL OR p_run <> ALL (h.tried_by))
          AND NOT EXISTS (SELECT 1 FROM run_exception x WHERE x.operator_id = s.operator_id AND x.run_id = p_run
                              AND x.subscription_id = s.id)
        OFFSET 0),
    due AS (
        SELECT c.*, CASE c.found WHEN 1 THEN c.billed_until WHEN 4 THEN c.day_charged_until ELSE c.charged_until END AS due_on
        FROM candidate c WHERE c.found < 3 OR c.found = 4 OR c.found = 3 AND (c.auto_bill OR p_subscription IS NOT NULL) OFFSET 0),
    begun AS (
        SELECT d.*, CASE WHEN d.found = 1 OR d.due_on >= p_on THEN d.due_on
                         WHEN NOT d.was_cut AND NOT EXISTS (SELECT 1 FROM block b WHERE b.operator_id = d.operator_id
                                                            AND b.subscription_id = d.subscription_id AND b.to_on >= d.due_on)
                              AND NOT EXISTS (SELECT 1 FROM operator_block b WHERE b.operator_id = d.operator_id AND b.to_on >= d.due_on)
                             THEN d.due_on      -- nothing held it off since then
                         WHEN d.found = 4 THEN CASE WHEN d.was_cut THEN p_on ELSE d.due_on END
                         WHEN d.on_late_payment = 'keeps_end' AND d.validity_days IS NOT NULL THEN d.due_on
                         WHEN d.was_cut THEN p_on
                         ELSE begins_on(d.operator_id, d.subscription_id, d.due_on, p_on) END AS starts_on
        FROM due d OFFSET 0),
    stepped AS (        -- a cycle that would begin after its term has ended is a new period
        SELECT b.*, CASE WHEN b.found = 2 AND b.starts_on >= b.billed_until THEN 3 ELSE b.found END AS step FROM begun b OFFSET 0),
    running AS (
        SELECT b.*, CASE WHEN b.in_arrears OR b.step NOT IN (2, 4) THEN b.running_invoice_id
                         ELSE (SELECT i.id FROM invoice i
                               WHERE i.operator_id = b.operator_id AND i.subscription_id = b.subscription_id AND i.kind = 'period'
                                 AND i.starts_on <= b.starts_on
                               ORDER BY i.starts_on DESC, i.revision DESC LIMIT 1) END AS invoice_id
        FROM stepped b WHERE b.step <> 3 OR b.auto_bill OR p_subscription IS NOT NULL OFFSET 0),
    taken AS (
        SELECT b.*, CASE WHEN b.step IN (2, 4) THEN
                        ARRAY(SELECT DISTINCT c.child_id FROM operator o JOIN charge c ON c.child_id = ANY (o.path)
                              WHERE o.id = b.operator_id AND c.owner_id = b.operator_id AND c.invoice_id = b.invoice_id
                                AND c.starts_on <= b.starts_on AND c.ends_on > b.starts_on
                                -- what a change of package gave back is the new package's to charge
                                AND NOT EXISTS (SELECT 1 FROM charge_refund r
                                                WHERE r.child_id = c.child_id AND r.owner_id = c.owner_id AND r.invoice_id = c.invoice_id
                                                  AND r.starts_on = c.starts_on AND r.part = c.part AND r.reason = 'changed'
                                                  AND r.from_on <= b.starts_on AND r.to_on > b.starts_on)
                              ORDER BY 1) END AS covered,
                    b.step = 4 AND b.starts_on < p_on
                    AND EXISTS (SELECT 1 FROM off_days(b.operator_id, b.subscription_id, b.starts_on, b.starts_on + 1)) AS is_passed_over
        FROM running b OFFSET 0)
    SELECT t.priority, t.operator_id, t.subscription_id, t.customer_id, t.plan_operator_id, t.plan_id,
           (CASE t.step WHEN 1 THEN 1 WHEN 2 THEN 2 WHEN 3 THEN CASE WHEN t.in_arrears THEN 2 ELSE 3 END ELSE 0 END
            + CASE WHEN t.step = 4 AND NOT t.is_passed_over OR t.step IN (2, 3) AND t.operator_id = ANY (p_daily) THEN 4 ELSE 0 END)::smallint,
           t.starts_on, CASE t.step WHEN 1 THEN LEAST(t.charged_until, t.left_on + 1) WHEN 2 THEN t.billed_until WHEN 4 THEN t.charged_until END,
           CASE WHEN t.step <> 1 THEN t.starts_on END,
           -- a validity's days count from its start, a calendar cycle's from its anchor
           CASE WHEN t.validity_days IS NOT NULL THEN CASE t.step WHEN 4 THEN t.charged_until - t.validity_days ELSE t.starts_on END END,
           t.anchor_day, t.validity_days, CASE WHEN t.in_arrears OR t.validity_days IS NOT NULL THEN 1::smallint ELSE t.term_months END,
           t.in_arrears, t.is_free, t.pay_first, t.package_operator_id, t.package_id, t.package_price_minor, t.custom_price_minor,
           t.has_custom_prices, t.has_later_prices,
           t.prices_include_vat, t.round_bill_to_minor, t.due_days, t.advance_minor, t.invoice_id, t.covered, t.was_cut
    FROM taken t
$$;

-- stage_costs: what each class of staged steps costs on each edge of its owner's chain, at the tariff of the cycle's start or of the day.
CREATE OR REPLACE FUNCTION stage_costs(p_on date) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stage_class (class_id, operator_id, plan_operator_id, plan_id, what, is_free, starts_on, ends_on, cycle_on, cycle_days,
                             bill_ends_on, bill_cycle_on, bill_days, term_months, day, covered, steps, vat_bp)
    SELECT g.class_id, g.operator_id, g.plan_operator_id, g.plan_id, g.what, g.is_free, g.starts_on, cycle.ends_on, cycle.cycle_on,
           cycle.whole_ends_on - cycle.cycle_on, COALESCE(bill.ends_on, cycle.ends_on), cycle.cycle_on,
           COALESCE(bill.whole_ends_on, cycle.whole_ends_on) - cycle.cycle_on, g.term_months, g.day, g.covered, g.steps,
           vat_rate_on(g.operator_id, p_on)
    FROM (SELECT class_id, operator_id, plan_operator_id, plan_id, what, is_free, starts_on, ends_on, day, cycle_on, anchor_day,
                 validity_days, term_months, covered, count(*) AS steps
          FROM stage_due GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14) AS g
    CROSS JOIN LATERAL cycle_of(g.starts_on, g.anchor_day, g.validity_days, g.cycle_on) AS whole
    CROSS JOIN LATERAL (SELECT whole.cycle_on, whole.ends_on AS whole_ends_on, LEAST(whole.ends_on, g.ends_on) AS ends_on) AS cycle
    LEFT JOIN LATERAL (SELECT anchor_after(cycle.cycle_on, g.anchor_day, g.term_months) AS ends_on,
                              anchor_after(cycle.cycle_on, g.anchor_day, g.term_months) AS whole_ends_on) AS bill
        ON g.what & 1 = 1 AND g.term_months > 1;
    INSERT INTO stage_cost (class_id, child_id, parent_id, depth, mode, reclaims, is_free, starts_on, ends_on, price_minor, cycle_days,
                            from_day, net_minor, vat_minor)
    SELECT t.class_id, t.child_id, t.parent_id, t.depth, t.mode, reclaims_input_on(t.child_id, p_on), t.is_free AND t.child_id = t.operator_id,
           t.starts_on, t.ends_on, t.price_minor, t.cycle_days, t.from_day, net.minor, vat_of(net.minor, vat_rate_on(t.parent_id, p_on))
    FROM (
        SELECT c.class_id, c.operator_id, c.is_free, f.child_id, f.parent_id, f.depth, f.mode, piece.starts_on, piece.ends_on,
               CASE WHEN piece.has_started THEN price.price_minor * span.terms ELSE 0 END AS price_minor,
               COALESCE(price.validity_days * span.terms, span.cycle_days) AS cycle_days,
               CASE WHEN price.validity_days IS NULL THEN piece.starts_on - c.cycle_on
                    WHEN span.by_day THEN (piece.starts_on - c.cycle_on) % price.validity_days ELSE 0 END AS from_day
        FROM stage_class c
        JOIN operator o ON o.id = c.operator_id
        JOIN fund f ON f.child_id = ANY (o.path) AND (c.covered IS NULL OR NOT f.child_id = ANY (c.covered))
        CROSS JOIN LATERAL (
            SELECT c.day AS starts_on, c.day + 1 AS ends_on, c.cycle_days, 1 AS terms, true AS by_day WHERE f.charge_timing = 'daily' AND c.what & 4 = 4
            UNION ALL
            SELECT c.starts_on, c.bill_ends_on, c.bill_days, c.term_months, false
            WHERE f.charge_timing = 'upfront' AND c.what & 3 = 3 AND f.charge_whole_term
            UNION ALL
            SELECT c.starts_on, c.ends_on, c.cycle_days, 1, false      -- or what is left of a cycle that was charged day by day so far
            WHERE f.charge_timing = 'upfront' AND c.what IN (2, 3, 4, 6, 7) AND (NOT f.charge_whole_term OR c.what & 1 = 0)
        ) AS span
        CROSS JOIN LATERAL (        -- cut where the edge was started: nothing is charged before
            SELECT GREATEST(span.starts_on, p.from_on) AS starts_on, LEAST(span.ends_on, p.to_on) AS ends_on, p.has_started
            FROM (VALUES (date '-infinity', COALESCE(f.started_on, 'infinity'), false),
                         (COALESCE(f.started_on, 'infinity'), date 'infinity', true)) AS p (from_on, to_on, has_started)
            WHERE span.starts_on < p.to_on AND span.ends_on > p.from_on
        ) AS piece
        LEFT JOIN LATERAL tariff_version(f.child_id, c.plan_operator_id, c.plan_id, piece.starts_on) AS price ON true
    ) AS t
    CROSS JOIN LATERAL (SELECT prorate(t.price_minor, t.from_day, t.from_day + (t.ends_on - t.starts_on), t.cycle_days) AS minor) AS net;
END $$;
