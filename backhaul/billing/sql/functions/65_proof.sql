-- The proof that nothing was forgotten: every day of every service of a month is billed, free by a named rule, off, or an exception
-- with its reason (issue 3, deliverable 7). Runs as its caller: an operator proves its own, the batch role everybody's.

-- billed_days_of(operator, from, until): each day of [from, until) that a bill of a period covers, and what it brought, net and less
-- discount, by cumulative rounding: the days of a bill add to the bill. credited: why it was given back. p_invoice: that bill alone.
CREATE OR REPLACE FUNCTION billed_days_of(p_operator bigint, p_from date, p_until date, p_invoice bigint DEFAULT NULL)
RETURNS TABLE (subscription_id bigint, invoice_id bigint, day date, net_minor bigint, is_nil boolean, is_discounted boolean, credited text)
LANGUAGE sql STABLE AS $$
    WITH bill AS MATERIALIZED (
        SELECT i.*, i.net_minor - i.discount_minor AS base FROM invoice i
        WHERE i.operator_id = p_operator AND i.kind = 'period' AND i.starts_on < p_until AND i.ends_on > p_from
          AND p_invoice IS NULL
        UNION ALL                               -- by its key: with OR, each of many bills would read all bills of its time
        SELECT i.*, i.net_minor - i.discount_minor FROM invoice i
        WHERE i.operator_id = p_operator AND i.kind = 'period' AND i.starts_on < p_until AND i.ends_on > p_from
          AND i.id = p_invoice
    ), weighed AS (
        SELECT b.id, d.day, prorate(b.price_minor, b.from_day, b.from_day + (b.ends_on - b.starts_on), b.cycle_days)::numeric AS whole,
               prorate(b.price_minor, b.from_day, b.from_day + (d.day - b.starts_on), b.cycle_days)::numeric AS before,
               prorate(b.price_minor, b.from_day, b.from_day + (d.day - b.starts_on) + 1, b.cycle_days)::numeric AS upto
        FROM bill b
        CROSS JOIN LATERAL (SELECT GREATEST(b.starts_on, p_from) + n AS day
                            FROM generate_series(0, LEAST(b.ends_on, p_until) - GREATEST(b.starts_on, p_from) - 1) AS n) AS d
        WHERE b.billed_days IS NULL
        UNION ALL
        SELECT w.id, w.day, sum(w.minor) OVER (PARTITION BY w.id), sum(w.minor) OVER before - w.minor, sum(w.minor) OVER before
        FROM (
            SELECT b.id, d.day, CASE WHEN o.day IS NULL THEN prorate(g.price_minor, b.from_day + (d.day - b.starts_on),
                                                                     b.from_day + (d.day - b.starts_on) + 1, b.cycle_days) ELSE 0 END AS minor
            FROM bill b
            CROSS JOIN LATERAL priced_days(p_operator, b.subscription_id, b.starts_on, b.ends_on) AS g
            CROSS JOIN LATERAL (SELECT g.from_on + n AS day FROM generate_series(0, g.to_on - g.from_on - 1) AS n) AS d
            LEFT JOIN off_days(p_operator, b.subscription_id, b.starts_on, b.ends_on) AS o ON o.day = d.day
            WHERE b.billed_days IS NOT NULL
        ) AS w
        WINDOW before AS (PARTITION BY w.id ORDER BY w.day)
    ), credited AS MATERIALIZED (
        SELECT n.invoice_id, n.from_on + d AS day, n.reason FROM credit_note n
        CROSS JOIN LATERAL generate_series(0, n.to_on - n.from_on - 1) AS d
        WHERE n.operator_id = p_operator AND n.from_on < p_until AND n.to_on > p_from
    )
    SELECT b.subscription_id, b.id, w.day,
           CASE WHEN w.whole = 0 THEN 0 ELSE (div(2 * b.base * w.upto + w.whole, 2 * w.whole)
                                              - div(2 * b.base * w.before + w.whole, 2 * w.whole))::bigint END,
           b.net_minor = 0, b.base = 0 AND b.net_minor > 0, k.reason
    FROM weighed w JOIN bill b ON b.id = w.id
    LEFT JOIN credited k ON k.invoice_id = w.id AND k.day = w.day
    WHERE w.day >= p_from AND w.day < p_until
$$;

-- charged_days_of(operator, from, until): what the operator's own provider charged, net, for each day of its services in [from, until),
-- and what of it was given back. No row at the ISP. p_invoice: for that bill alone; as a constant, so that it is found by its key.
CREATE OR REPLACE FUNCTION charged_days_of(p_operator bigint, p_from date, p_until date, p_invoice bigint DEFAULT NULL)
RETURNS TABLE (subscription_id bigint, day date, net_minor bigint, back_minor bigint)
LANGUAGE sql STABLE AS $$
    WITH bill AS MATERIALIZED (
        SELECT id FROM invoice WHERE operator_id = p_operator AND kind = 'period' AND starts_on < p_until AND ends_on > p_from
            AND (p_invoice IS NULL OR id = p_invoice)
        UNION
        SELECT running_invoice_id FROM billing_state
        WHERE operator_id = p_operator AND running_invoice_id IS NOT NULL AND p_invoice IS NULL
    ), days AS (
        SELECT c.subscription_id, c.invoice_id, c.starts_on, c.part, d.day,
               prorate(c.price_minor, c.from_day + (d.day - c.starts_on), c.from_day + (d.day - c.starts_on) + 1, c.cycle_days) AS minor
        FROM bill i
        JOIN charge c ON c.child_id = p_operator AND c.owner_id = p_operator AND c.invoice_id = i.id
             AND c.starts_on < p_until AND c.ends_on > p_from
        CROSS JOIN LATERAL (SELECT GREATEST(c.starts_on, p_from) + n AS day
                            FROM generate_series(0, LEAST(c.ends_on, p_until) - GREATEST(c.starts_on, p_from) - 1) AS n) AS d
    ), given_back AS MATERIALIZED (
        SELECT r.invoice_id, r.starts_on, r.part, r.from_on + n AS day FROM charge_refund r
        CROSS JOIN LATERAL generate_series(0, r.to_on - r.from_on - 1) AS n
        WHERE r.child_id = p_operator AND r.owner_id = p_operator AND r.from_on < p_until AND r.to_on > p_from
    )
    SELECT d.subscription_id, d.day, sum(d.minor)::bigint, COALESCE(sum(d.minor) FILTER (WHERE g.day IS NOT NULL), 0)::bigint
    FROM days d
    LEFT JOIN given_back g ON g.invoice_id = d.invoice_id AND g.starts_on = d.starts_on AND g.part = d.part AND g.day = d.day
    GROUP BY d.subscription_id, d.day
$$;

-- why_unbilled(service, day, …): the rule or the exception behind an enabled day that no bill covers.
CREATE OR REPLACE FUNCTION why_unbilled(p_operator bigint, p_subscription bigint, p_day date) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    s record;
    v_next record;
    v_reason text;
BEGIN
    SELECT bs.billed_until, bs.running_invoice_id, bs.began_on, bp.auto_bill, bp.access INTO s
    FROM subscription u
    JOIN billing_profile bp ON bp.operator_id = u.profile_operator_id AND bp.id = u.profile_id
    LEFT JOIN billing_state bs ON bs.operator_id = u.operator_id AND bs.subscription_id = u.id
    WHERE u.operator_id = p_operator AND u.id = p_subscription;
    IF s.billed_until IS NULL THEN
        RETURN 'not_started';
    ELSIF s.running_invoice_id IS NOT NULL AND p_day >= s.billed_until THEN
        RETURN 'in_arrears';
    ELSIF p_day < s.began_on THEN
        RETURN 'before_start';
    END IF;
    -- in grace until it was cut: the days stay unbilled when it comes back (SPEC 2.3)
    SELECT b.reason, b.from_on INTO v_next FROM block b
    WHERE b.operator_id = p_operator AND b.subscription_id = p_subscription AND b.from_on > p_day ORDER BY b.from_at LIMIT 1;
    IF v_next.reason IN ('fund_short', 'upstream_short', 'expired')
       AND NOT EXISTS (SELECT 1 FROM invoice i WHERE i.operator_id = p_operator AND i.subscription_id = p_subscription
                       AND i.kind = 'period' AND i.starts_on > p_day AND i.starts_on < v_next.from_on) THEN
        RETURN CASE v_next.reason WHEN 'expired' THEN 'cut_window' ELSE 'short_grace' END;
    END IF;
    SELECT CASE WHEN h.short_child_id = p_operator THEN 'held_own' ELSE 'held_upstream' END INTO v_reason FROM held_bill h
    WHERE h.operator_id = p_operator AND h.subscription_id = p_subscription AND h.starts_on <= p_day;
    IF v_reason IS NULL THEN
        SELECT x.reason INTO v_reason FROM run_exception x
        WHERE x.operator_id = p_operator AND x.subscription_id = p_subscription AND x.starts_on <= p_day
          AND x.starts_on >= s.billed_until ORDER BY x.run_id DESC LIMIT 1;
    END IF;
    RETURN CASE WHEN v_reason IS NOT NULL THEN v_reason
                WHEN s.access = 'pay_first' AND p_day >= s.billed_until THEN 'cut_window'
                WHEN NOT s.auto_bill AND p_day >= s.billed_until THEN 'auto_bill_off'
                WHEN EXISTS (SELECT 1 FROM operator_block b WHERE b.operator_id = p_operator AND b.from_on <= p_day
                             AND (b.to_on > p_day OR b.to_on IS NULL)) THEN 'operator_blocked'
                ELSE 'unexplained' END;
END $$;

-- prove_days(operator, from, until): every day of [from, until) of every service of an operator, from its joining to its last day, with
-- its class (billing/proof.py PROOF_CLASSES), what it brought and what the provider charged for it, net.
CREATE OR REPLACE FUNCTION prove_days(p_operator bigint, p_from date, p_until date)
RETURNS TABLE (subscription_id bigint, day date, class text, invoice_id bigint, net_minor bigint, charged_minor bigint)
LANGUAGE sql STABLE AS $$
    WITH service AS MATERIALIZED (
        SELECT s.id, bp.billing_type, GREATEST(p_from, c.joined_on) AS from_on, LEAST(p_until, s.left_on + 1) AS to_on
        FROM subscription s
        JOIN customer c ON c.operator_id = s.operator_id AND c.id = s.customer_id
        JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
        WHERE s.operator_id = p_operator
    ), days AS MATERIALIZED (
        SELECT s.id, s.billing_type, s.from_on + n AS day FROM service s CROSS JOIN LATERAL generate_series(0, s.to_on - s.from_on - 1) AS n
    ), off AS MATERIALIZED (
        SELECT s.id, o.day, o.reason FROM service s CROSS JOIN LATERAL off_days(p_operator, s.id, s.from_on, s.to_on) AS o
        WHERE s.to_on > s.from_on
    ), billed AS MATERIALIZED (
        SELECT DISTINCT ON (b.subscription_id, b.day) b.* FROM billed_days_of(p_operator, p_from, p_until) AS b
        ORDER BY b.subscription_id, b.day, b.credited IS NULL DESC, b.invoice_id DESC
    ), charged AS MATERIALIZED (
        SELECT * FROM charged_days_of(p_operator, p_from, p_until)
    )
    SELECT d.id, d.day,
           CASE WHEN o.reason IS NOT NULL THEN 'off_' || o.reason
                WHEN b.credited IS NOT NULL THEN 'credited'
                WHEN b.is_nil AND d.billing_type = 'free' THEN 'free_profile'
                WHEN b.is_nil THEN 'free_price'
                WHEN b.is_discounted THEN 'free_discount'
                WHEN b.invoice_id IS NOT NULL THEN 'billed'
                ELSE why_unbilled(p_operator, d.id, d.day) END,
           b.invoice_id, CASE WHEN b.credited IS NULL THEN COALESCE(b.net_minor, 0) ELSE 0 END,
           COALESCE(c.net_minor - c.back_minor, 0)
    FROM days d
    LEFT JOIN off o ON o.id = d.id AND o.day = d.day
    LEFT JOIN billed b ON b.subscription_id = d.id AND b.day = d.day
    LEFT JOIN charged c ON c.subscription_id = d.id AND c.day = d.day
$$;
