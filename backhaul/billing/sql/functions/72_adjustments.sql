-- Discounts, write-offs and what is recovered of them (SPEC §3). A discount at issue is part of the bill; what comes later is an
-- adjustment beside it: an invoice is a fact.

-- discount_of(operator, subscription, start, net): what the service's standing discount takes off a bill of that net amount for a
-- period that starts on that day; never more than the net.
CREATE OR REPLACE FUNCTION discount_of(p_operator bigint, p_subscription bigint, p_starts_on date, p_net_minor bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT COALESCE((SELECT LEAST(p_net_minor, COALESCE(amount_minor, vat_of(p_net_minor, part_bp))) FROM discount
                     WHERE operator_id = p_operator AND subscription_id = p_subscription AND ended_at IS NULL
                       AND from_on <= p_starts_on AND (until_on IS NULL OR p_starts_on < until_on)), 0)
$$;
