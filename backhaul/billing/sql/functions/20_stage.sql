-- Staging: what is due, in what order, and what it costs on every edge. Temporary tables of the session, emptied at commit.

CREATE OR REPLACE FUNCTION open_stage() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('pg_temp.stage_due') IS NOT NULL THEN
        TRUNCATE pg_temp.stage_due, pg_temp.stage_class, pg_temp.stage_cost, pg_temp.stage_short, pg_temp.stage_edge,
            pg_temp.stage_bill;
        RETURN;
    END IF;
    CREATE TEMP TABLE stage_due (           -- one row per period to bill
        rank bigint, operator_id bigint, subscription_id bigint, customer_id bigint, plan_operator_id bigint, plan_id bigint,
        starts_on date, anchor_day smallint, price_minor bigint, due_days smallint, advance_minor bigint, was_cut boolean
    ) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE stage_class (         -- periods that cost the same on every edge
        class_id bigint, operator_id bigint, plan_operator_id bigint, plan_id bigint, starts_on date, anchor_day smallint,
        ends_on date, cycle_days integer, from_day integer, to_day integer, bills bigint, vat_bp integer
    ) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE stage_cost (          -- class × edge of the owner's chain
        class_id bigint, child_id bigint, parent_id bigint, depth integer, mode text, reclaims boolean,
        price_minor bigint, net_minor bigint, vat_minor bigint
    ) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE stage_short (         -- funds that cannot cover all that is asked of them
        slot integer, child_id bigint, available_minor bigint
    ) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE stage_edge (          -- what each edge is charged in total, and the movement that charges it
        child_id bigint, parent_id bigint, mode text, movement_id bigint, net_minor bigint, vat_minor bigint, input_vat_minor bigint
    ) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE stage_bill (          -- what is billed: accepted at every level
        class_id bigint, operator_id bigint, subscription_id bigint, customer_id bigint, invoice_id bigint, entry_id bigint,
        number bigint, starts_on date, ends_on date, cycle_days integer, price_minor bigint, net_minor bigint, vat_minor bigint,
        due_on date, applied_minor bigint, was_cut boolean
    ) ON COMMIT DELETE ROWS;
END $$;

-- lock_chains(operators): the funds on the way from these operators up to the ISP, deepest first, in one statement; and, for
-- customers of the ISP itself, who pass no fund, the ISP's numbering row. Everyone who may charge comes through here first.
CREATE OR REPLACE FUNCTION lock_chains(p_operators bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM fund WHERE child_id IN (SELECT unnest(path) FROM operator WHERE id = ANY (p_operators))
    ORDER BY depth DESC, child_id FOR NO KEY UPDATE;
    PERFORM 1 FROM invoice_numbering n JOIN operator o ON o.id = n.operator_id
    WHERE o.id = ANY (p_operators) AND o.depth = 0 FOR NO KEY UPDATE OF n;
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

-- Contract (app): locks what a change of this service's status may charge or give back, in the one order (ARCHITECTURE §4.8): the
-- acting operator's funds, then the customer. Called before anything else of the change is written.
CREATE OR REPLACE FUNCTION lock_for_charge(p_subscription bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE v_customer bigint;
BEGIN
    SELECT customer_id INTO v_customer FROM subscription WHERE operator_id = acting_operator() AND id = p_subscription;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such service.');
    END IF;
    PERFORM lock_chains(ARRAY[acting_operator()]);
    PERFORM 1 FROM customer WHERE operator_id = acting_operator() AND id = v_customer FOR NO KEY UPDATE;
END $$;

-- stage_due_periods: the next period of every subscription of these operators that starts on or before p_on, at most p_limit of
-- them, by priority, period start, already paid, id (SPEC 2.3). p_subscription: only that one, whatever its profile's auto_bill.
-- A service cut for want of funds starts its period on its return; one online throughout keeps the period's start.
CREATE OR REPLACE FUNCTION stage_due_periods(
    p_operators bigint[], p_on date, p_run bigint, p_limit integer, p_only_held boolean, p_subscription bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE v_count bigint;
BEGIN
    INSERT INTO stage_due (rank, operator_id, subscription_id, customer_id, plan_operator_id, plan_id, starts_on, anchor_day,
                           price_minor, due_days, advance_minor, was_cut)
    SELECT row_number() OVER (
               ORDER BY f.priority, f.starts_on,
                        CASE WHEN f.advance_minor = 0 THEN f.price_minor = 0
                             ELSE f.advance_minor >= with_vat(period_net(f.price_minor, f.starts_on, f.anchor_day),
                                                              vat_rate_on(f.operator_id, p_on)) END DESC,
                        f.subscription_id),
           f.operator_id, f.subscription_id, f.customer_id, f.plan_operator_id, f.plan_id, f.starts_on, f.anchor_day, f.price_minor,
           f.due_days, f.advance_minor, f.was_cut
    FROM (
        SELECT s.priority, s.operator_id, s.id AS subscription_id, s.customer_id, s.anchor_day, p.plan_operator_id, p.plan_id,
               COALESCE(s.custom_price_minor, p.price_minor) AS price_minor, bp.due_days,
               COALESCE(a.advance_minor, 0) AS advance_minor, off.subscription_id IS NOT NULL AS was_cut,
               CASE WHEN off.subscription_id IS NULL THEN bs.billed_until ELSE GREATEST(bs.billed_until, p_on) END AS starts_on
        FROM billing_state bs
        JOIN subscription s ON s.operator_id = bs.operator_id AND s.id = bs.subscription_id
        JOIN package p ON p.operator_id = s.package_operator_id AND p.id = s.package_id
        JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
        LEFT JOIN customer_advance a ON a.operator_id = s.operator_id AND a.customer_id = s.customer_id
        LEFT JOIN held_bill h ON h.operator_id = s.operator_id AND h.subscription_id = s.id
        LEFT JOIN (
            SELECT operator_id, subscription_id, bool_or(reason NOT IN ('fund_short', 'upstream_short')) AS otherwise
            FROM block WHERE operator_id = ANY (p_operators) AND to_at IS NULL GROUP BY operator_id, subscription_id
        ) AS off ON off.operator_id = s.operator_id AND off.subscription_id = s.id
        WHERE bs.operator_id = ANY (p_operators) AND bs.billed_until <= p_on AND s.left_on IS NULL
          AND bp.billing_type = 'monthly' AND bp.cycle IN ('calendar', 'anniversary', 'custom_day')
          AND off.otherwise IS NOT TRUE
          AND (CASE WHEN p_subscription IS NULL THEN bp.auto_bill ELSE s.id = p_subscription END)
          AND (NOT p_only_held OR h.subscription_id IS NOT NULL OR off.subscription_id IS NOT NULL)     -- held, or cut for it
          AND (p_run IS NULL OR h.last_run_id IS DISTINCT FROM p_run)
          AND NOT EXISTS (SELECT 1 FROM run_exception x WHERE x.operator_id = s.operator_id AND x.run_id = p_run
                              AND x.subscription_id = s.id)
    ) AS f
    ORDER BY 1 LIMIT p_limit;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    PERFORM lock_customers(array_agg(operator_id), array_agg(customer_id)) FROM stage_due;
    -- what came in or was taken back until the customers were locked
    UPDATE stage_due d SET advance_minor = a.advance_minor FROM customer_advance a
    WHERE a.operator_id = d.operator_id AND a.customer_id = d.customer_id AND a.advance_minor <> d.advance_minor;
    RETURN v_count;
END $$;

-- stage_costs: what each class of staged periods costs on each edge of its owner's chain, at the tariff of the period's start.
CREATE OR REPLACE FUNCTION stage_costs(p_on date) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stage_class (class_id, operator_id, plan_operator_id, plan_id, starts_on, anchor_day, ends_on, cycle_days, from_day,
                             to_day, bills, vat_bp)
    SELECT row_number() OVER (), g.operator_id, g.plan_operator_id, g.plan_id, g.starts_on, g.anchor_day, a.ends_on,
           a.ends_on - a.cycle_on, g.starts_on - a.cycle_on, a.ends_on - a.cycle_on, g.bills, vat_rate_on(g.operator_id, p_on)
    FROM (SELECT operator_id, plan_operator_id, plan_id, starts_on, anchor_day, count(*) AS bills
          FROM stage_due GROUP BY 1, 2, 3, 4, 5) AS g
    CROSS JOIN LATERAL (SELECT next_anchor(g.starts_on, g.anchor_day) AS ends_on, last_anchor(g.starts_on, g.anchor_day) AS cycle_on) AS a;
    INSERT INTO stage_cost (class_id, child_id, parent_id, depth, mode, reclaims, price_minor, net_minor, vat_minor)
    SELECT t.class_id, t.child_id, t.parent_id, t.depth, t.mode, reclaims_input_on(t.child_id, p_on), t.price_minor, t.net_minor,
           vat_of(t.net_minor, vat_rate_on(t.parent_id, p_on))
    FROM (
        SELECT c.class_id, f.child_id, f.parent_id, f.depth, f.mode, price.minor AS price_minor,
               prorate(price.minor, c.from_day, c.to_day, c.cycle_days) AS net_minor
        FROM stage_class c
        JOIN operator o ON o.id = c.operator_id
        JOIN fund f ON f.child_id = ANY (o.path)
        CROSS JOIN LATERAL (SELECT tariff_on(f.child_id, c.plan_operator_id, c.plan_id, c.starts_on) AS minor) AS price
    ) AS t;
END $$;
