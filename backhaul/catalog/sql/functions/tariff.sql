-- Contract: a new version of the price at which the acting operator sells a plan to a direct child, from p_starts_on on. Versions that
-- have started are never replaced: a changed price starts after today. Of one day the version set last holds. p_validity_days: the
-- price of that many days; NULL: of a whole retail cycle (SPEC 2.2).
CREATE OR REPLACE FUNCTION set_tariff_price(
    p_child bigint, p_plan_operator bigint, p_plan bigint, p_starts_on date, p_price_minor bigint, p_today date,
    p_validity_days integer DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_me operator%ROWTYPE;
    v_has_versions boolean;
BEGIN
    SELECT * INTO v_me FROM operator WHERE id = acting_operator() FOR KEY SHARE;
    PERFORM 1 FROM operator WHERE id = p_child AND parent_id = v_me.id FOR KEY SHARE;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such operator below you.');
    END IF;
    PERFORM 1 FROM plan WHERE operator_id = p_plan_operator AND id = p_plan AND operator_id = ANY (v_me.path);
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such plan.');
    END IF;
    SELECT EXISTS (SELECT 1 FROM tariff_price WHERE child_id = p_child AND plan_operator_id = p_plan_operator AND plan_id = p_plan)
    INTO v_has_versions;
    IF v_has_versions AND p_starts_on <= p_today THEN
        PERFORM refuse('price_in_the_past', 'A changed price starts tomorrow at the earliest: what was charged stays as it was.');
    END IF;
    INSERT INTO tariff_price (child_id, parent_id, plan_operator_id, plan_id, starts_on, price_minor, validity_days, set_at)
    VALUES (p_child, v_me.id, p_plan_operator, p_plan, p_starts_on, p_price_minor, p_validity_days, clock_timestamp());
END $$;

-- tariff_version: the version of an edge's price for a plan that holds on a day; no row when there is none. validity_days NULL: the
-- price of a whole retail cycle, else of that many days.
CREATE OR REPLACE FUNCTION tariff_version(p_child bigint, p_plan_operator bigint, p_plan bigint, p_day date)
RETURNS TABLE (price_minor bigint, validity_days smallint)
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT t.price_minor, t.validity_days FROM tariff_price t
    WHERE t.child_id = p_child AND t.plan_operator_id = p_plan_operator AND t.plan_id = p_plan AND t.starts_on <= p_day
    ORDER BY t.starts_on DESC, t.set_at DESC LIMIT 1
$$;

-- tariff_on: the price of a plan on one edge that holds on a day; NULL when there is none.
CREATE OR REPLACE FUNCTION tariff_on(p_child bigint, p_plan_operator bigint, p_plan bigint, p_day date) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT price_minor FROM tariff_version(p_child, p_plan_operator, p_plan, p_day)
$$;

-- Contract: the plans that the acting operator can sell on a day: its chain's plans that have a tariff price on every edge from
-- itself up to the ISP. A price above its own edge is not told; own_price_minor is what it pays itself (NULL at the ISP).
CREATE OR REPLACE FUNCTION sellable_plans(p_on date)
RETURNS TABLE (plan_operator_id bigint, plan_id bigint, own_price_minor bigint)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT p.operator_id, p.id, tariff_on(NULLIF(me.id, me.isp_id), p.operator_id, p.id, p_on)
    FROM operator me JOIN plan p ON p.operator_id = ANY (me.path)
    WHERE me.id = acting_operator()
      AND NOT EXISTS (SELECT FROM unnest(me.path[2:]) AS edge (child_id)
                      WHERE tariff_on(edge.child_id, p.operator_id, p.id, p_on) IS NULL)
$$;
