-- Contract: what the acting operator pays its provider for each plan on a day, a month or validity of it: net, and the VAT on it by
-- the provider's own switches. Nothing at the ISP.
CREATE OR REPLACE FUNCTION own_costs(p_on date)
RETURNS TABLE (plan_operator_id bigint, plan_id bigint, net_minor bigint, vat_minor bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    SELECT c.plan_operator_id, c.plan_id, c.minor, vat_of(c.minor, vat_rate_on(c.parent_id, p_on))
    FROM (SELECT DISTINCT ON (t.plan_operator_id, t.plan_id) t.plan_operator_id, t.plan_id, t.parent_id, t.price_minor AS minor
          FROM tariff_price t WHERE t.child_id = acting_operator() AND t.starts_on <= p_on
          ORDER BY t.plan_operator_id, t.plan_id, t.starts_on DESC, t.set_at DESC) AS c;
END $$;

-- Contract: whether some service, of the acting operator or of one below it, is billed by a billing profile of the acting operator.
CREATE OR REPLACE FUNCTION profile_in_use(p_profile bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN EXISTS (SELECT 1 FROM subscription s
                   WHERE s.profile_operator_id = acting_operator() AND s.profile_id = p_profile AND s.left_on IS NULL);
END $$;
