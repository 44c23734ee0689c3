-- What a change of terms will do: the first bill and the first charge from a day on, by the rules of the run. Asked before a change and
-- again after it, inside of a transaction that is undone, the two answers are the preview.

-- first_start(start, from, anchor day, validity, months of a period): the first start of a period on or after a day, counted from one.
CREATE OR REPLACE FUNCTION first_start(p_start date, p_from date, p_anchor_day integer, p_validity_days integer, p_months integer) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_start >= p_from THEN p_start
                WHEN p_validity_days IS NOT NULL
                THEN p_start + (p_from - p_start + p_validity_days - 1) / p_validity_days * p_validity_days
                ELSE (SELECT min(n.starts_on)
                      FROM generate_series(0, (p_from - p_start) / (28 * p_months) + 1) AS k (n)
                      CROSS JOIN LATERAL (SELECT anchor_after(last_anchor(p_start, p_anchor_day), p_anchor_day, p_months * (k.n + 1))
                                          AS starts_on) AS n
                      WHERE n.starts_on >= p_from) END
$$;

-- Contract (app): what direct children of the acting operator (NULL: all) are first charged for the services below them from a day on:
-- by child, plan and day, how many services, what those of that day cost together, and what a month of all costs. No name, no retail price.
-- Services that are off are left out: they are charged once they come back.
CREATE OR REPLACE FUNCTION edge_charges_from(p_children bigint[], p_from date)
RETURNS TABLE (child_id bigint, plan_operator_id bigint, plan_id bigint, starts_on date, services bigint, first_minor bigint, month_minor bigint)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT g.child_id, g.plan_operator_id, g.plan_id, g.starts_on, sum(g.services)::bigint,
           sum(g.services * with_vat(net.minor, rate.bp))::bigint,
           sum(g.services * with_vat(COALESCE(v.price_minor * 30 / v.validity_days, v.price_minor, 0), rate.bp))::bigint
    FROM (
        SELECT s.*, first_start(s.due_on, p_from, s.anchor_day, CASE WHEN s.is_daily THEN 1 ELSE s.validity_days END, s.months) AS starts_on
        FROM (
            SELECT f.child_id, f.parent_id, f.started_on, f.charge_timing = 'daily' AS is_daily, k.plan_operator_id, k.plan_id, s.anchor_day,
                   bp.validity_days,
                   CASE WHEN f.charge_whole_term AND f.charge_timing = 'upfront' AND bp.validity_days IS NULL AND bp.billed = 'advance'
                        THEN k.term_months ELSE 1 END AS months,
                   CASE WHEN f.charge_timing = 'daily' THEN bs.day_charged_until ELSE bs.charged_until END AS due_on, count(*) AS services
            FROM fund f
            JOIN operator o ON f.child_id = ANY (o.path)
            JOIN subscription s ON s.operator_id = o.id AND s.left_on IS NULL
            JOIN billing_state bs ON bs.operator_id = s.operator_id AND bs.subscription_id = s.id
            JOIN package k ON k.operator_id = s.package_operator_id AND k.id = s.package_id
            JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
            WHERE f.parent_id = acting_operator() AND (p_children IS NULL OR f.child_id = ANY (p_children))
              AND NOT EXISTS (SELECT 1 FROM block b WHERE b.operator_id = s.operator_id AND b.subscription_id = s.id AND b.to_at IS NULL
                              AND b.reason NOT IN ('fund_short', 'upstream_short', 'expired'))
            GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
        ) AS s
    ) AS g
    CROSS JOIN LATERAL cycle_of(g.starts_on, g.anchor_day, g.validity_days, g.starts_on) AS c
    CROSS JOIN LATERAL (SELECT CASE WHEN g.months > 1 THEN anchor_after(c.cycle_on, g.anchor_day, g.months) ELSE c.ends_on END AS whole_on) AS w
    LEFT JOIN LATERAL tariff_version(g.child_id, g.plan_operator_id, g.plan_id, g.starts_on) AS v ON true
    CROSS JOIN LATERAL (SELECT vat_rate_on(g.parent_id, g.starts_on) AS bp) AS rate
    CROSS JOIN LATERAL (
        SELECT CASE WHEN g.starts_on >= g.started_on AND v.price_minor IS NOT NULL
                    THEN prorate(v.price_minor * g.months, p.from_day, p.from_day + CASE WHEN g.is_daily THEN 1 ELSE w.whole_on - g.starts_on END,
                                 COALESCE(v.validity_days * g.months, w.whole_on - c.cycle_on)) ELSE 0 END AS minor
        FROM (SELECT CASE WHEN v.validity_days IS NULL THEN g.starts_on - c.cycle_on ELSE 0 END AS from_day) AS p
    ) AS net
    GROUP BY 1, 2, 3, 4
$$;
