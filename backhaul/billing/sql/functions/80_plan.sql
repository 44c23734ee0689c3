-- What edges will be charged in the days to come, by the rules of the run: the recharge planner (SPEC C1) and run-out dates (A39).
-- Counts and sums of one edge at a time, at that edge's own price: of other edges and of customers below nothing is told.

-- planned_services(operators, day): their services whose next periods begin by themselves from that day on, or wait for nothing but
-- funds, and where its charges stand. One cut for want of funds begins anew on the day (SPEC 2.3). Who pays first is expected to pay.
CREATE OR REPLACE FUNCTION planned_services(p_operators bigint[], p_from date)
RETURNS TABLE (
    operator_id bigint, subscription_id bigint, customer_id bigint, priority smallint, plan_operator_id bigint, plan_id bigint,
    anchor_day smallint, validity_days smallint, term_months smallint, billed_until date, charged_until date, day_from date)
LANGUAGE sql STABLE AS $$
    SELECT s.operator_id, s.id, s.customer_id, s.priority, p.plan_operator_id, p.plan_id, s.anchor_day, bp.validity_days,
           CASE WHEN bp.billed = 'arrears' OR bp.validity_days IS NOT NULL THEN 1::smallint ELSE p.term_months END, bs.billed_until,
           CASE WHEN cut.subscription_id IS NULL THEN bs.charged_until ELSE GREATEST(bs.charged_until, p_from) END,
           CASE WHEN cut.subscription_id IS NULL THEN bs.day_charged_until ELSE GREATEST(bs.day_charged_until, p_from) END
    FROM billing_state bs
    JOIN subscription s ON s.operator_id = bs.operator_id AND s.id = bs.subscription_id
    JOIN package p ON p.operator_id = s.package_operator_id AND p.id = s.package_id
    JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
    LEFT JOIN (SELECT DISTINCT b.operator_id, b.subscription_id FROM block b
               WHERE b.operator_id = ANY (p_operators) AND b.to_at IS NULL AND b.reason IN ('fund_short', 'upstream_short')) AS cut
        ON cut.operator_id = s.operator_id AND cut.subscription_id = s.id
    WHERE bs.operator_id = ANY (p_operators) AND s.left_on IS NULL AND (bp.auto_bill OR bs.billed_until > bs.charged_until)
      AND NOT EXISTS (SELECT 1 FROM block b WHERE b.operator_id = s.operator_id AND b.subscription_id = s.id AND b.to_at IS NULL
                      AND b.reason NOT IN ('fund_short', 'upstream_short'))
$$;

-- planned_classes(edges, day): the planned services below each of these edges, counted by what decides when and what they cost there.
CREATE OR REPLACE FUNCTION planned_classes(p_children bigint[], p_from date)
RETURNS TABLE (
    child_id bigint, parent_id bigint, charge_timing text, charge_whole_term boolean, started_on date, plan_operator_id bigint,
    plan_id bigint, anchor_day smallint, validity_days smallint, term_months smallint, billed_until date, charged_until date,
    day_from date, services bigint)
LANGUAGE sql STABLE AS $$
    SELECT f.child_id, f.parent_id, f.charge_timing, f.charge_whole_term, f.started_on, s.plan_operator_id, s.plan_id, s.anchor_day,
           s.validity_days, s.term_months, s.billed_until, s.charged_until, s.day_from, count(*)
    FROM fund f
    JOIN operator o ON o.id = f.child_id
    JOIN operator below ON below.isp_id = o.isp_id AND f.child_id = ANY (below.path)
    JOIN planned_services((SELECT array_agg(b.id) FROM operator b WHERE b.path && p_children), p_from) AS s ON s.operator_id = below.id
    WHERE f.child_id = ANY (p_children)
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
$$;

-- next_cycle: the cycle that begins on a day, and the term that it lies in: the running one, or a new one of so many months.
CREATE OR REPLACE FUNCTION next_cycle(
    p_starts_on date, p_term_ends_on date, p_anchor_day integer, p_validity_days integer, p_term_months integer,
    OUT starts_on date, OUT ends_on date, OUT cycle_on date, OUT cycle_ends_on date, OUT term_ends_on date, OUT begins_term boolean)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT p_starts_on, CASE WHEN begins THEN cycle_ends_on ELSE LEAST(cycle_ends_on, p_term_ends_on) END, cycle_on, cycle_ends_on,
           CASE WHEN NOT begins THEN p_term_ends_on
                WHEN p_term_months = 1 THEN cycle_ends_on
                ELSE anchor_in_month((date_trunc('month', cycle_on) + make_interval(months => p_term_months))::date, p_anchor_day) END,
           begins
    FROM (SELECT p_starts_on >= p_term_ends_on AS begins,
                 CASE WHEN p_validity_days IS NULL THEN last_anchor(p_starts_on, p_anchor_day) ELSE p_starts_on END AS cycle_on,
                 CASE WHEN p_validity_days IS NULL THEN next_anchor(p_starts_on, p_anchor_day)
                      ELSE p_starts_on + p_validity_days END AS cycle_ends_on) AS found
$$;

-- planned_spans(edges, from, until): the spans of days that will be charged at once: cycles, whole terms, single days. `terms` prices
-- of a cycle of `cycle_days` days of which the span begins on `from_day`. `due_on`: since when, which may lie before `from`.
CREATE OR REPLACE FUNCTION planned_spans(p_children bigint[], p_from date, p_until date)
RETURNS TABLE (
    child_id bigint, parent_id bigint, started_on date, plan_operator_id bigint, plan_id bigint, services bigint, due_on date,
    ends_on date, cycle_days integer, from_day integer, terms integer)
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE class AS (SELECT * FROM planned_classes(p_children, p_from)),
    cycle AS (
        SELECT c.*, n.* FROM class c CROSS JOIN LATERAL next_cycle(
            c.charged_until, c.billed_until, c.anchor_day, c.validity_days, c.term_months) AS n
        WHERE c.charge_timing = 'upfront' AND c.charged_until < p_until
        UNION ALL
        SELECT c.child_id, c.parent_id, c.charge_timing, c.charge_whole_term, c.started_on, c.plan_operator_id, c.plan_id, c.anchor_day,
               c.validity_days, c.term_months, c.billed_until, c.charged_until, c.day_from, c.services, n.*
        FROM cycle c CROSS JOIN LATERAL next_cycle(
            c.ends_on, c.term_ends_on, c.anchor_day, c.validity_days, c.term_months) AS n
        WHERE c.ends_on < p_until
    )
    SELECT child_id, parent_id, started_on, plan_operator_id, plan_id, services, starts_on,
           CASE WHEN charge_whole_term THEN term_ends_on ELSE ends_on END,
           CASE WHEN charge_whole_term AND term_months > 1 THEN term_ends_on ELSE cycle_ends_on END - cycle_on, starts_on - cycle_on,
           CASE WHEN charge_whole_term THEN term_months ELSE 1 END
    FROM cycle WHERE NOT charge_whole_term OR term_months = 1 OR begins_term
    UNION ALL
    SELECT c.child_id, c.parent_id, c.started_on, c.plan_operator_id, c.plan_id, c.services, day.on_date, day.on_date + 1,
           cycle.ends_on - cycle.cycle_on, day.on_date - cycle.cycle_on, 1
    FROM class c
    CROSS JOIN LATERAL (SELECT c.day_from + n AS on_date FROM generate_series(0, p_until - c.day_from - 1) AS n) AS day
    CROSS JOIN LATERAL (
        SELECT last_anchor(day.on_date, c.anchor_day) AS cycle_on, next_anchor(day.on_date, c.anchor_day) AS ends_on
        WHERE c.validity_days IS NULL
        UNION ALL
        SELECT day.on_date - into_it.n, day.on_date - into_it.n + c.validity_days
        FROM (SELECT ((day.on_date - c.charged_until) % c.validity_days + c.validity_days) % c.validity_days AS n) AS into_it
        WHERE c.validity_days IS NOT NULL
    ) AS cycle
    WHERE c.charge_timing = 'daily'
$$;

-- plan_charges(edges, from, days): per edge and day what will be charged there, at the tariff then in force; what is overdue (held, or
-- a night was missed) falls on the first day and is counted as waiting too.
CREATE OR REPLACE FUNCTION plan_charges(p_children bigint[], p_from date, p_days integer)
RETURNS TABLE (child_id bigint, on_date date, services bigint, net_minor bigint, vat_minor bigint, waiting bigint, waiting_minor bigint)
LANGUAGE sql STABLE AS $$
    SELECT s.child_id, GREATEST(s.due_on, p_from), sum(s.services)::bigint, sum(s.services * net.minor)::bigint,
           sum(s.services * vat.minor)::bigint, COALESCE(sum(s.services) FILTER (WHERE s.due_on < p_from), 0)::bigint,
           COALESCE(sum(s.services * (net.minor + vat.minor)) FILTER (WHERE s.due_on < p_from), 0)::bigint
    FROM planned_spans(p_children, p_from, p_from + LEAST(p_days, 62)) AS s
    JOIN LATERAL (
        SELECT CASE WHEN s.started_on <= s.due_on THEN t.price_minor * s.terms ELSE 0 END AS price_minor, t.validity_days
        FROM tariff_price t
        WHERE t.child_id = s.child_id AND t.plan_operator_id = s.plan_operator_id AND t.plan_id = s.plan_id AND t.starts_on <= s.due_on
        ORDER BY t.starts_on DESC, t.set_at DESC LIMIT 1) AS price ON true
    CROSS JOIN LATERAL (
        SELECT CASE WHEN price.validity_days IS NULL
                    THEN prorate(price.price_minor, s.from_day, s.from_day + (s.ends_on - s.due_on), s.cycle_days)
                    ELSE prorate(price.price_minor, 0, s.ends_on - s.due_on, price.validity_days * s.terms) END AS minor) AS net
    CROSS JOIN LATERAL (SELECT vat_of(net.minor, vat_rate_on(s.parent_id, GREATEST(s.due_on, p_from))) AS minor) AS vat
    GROUP BY 1, 2
$$;

-- Contract (app): per day, what the acting operator's provider will charge it in the p_days (at most 62) from p_from on: how many
-- services are charged, net and VAT; of these, what waits since before p_from. No row for the ISP, which nobody charges.
CREATE OR REPLACE FUNCTION plan_own_charges(p_from date, p_days integer)
RETURNS TABLE (on_date date, services bigint, net_minor bigint, vat_minor bigint, waiting bigint, waiting_minor bigint)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT on_date, services, net_minor, vat_minor, waiting, waiting_minor
    FROM plan_charges(ARRAY[acting_operator()], p_from, p_days) ORDER BY on_date
$$;

-- renewable_minor(fund): what is available for renewals of the child's own customers; nothing while the fund's guard holds them.
CREATE OR REPLACE FUNCTION renewable_minor(p_fund fund) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN guard_holds(p_fund, p_fund.child_id) THEN LEAST(0, fund_headroom(p_fund)) ELSE fund_headroom(p_fund) END
$$;

-- Contract (app): the acting operator's own fund, or with p_children its direct children's: what is available, what the next 1, 3 and
-- 7 days need, and the first day of the next p_days (at most 62) whose charges the fund no longer covers; NULL: it lasts.
-- The charges are those counted ahead (operator_day.charges) where there are; what is available is always as of now.
CREATE OR REPLACE FUNCTION forecast_funds(p_from date, p_days integer, p_children boolean)
RETURNS TABLE (child_id bigint, available_minor bigint, need_1_minor bigint, need_3_minor bigint, need_7_minor bigint, runs_out_on date)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    WITH edge AS (SELECT f.child_id, fund_headroom(f) AS available_minor, renewable_minor(f) AS renewable_minor FROM fund f
                  WHERE acting_operator() = CASE WHEN p_children THEN f.parent_id ELSE f.child_id END),
    ahead AS (SELECT d.operator_id, d.charges FROM edge e JOIN operator_day d ON d.operator_id = e.child_id
              WHERE d.on_date = p_from AND d.charges IS NOT NULL),
    charge AS (
        SELECT a.operator_id AS child_id, day.key::date AS on_date, day.value::bigint AS minor
        FROM ahead a CROSS JOIN LATERAL jsonb_each_text(a.charges) AS day WHERE day.key::date < p_from + p_days
        UNION ALL
        SELECT p.child_id, p.on_date, p.net_minor + p.vat_minor
        FROM (SELECT array_agg(e.child_id) AS ids FROM edge e WHERE e.child_id NOT IN (SELECT a.operator_id FROM ahead a)) AS other
        CROSS JOIN LATERAL plan_charges(other.ids, p_from, p_days) AS p WHERE other.ids IS NOT NULL),
    plan AS (
        SELECT *, sum(minor) OVER (PARTITION BY child_id ORDER BY on_date) AS until_then_minor FROM charge)
    SELECT e.child_id, e.available_minor,
           COALESCE(sum(p.minor) FILTER (WHERE p.on_date < p_from + 1), 0)::bigint,
           COALESCE(sum(p.minor) FILTER (WHERE p.on_date < p_from + 3), 0)::bigint,
           COALESCE(sum(p.minor) FILTER (WHERE p.on_date < p_from + 7), 0)::bigint,
           min(p.on_date) FILTER (WHERE p.minor > 0 AND p.until_then_minor > e.renewable_minor)
    FROM edge e LEFT JOIN plan p ON p.child_id = e.child_id
    GROUP BY e.child_id, e.available_minor
$$;

-- due_at_first: when a planned service is charged next on an edge, on p_from where it waits already.
CREATE OR REPLACE FUNCTION due_at_first(p_timing text, p_charged_until date, p_day_from date, p_from date) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT GREATEST(p_from, CASE p_timing WHEN 'daily' THEN LEAST(p_charged_until, p_day_from) ELSE p_charged_until END)
$$;

-- Contract (app): how many services the acting operator's provider charges for in [p_since, p_until), seen from p_from: its own
-- customers', and those of operators below it. On an edge charged by the day these are all that are charged before p_until.
CREATE OR REPLACE FUNCTION count_planned(p_from date, p_since date, p_until date, OUT own bigint, OUT below bigint)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT count(*) FILTER (WHERE s.operator_id = me.id), count(*) FILTER (WHERE s.operator_id <> me.id)
    FROM operator me
    JOIN fund f ON f.child_id = me.id
    CROSS JOIN planned_services((SELECT array_agg(o.id) FROM operator o WHERE acting_operator() = ANY (o.path)), p_from) AS s
    CROSS JOIN LATERAL (SELECT due_at_first(f.charge_timing, s.charged_until, s.day_from, p_from) AS on_date) AS due
    WHERE me.id = acting_operator() AND due.on_date < p_until AND (due.on_date >= p_since OR f.charge_timing = 'daily')
$$;
