-- Money and calendar arithmetic, once: used by runs and single actions alike, tested from Python (SPEC 2.5, ARCHITECTURE §4.7).

-- charge_upto(price, k, n): A(k), what the first k of a cycle's n days cost together; A(0) = 0, A(n) = price.
CREATE OR REPLACE FUNCTION charge_upto(p_price_minor bigint, p_days integer, p_cycle_days integer) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (2 * p_price_minor * p_days + p_cycle_days) / (2 * p_cycle_days)
$$;

-- prorate(price, from, to, n): the days [from, to) of a cycle of n days, counted from 0. Parts always add to the whole.
CREATE OR REPLACE FUNCTION prorate(p_price_minor bigint, p_from_day integer, p_to_day integer, p_cycle_days integer) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT charge_upto(p_price_minor, p_to_day, p_cycle_days) - charge_upto(p_price_minor, p_from_day, p_cycle_days)
$$;

-- vat_of(net, rate in hundredths of a percent): rounded half up, once per invoice and per charge row. In two parts, so that no
-- amount kept here times a rate leaves bigint.
CREATE OR REPLACE FUNCTION vat_of(p_net_minor bigint, p_rate_bp integer) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT p_net_minor / 10000 * p_rate_bp + (p_net_minor % 10000 * p_rate_bp + 5000) / 10000
$$;

-- with_vat(net, rate): what is to be paid.
CREATE OR REPLACE FUNCTION with_vat(p_net_minor bigint, p_rate_bp integer) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT p_net_minor + vat_of(p_net_minor, p_rate_bp) $$;

-- vat_given_back(net, vat, part of the net given back): the VAT that the kept part does not carry; the parts add to the whole.
CREATE OR REPLACE FUNCTION vat_given_back(p_net_minor bigint, p_vat_minor bigint, p_part_minor bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_net_minor = 0 THEN 0
                ELSE p_vat_minor - div(2 * p_vat_minor::numeric * (p_net_minor - p_part_minor) + p_net_minor, 2 * p_net_minor)::bigint END
$$;

-- anchor_in_month(first of month, anchor day): the anchor, or the month's last day where the month is shorter.
CREATE OR REPLACE FUNCTION anchor_in_month(p_first date, p_anchor_day integer) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT LEAST(p_first + p_anchor_day - 1, (p_first + interval '1 month')::date - 1)
$$;

-- next_anchor(day, anchor day): the first anchor after the day. 31 Jan → 28 or 29 Feb → 31 Mar.
CREATE OR REPLACE FUNCTION next_anchor(p_day date, p_anchor_day integer) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN anchor_in_month(first, p_anchor_day) > p_day THEN anchor_in_month(first, p_anchor_day)
                ELSE anchor_in_month((first + interval '1 month')::date, p_anchor_day) END
    FROM (SELECT p_day - (extract(day FROM p_day)::integer - 1) AS first) AS month
$$;

-- last_anchor(day, anchor day): the last anchor on or before the day.
CREATE OR REPLACE FUNCTION last_anchor(p_day date, p_anchor_day integer) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN anchor_in_month(first, p_anchor_day) <= p_day THEN anchor_in_month(first, p_anchor_day)
                ELSE anchor_in_month((first - interval '1 month')::date, p_anchor_day) END
    FROM (SELECT p_day - (extract(day FROM p_day)::integer - 1) AS first) AS month
$$;

-- anchor_after(anchor, anchor day, months): the anchor that many months after one.
CREATE OR REPLACE FUNCTION anchor_after(p_anchor_on date, p_anchor_day integer, p_months integer) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT anchor_in_month((p_anchor_on - (extract(day FROM p_anchor_on)::integer - 1) + make_interval(months => p_months))::date, p_anchor_day)
$$;

-- cycle_of(start, anchor day, validity, cycle start): the whole cycle that a period lies in: between two anchors, or, sold by
-- validity, that many days from its own start.
CREATE OR REPLACE FUNCTION cycle_of(
    p_starts_on date, p_anchor_day integer, p_validity_days integer, p_cycle_on date, OUT cycle_on date, OUT ends_on date)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_validity_days IS NULL THEN last_anchor(p_starts_on, p_anchor_day) ELSE p_cycle_on END,
           CASE WHEN p_validity_days IS NULL THEN next_anchor(p_starts_on, p_anchor_day) ELSE p_cycle_on + p_validity_days END
$$;

-- net_of_gross(gross, rate): the net of a price that includes VAT, rounded half up; the VAT is what is left.
CREATE OR REPLACE FUNCTION net_of_gross(p_gross_minor bigint, p_rate_bp integer) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT div(20000 * p_gross_minor::numeric + 10000 + p_rate_bp, 2 * (10000 + p_rate_bp))::bigint
$$;

-- rounded_to(total, step): the nearest multiple of a step, half up; the difference goes to *rounding*.
CREATE OR REPLACE FUNCTION rounded_to(p_total_minor bigint, p_step_minor bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (2 * p_total_minor + p_step_minor) / (2 * p_step_minor) * p_step_minor
$$;

-- retail_vat(price of the days, its net, rate, price includes VAT, discount): a bill's VAT, rounded once, on what is left after the
-- discount; of a price that includes it, what is not net. The bill's total = rounded_to(net − discount + vat).
CREATE OR REPLACE FUNCTION retail_vat(
    p_base_minor bigint, p_net_minor bigint, p_rate_bp integer, p_includes_vat boolean, p_discount_minor bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_includes_vat AND p_discount_minor = 0 THEN p_base_minor - p_net_minor
                ELSE vat_of(p_net_minor - p_discount_minor, p_rate_bp) END
$$;

-- period_net(price, start, anchor day): what the days from a start to the next anchor cost, of a whole cycle's price.
CREATE OR REPLACE FUNCTION period_net(p_price_minor bigint, p_starts_on date, p_anchor_day integer) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT prorate(p_price_minor, p_starts_on - cycle_on, ends_on - cycle_on, ends_on - cycle_on)
    FROM (SELECT last_anchor(p_starts_on, p_anchor_day) AS cycle_on, next_anchor(p_starts_on, p_anchor_day) AS ends_on) AS cycle
$$;

-- vat_rate_on / reclaims_input_on: an operator's VAT switches that hold on a day; not registered = 0 and no reclaim.
CREATE OR REPLACE FUNCTION vat_rate_on(p_operator bigint, p_day date) RETURNS integer
LANGUAGE sql STABLE AS $$
    SELECT COALESCE((SELECT CASE WHEN registered THEN rate_bp ELSE 0 END FROM vat_setting
                     WHERE operator_id = p_operator AND starts_on <= p_day ORDER BY starts_on DESC, set_at DESC LIMIT 1), 0)
$$;
CREATE OR REPLACE FUNCTION reclaims_input_on(p_operator bigint, p_day date) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT COALESCE((SELECT registered AND reclaims_input FROM vat_setting
                     WHERE operator_id = p_operator AND starts_on <= p_day ORDER BY starts_on DESC, set_at DESC LIMIT 1), false)
$$;

-- renewed_period(today, ends_on, days): a service sold by validity runs on from its end, or from today where it has lapsed (SPEC 2.5).
CREATE OR REPLACE FUNCTION renewed_period(p_today date, p_ends_on date, p_days integer, OUT starts_on date, OUT ends_on date)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT GREATEST(p_today, p_ends_on), GREATEST(p_today, p_ends_on) + p_days
$$;
