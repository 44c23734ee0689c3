-- Enabled days: which days a service was off and why, and what its enabled days cost (SPEC §1 "enabled day", 2.5).

-- off_days(service, from, to): the days of [from, to) on which a service was not enabled, each once. Blocks of the service and of
-- its operator are put together into spells by their instants. The day on which a spell ends is enabled. The day on which it begins
-- is enabled where a person stopped the service; a cut spares no day, the hours of grace before it do not count.
-- reason: operator | unpaid | short, or other (left, not activated yet): of the block that held longest among those of the day.
CREATE OR REPLACE FUNCTION off_days(p_operator bigint, p_subscription bigint, p_from date, p_to date)
RETURNS TABLE (day date, reason text)
LANGUAGE sql STABLE ROWS 3 AS $$
    WITH cause AS (
        SELECT b.reason, b.from_on, COALESCE(b.to_on, p_to) AS to_on, b.from_at, COALESCE(b.to_at, 'infinity') AS to_at
        FROM block b
        WHERE b.operator_id = p_operator AND b.subscription_id = p_subscription AND b.from_on < p_to
          AND (b.to_on >= p_from OR b.to_on IS NULL)
        UNION ALL
        SELECT 'operator_minimum', b.from_on, COALESCE(b.to_on, p_to), b.from_at, COALESCE(b.to_at, 'infinity')
        FROM operator_block b
        WHERE b.operator_id = p_operator AND b.effect <> 'spares' AND b.from_on < p_to AND (b.to_on >= p_from OR b.to_on IS NULL)
    ), marked AS (
        SELECT *, COALESCE(from_at > max(to_at) OVER (ORDER BY from_at, to_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), true)
                  AS begins
        FROM cause
    ), numbered AS (
        SELECT *, count(*) FILTER (WHERE begins) OVER (ORDER BY from_at, to_at ROWS UNBOUNDED PRECEDING) AS no FROM marked
    ), spell AS (
        SELECT min(from_on) + (bool_or(reason IN ('by_hand', 'disabled', 'left') AND begins))::integer AS off_from, max(to_on) AS to_on
        FROM numbered GROUP BY no
    )
    SELECT d.day, c.class
    FROM spell s
    CROSS JOIN LATERAL (SELECT n AS day FROM (SELECT GREATEST(s.off_from, p_from) + g AS n
                        FROM generate_series(0, LEAST(s.to_on, p_to) - GREATEST(s.off_from, p_from) - 1) AS g) AS days) AS d
    CROSS JOIN LATERAL (
        SELECT CASE WHEN k.reason IN ('by_hand', 'disabled', 'operator_minimum') THEN 'operator'
                    WHEN k.reason IN ('unpaid', 'expired') THEN 'unpaid'
                    WHEN k.reason IN ('fund_short', 'upstream_short') THEN 'short' ELSE 'other' END AS class
        FROM cause k WHERE k.from_on <= d.day AND k.to_on > d.day ORDER BY k.from_at, k.reason LIMIT 1) AS c
    WHERE NOT EXISTS (SELECT 1 FROM spell e WHERE e.to_on = d.day)
    ORDER BY d.day
$$;

-- package_on(service, day): the package that a service had on a day.
CREATE OR REPLACE FUNCTION package_on(
    p_operator bigint, p_subscription bigint, p_day date, OUT package_operator_id bigint, OUT package_id bigint)
LANGUAGE sql STABLE AS $$
    SELECT p.package_operator_id, p.package_id
    FROM (
        (SELECT h.package_operator_id, h.package_id, 0 AS rank FROM package_history h
         WHERE h.operator_id = p_operator AND h.subscription_id = p_subscription AND h.starts_on <= p_day
         ORDER BY h.starts_on DESC, h.changed_at DESC LIMIT 1)
        UNION ALL
        (SELECT h.package_operator_id, h.package_id, 1 FROM package_history h
         WHERE h.operator_id = p_operator AND h.subscription_id = p_subscription ORDER BY h.starts_on, h.changed_at LIMIT 1)
        UNION ALL
        SELECT s.package_operator_id, s.package_id, 2 FROM subscription s WHERE s.operator_id = p_operator AND s.id = p_subscription
    ) AS p ORDER BY p.rank LIMIT 1
$$;

-- package_price_on(package, day): what periods that start on a day cost at a package's own price.
CREATE OR REPLACE FUNCTION package_price_on(p_package_operator bigint, p_package bigint, p_day date) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT COALESCE((SELECT v.price_minor FROM package_price v
                     WHERE v.operator_id = p_package_operator AND v.package_id = p_package AND v.starts_on <= p_day
                     ORDER BY v.starts_on DESC LIMIT 1),
                    (SELECT p.price_minor FROM package p WHERE p.operator_id = p_package_operator AND p.id = p_package))
$$;

-- own_price_on(service, day, first price): the price of its own that a service has on a day; NULL: its package's.
CREATE OR REPLACE FUNCTION own_price_on(p_operator bigint, p_subscription bigint, p_day date, p_first_minor bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN v.starts_on IS NULL THEN p_first_minor ELSE v.price_minor END
    FROM (SELECT 1) AS one
    LEFT JOIN LATERAL (SELECT c.starts_on, c.price_minor FROM custom_price c
                       WHERE c.operator_id = p_operator AND c.subscription_id = p_subscription AND c.starts_on <= p_day
                       ORDER BY c.starts_on DESC LIMIT 1) AS v ON true
$$;

-- price_on(service, day): the retail price of a whole term that is in force for a service on a day: its own price, else its
-- package's; both by version, a version NULL being the package's price again.
CREATE OR REPLACE FUNCTION price_on(p_operator bigint, p_subscription bigint, p_day date) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT COALESCE(
        own_price_on(s.operator_id, s.id, p_day, s.custom_price_minor),
        (SELECT package_price_on(p.package_operator_id, p.package_id, p_day)
         FROM package_on(p_operator, p_subscription, p_day) AS p))
    FROM subscription s
    WHERE s.operator_id = p_operator AND s.id = p_subscription
$$;

-- priced_days(service, from, to): [from, to) cut where the price changes. Adjacent pieces may cost the same.
CREATE OR REPLACE FUNCTION priced_days(p_operator bigint, p_subscription bigint, p_from date, p_to date)
RETURNS TABLE (from_on date, to_on date, price_minor bigint)
LANGUAGE sql STABLE ROWS 2 AS $$
    WITH changes AS (
        SELECT p_from AS day
        UNION
        SELECT c.starts_on FROM custom_price c
        WHERE c.operator_id = p_operator AND c.subscription_id = p_subscription AND c.starts_on > p_from AND c.starts_on < p_to
        UNION
        SELECT h.starts_on FROM package_history h
        WHERE h.operator_id = p_operator AND h.subscription_id = p_subscription AND h.starts_on > p_from AND h.starts_on < p_to
        UNION
        SELECT v.starts_on FROM package_price v
        WHERE v.starts_on > p_from AND v.starts_on < p_to
          AND ((v.operator_id, v.package_id) IN (
                  SELECT h.package_operator_id, h.package_id FROM package_history h
                  WHERE h.operator_id = p_operator AND h.subscription_id = p_subscription)
               OR (v.operator_id, v.package_id) = (
                  SELECT s.package_operator_id, s.package_id FROM subscription s
                  WHERE s.operator_id = p_operator AND s.id = p_subscription))
    )
    SELECT c.day, lead(c.day, 1, p_to) OVER (ORDER BY c.day), price_on(p_operator, p_subscription, c.day)
    FROM changes c WHERE p_from < p_to
$$;

-- enabled_net(service, from, to, day of the cycle that from is, days of the cycle): what the enabled days of [from, to) cost, each at
-- its day's price, by cumulative rounding over calendar days: a period enabled throughout at one price costs just its share of it.
CREATE OR REPLACE FUNCTION enabled_net(
    p_operator bigint, p_subscription bigint, p_starts_on date, p_ends_on date, p_from_day integer, p_cycle_days integer)
RETURNS TABLE (net_minor bigint, days integer)
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT COALESCE(sum(a.minor), 0)::bigint, COALESCE(sum(a.days), 0)::integer
    FROM (
        SELECT prorate(d.price_minor, p_from_day + (d.from_on - p_starts_on), p_from_day + (d.to_on - p_starts_on), p_cycle_days) AS minor,
               d.to_on - d.from_on AS days
        FROM priced_days(p_operator, p_subscription, p_starts_on, p_ends_on) AS d
        UNION ALL
        SELECT -prorate(price_on(p_operator, p_subscription, o.day), k.no, k.no + 1, p_cycle_days), -1
        FROM off_days(p_operator, p_subscription, p_starts_on, p_ends_on) AS o
        CROSS JOIN LATERAL (SELECT p_from_day + (o.day - p_starts_on) AS no) AS k
    ) AS a
$$;
