-- The start of an edge (SPEC 2.4): from that day on it charges.

-- running_charges: what of the zero-price charges of an edge that has not started would be charged from a day on: of every running
-- period today and the days left, less those given back since, at the tariff of the day.
CREATE OR REPLACE FUNCTION running_charges(p_fund fund, p_on date)
RETURNS TABLE (
    owner_id bigint, invoice_id bigint, subscription_id bigint, ends_on date, part smallint, price_minor bigint, cycle_days smallint,
    from_day smallint, net_minor bigint, vat_minor bigint, is_free boolean)
LANGUAGE sql STABLE AS $$
    SELECT c.owner_id, c.invoice_id, c.subscription_id, last.on_day, (last_part.n + 1)::smallint, t.price_minor, t.cycle_days::smallint,
           t.from_day::smallint, net.minor, vat_of(net.minor, vat_rate_on(p_fund.parent_id, p_on)),
           bp.billing_type = 'free' AND c.owner_id = p_fund.child_id
    FROM charge c
    JOIN subscription s ON s.operator_id = c.owner_id AND s.id = c.subscription_id
    JOIN package p ON p.operator_id = s.package_operator_id AND p.id = s.package_id
    JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
    CROSS JOIN LATERAL (
        SELECT LEAST(c.ends_on, COALESCE(min(r.from_on), c.ends_on)) AS on_day FROM charge_refund r
        WHERE (r.child_id, r.owner_id, r.invoice_id, r.starts_on, r.part) = (c.child_id, c.owner_id, c.invoice_id, c.starts_on, c.part)
          AND r.to_on > p_on) AS last
    CROSS JOIN LATERAL (SELECT max(m.part) AS n FROM charge m
                        WHERE (m.child_id, m.owner_id, m.invoice_id) = (c.child_id, c.owner_id, c.invoice_id)) AS last_part
    LEFT JOIN LATERAL tariff_version(c.child_id, p.plan_operator_id, p.plan_id, p_on) AS price ON true
    CROSS JOIN LATERAL (SELECT CASE WHEN p_fund.charge_whole_term AND p_fund.charge_timing = 'upfront' AND bp.billed = 'advance'
                                         AND bp.validity_days IS NULL THEN p.term_months ELSE 1 END AS n) AS terms
    CROSS JOIN LATERAL (SELECT price.price_minor * terms.n AS price_minor, COALESCE(price.validity_days * terms.n, c.cycle_days) AS cycle_days,
                               CASE WHEN price.validity_days IS NULL THEN c.from_day + (p_on - c.starts_on) ELSE 0 END AS from_day) AS t
    CROSS JOIN LATERAL (SELECT prorate(t.price_minor, t.from_day, t.from_day + (last.on_day - p_on), t.cycle_days) AS minor) AS net
    WHERE c.child_id = p_fund.child_id AND c.starts_on <= p_on AND c.price_minor = 0 AND s.left_on IS NULL AND last.on_day > p_on
$$;

-- Contract (app): starts a direct child's edge on a day: running periods below that cross it are charged for that day and the days
-- left, in one movement, and every later period as usual. Refused when the fund does not cover it (fund_too_low) and when it has started.
-- p_preview: only says what it would do.
-- Returns {"services", "net_minor", "vat_minor"}.
CREATE OR REPLACE FUNCTION start_edge(p_child bigint, p_on date, p_preview boolean) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_fund fund := lock_edge(p_child);
    v_count bigint;
    v_net bigint;
    v_vat bigint;
    v_free bigint;
    v_movement bigint;
    v_reclaims boolean := reclaims_input_on(p_child, p_on);
    v_prepaid boolean := v_fund.mode = 'prepaid';
BEGIN
    IF v_fund.started_on IS NOT NULL THEN
        PERFORM refuse('already_started', 'This edge charges already.');
    END IF;
    SELECT count(*), COALESCE(sum(net_minor), 0), COALESCE(sum(vat_minor), 0),
           COALESCE(sum(net_minor + CASE WHEN v_reclaims THEN 0 ELSE vat_minor END) FILTER (WHERE is_free), 0)
    INTO v_count, v_net, v_vat, v_free FROM running_charges(v_fund, p_on);
    IF p_preview THEN
        RETURN jsonb_build_object('services', v_count, 'net_minor', v_net, 'vat_minor', v_vat);
    ELSIF v_net + v_vat > fund_headroom(v_fund) THEN
        PERFORM refuse('fund_too_low', 'The fund does not cover what the running periods cost from today; recharge it first.');
    END IF;
    IF v_net + v_vat > 0 THEN
        v_movement := move_fund(
            p_child, v_fund.parent_id, CASE WHEN v_prepaid THEN 'wholesale_charge' ELSE 'wholesale_charge_postpaid' END,
            CASE WHEN v_prepaid THEN -(v_net + v_vat) ELSE 0 END, CASE WHEN v_prepaid THEN 0 ELSE v_net + v_vat END,
            jsonb_build_object('net', v_net, 'vat', v_vat, 'input_vat', CASE WHEN v_reclaims THEN v_vat ELSE 0 END, 'free_cost', v_free,
                               'cost', v_net - v_free + CASE WHEN v_reclaims THEN 0 ELSE v_vat END),
            p_on, 'start:' || p_on);
    END IF;
    INSERT INTO charge (child_id, owner_id, invoice_id, parent_id, subscription_id, starts_on, ends_on, price_minor, cycle_days, from_day,
                        part, net_minor, vat_minor, movement_id, charged_on)
    SELECT p_child, r.owner_id, r.invoice_id, v_fund.parent_id, r.subscription_id, p_on, r.ends_on, r.price_minor, r.cycle_days, r.from_day,
           r.part, r.net_minor, r.vat_minor, v_movement, p_on
    FROM running_charges(v_fund, p_on) AS r;
    UPDATE fund SET started_on = p_on WHERE child_id = p_child;
    RETURN jsonb_build_object('services', v_count, 'net_minor', v_net, 'vat_minor', v_vat);
END $$;

-- Contract (app): closes a direct child. Refused until it is settled (SPEC A20): its fund empty both ways, no service of it left, no
-- open operator below it.
CREATE OR REPLACE FUNCTION close_operator(p_child bigint, p_on date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE v_fund fund := lock_edge(p_child);
BEGIN
    IF (v_fund.posted_minor, v_fund.held_minor, v_fund.owed_minor) <> (0, 0, 0) THEN
        PERFORM refuse('not_settled', 'Its fund is not settled: pay back what it holds and book what it owes, then close it.');
    ELSIF EXISTS (SELECT 1 FROM operator WHERE parent_id = p_child AND closed_on IS NULL) THEN
        PERFORM refuse('not_settled', 'There are operators below it; close or move those first.');
    ELSIF EXISTS (SELECT 1 FROM subscription WHERE operator_id = p_child AND left_on IS NULL) THEN
        PERFORM refuse('not_settled', 'It still has customers; move them or let them leave first.');
    END IF;
    UPDATE operator SET closed_on = p_on WHERE id = p_child AND closed_on IS NULL;
END $$;
