-- Package change: the day of change belongs to the new package (SPEC 2.7, B32). What is left of the old one is credited at the rates
-- charged, on every edge and to the customer; then the engine takes the new one's step at that day's tariff. One transaction: where a
-- fund cannot bear the net, nothing changes.

-- switch_packages: gives services their new packages (arrays in parallel): the subscription, its history, its price and the speed of
-- its logins. A price of its own belongs to the old package and ends, later ones too; p_custom sets a new one. The plans are held
-- (hold_switched), so that the speed is the plan's. Runs as its caller.
CREATE OR REPLACE FUNCTION switch_packages(
    p_operators bigint[], p_subscriptions bigint[], p_package_operators bigint[], p_packages bigint[], p_custom bigint[], p_starts date[],
    p_actors bigint[], p_now timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO package_history (operator_id, subscription_id, starts_on, package_operator_id, package_id, changed_at, by_actor_id)
    SELECT s.operator_id, s.id, LEAST(COALESCE(s.activated_on, c.joined_on), k.starts_on), s.package_operator_id, s.package_id,
           p_now - interval '1 microsecond', k.actor_id
    FROM unnest(p_operators, p_subscriptions, p_starts, p_actors) AS k (operator_id, id, starts_on, actor_id)
    JOIN subscription s ON s.operator_id = k.operator_id AND s.id = k.id
    JOIN customer c ON c.operator_id = s.operator_id AND c.id = s.customer_id
    WHERE NOT EXISTS (SELECT 1 FROM package_history h WHERE h.operator_id = k.operator_id AND h.subscription_id = k.id);
    INSERT INTO package_history (operator_id, subscription_id, starts_on, package_operator_id, package_id, changed_at, by_actor_id)
    SELECT k.operator_id, k.id, k.starts_on, k.package_operator_id, k.package_id,
           GREATEST(p_now, (SELECT max(h.changed_at) + interval '1 microsecond' FROM package_history h
                            WHERE h.operator_id = k.operator_id AND h.subscription_id = k.id)), k.actor_id
    FROM unnest(p_operators, p_subscriptions, p_starts, p_package_operators, p_packages, p_actors)
        AS k (operator_id, id, starts_on, package_operator_id, package_id, actor_id);
    UPDATE custom_price p SET price_minor = NULL
    FROM unnest(p_operators, p_subscriptions, p_starts) AS k (operator_id, id, starts_on)
    WHERE p.operator_id = k.operator_id AND p.subscription_id = k.id AND p.starts_on > k.starts_on AND p.price_minor IS NOT NULL;
    INSERT INTO custom_price AS p (operator_id, subscription_id, starts_on, price_minor, set_at, by_actor_id)
    SELECT k.operator_id, k.id, k.starts_on, k.custom, p_now, k.actor_id
    FROM unnest(p_operators, p_subscriptions, p_starts, p_custom, p_actors) AS k (operator_id, id, starts_on, custom, actor_id)
    JOIN subscription s ON s.operator_id = k.operator_id AND s.id = k.id
    WHERE k.custom IS NOT NULL OR s.custom_price_minor IS NOT NULL
       OR EXISTS (SELECT 1 FROM custom_price o WHERE o.operator_id = k.operator_id AND o.subscription_id = k.id)
    ON CONFLICT (operator_id, subscription_id, starts_on) DO UPDATE
    SET price_minor = EXCLUDED.price_minor, set_at = EXCLUDED.set_at, by_actor_id = EXCLUDED.by_actor_id,
        impersonation_id = EXCLUDED.impersonation_id;
    UPDATE subscription s SET package_operator_id = k.package_operator_id, package_id = k.package_id
    FROM unnest(p_operators, p_subscriptions, p_package_operators, p_packages) AS k (operator_id, id, package_operator_id, package_id)
    WHERE s.operator_id = k.operator_id AND s.id = k.id;
    PERFORM set_login_plans(array_agg(k.operator_id), array_agg(k.id), array_agg(n.down_kbps), array_agg(n.up_kbps),
                            array_agg(n.pool_operator_id), array_agg(n.pool_id),
                            array_agg(CASE WHEN NOT n.connection_types @> ARRAY['pppoe', 'hotspot', 'static', 'other']
                                           THEN array_to_string(n.connection_types, ',') END), 'package changed', p_now)
    FROM unnest(p_operators, p_subscriptions, p_package_operators, p_packages) AS k (operator_id, id, package_operator_id, package_id)
    JOIN package p ON p.operator_id = k.package_operator_id AND p.id = k.package_id
    JOIN plan n ON n.operator_id = p.plan_operator_id AND n.id = p.plan_id;
END $$;

-- hold_switched: the plans that these services leave and those that they come to, against a change of them (lock_plans), before the
-- services are locked. Who could switch them meanwhile waits for the funds that the caller holds.
CREATE OR REPLACE FUNCTION hold_switched(
    p_operators bigint[], p_subscriptions bigint[], p_package_operators bigint[], p_packages bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM lock_plans(p_package_operators || array_agg(s.package_operator_id), p_packages || array_agg(s.package_id))
    FROM unnest(p_operators, p_subscriptions) AS k (operator_id, id)
    JOIN subscription s ON s.operator_id = k.operator_id AND s.id = k.id;
END $$;

-- Contract (app): refuses a package for a service of the acting operator that connects in a way its plan is not sold for (SPEC 5).
CREATE OR REPLACE FUNCTION refuse_connection(p_subscription bigint, p_package_operator bigint, p_package bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_types text[];
BEGIN
    SELECT n.connection_types INTO v_types
    FROM package p JOIN plan n ON n.operator_id = p.plan_operator_id AND n.id = p.plan_id
    WHERE p.operator_id = p_package_operator AND p.id = p_package;
    IF EXISTS (SELECT 1 FROM radius_login WHERE operator_id = acting_operator() AND subscription_id = p_subscription
               AND connection_type <> ALL (v_types)) THEN
        PERFORM refuse('connection_refused', 'This package is not sold for the way in which this customer connects; choose another one.');
    END IF;
END $$;

-- refuse_change: says no to a change today that cannot be: another's or no package, a service that is off, one whose renewal waits.
CREATE OR REPLACE FUNCTION refuse_change(
    s subscription, b billing_state, p_package_operator bigint, p_package bigint, p_custom bigint, p_on date) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM package p JOIN operator o ON o.id = s.operator_id
    WHERE p.operator_id = p_package_operator AND p.id = p_package AND p.withdrawn_on IS NULL
      AND (p.operator_id = o.id OR p.handed_down AND p.operator_id = ANY (o.path));
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such package.');
    ELSIF (s.package_operator_id, s.package_id) = (p_package_operator, p_package) AND p_custom IS NULL THEN
        PERFORM refuse('same_package', 'The service has this package already; choose another one.');
    ELSIF EXISTS (SELECT 1 FROM block WHERE operator_id = s.operator_id AND subscription_id = s.id AND to_at IS NULL)
       OR EXISTS (SELECT 1 FROM operator_block WHERE operator_id = s.operator_id AND to_at IS NULL) THEN
        PERFORM refuse('status_refused', 'The service is off. Bring it back first, or plan the change for the next cycle.');
    ELSIF b.charged_until < p_on OR EXISTS (SELECT 1 FROM held_bill WHERE operator_id = s.operator_id AND subscription_id = s.id) THEN
        PERFORM refuse('renewal_waits', 'A renewal of this service waits to be billed; recharge your fund or run the billing first.');
    ELSIF b.running_invoice_id IS NOT NULL AND b.billed_until = p_on THEN
        PERFORM refuse('change_tomorrow', 'The period billed at its end began today; change the package tomorrow, or at the next cycle.');
    END IF;
END $$;

-- Contract (app): which way a change of package goes for a service of the acting operator by its price a month on p_on: 1 = up, -1 =
-- down, 0 = neither, or the service costs its customer nothing.
CREATE OR REPLACE FUNCTION change_direction(
    p_subscription bigint, p_package_operator bigint, p_package bigint, p_custom_price_minor bigint, p_on date) RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT CASE WHEN bp.billing_type = 'free' THEN 0 ELSE
           sign(COALESCE(p_custom_price_minor, package_price_on(n.operator_id, n.id, p_on)) * o.term_months::numeric
                - price_on(s.operator_id, s.id, p_on) * n.term_months::numeric)::integer END
    FROM subscription s
    JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
    JOIN package o ON o.operator_id = s.package_operator_id AND o.id = s.package_id
    JOIN package n ON n.operator_id = p_package_operator AND n.id = p_package
    JOIN operator me ON me.id = s.operator_id AND (n.operator_id = me.id OR n.handed_down AND n.operator_id = ANY (me.path))
    WHERE s.operator_id = acting_operator() AND s.id = p_subscription
$$;

-- issue_change_fee: the profile's fee for an upgrade as a bill of its own, with VAT; the customer's advance pays it as far as it goes.
CREATE OR REPLACE FUNCTION issue_change_fee(
    p_operator bigint, s subscription, p_fee_minor bigint, p_includes_vat boolean, p_on date, p_due_on date, p_now timestamptz)
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_rate integer := vat_rate_on(p_operator, p_on);
    v_net bigint := CASE WHEN p_includes_vat THEN net_of_gross(p_fee_minor, v_rate) ELSE p_fee_minor END;
    v_vat bigint := CASE WHEN p_includes_vat THEN p_fee_minor - v_net ELSE vat_of(p_fee_minor, v_rate) END;
    i invoice%ROWTYPE;
    v_applied bigint;
BEGIN
    INSERT INTO invoice (operator_id, number, kind, customer_id, subscription_id, starts_on, ends_on, revision, price_minor, cycle_days,
                         net_minor, vat_minor, total_minor, issued_on, due_on)
    VALUES (p_operator, next_bill_number(p_operator), 'change_fee', s.customer_id, s.id, p_on, p_on,
            next_revision(p_operator, s.id, 'change_fee', p_on), p_fee_minor, 1, v_net, v_vat, v_net + v_vat, p_on, p_due_on)
    RETURNING * INTO i;
    PERFORM post_event(p_operator, 'retail_invoice', 'own', i.id, p_on, p_now,
                       jsonb_build_object('net_less_discount', v_net, 'vat', v_vat), s.customer_id);
    v_applied := apply_advance_to(p_operator, s.customer_id, i.id, i.total_minor, p_on, p_now);
    INSERT INTO invoice_open (operator_id, customer_id, due_on, number, invoice_id, open_minor)
    SELECT p_operator, s.customer_id, i.due_on, i.number, i.id, i.total_minor - v_applied WHERE i.total_minor > v_applied;
    RETURN i.total_minor;
END $$;

-- bill_changed_service: takes the steps that are due after a change: what ran in arrears is billed until the change, then the new
-- package's period or cycle. p_cycle_on: the day 0 of a validity that runs on; p_with_next: the bill falls due with the next one.
-- Refuses what no fund of the chain can bear. Returns the last bill of a new period, and how much was billed.
CREATE OR REPLACE FUNCTION bill_changed_service(
    p_operator bigint, p_subscription bigint, p_on date, p_now timestamptz, p_cycle_on date, p_with_next boolean,
    OUT invoice_id bigint, OUT billed_minor bigint, OUT due_on date)
LANGUAGE plpgsql AS $$
DECLARE
    v_charged boolean := false;
    v_done record;
BEGIN
    billed_minor := 0;
    FOR v_step IN 1 .. 10 LOOP
        PERFORM open_stage();
        EXIT WHEN stage_due_periods(ARRAY[p_operator], p_on, NULL, 1, false, p_subscription) = 0;
        UPDATE stage_due SET cycle_on = p_cycle_on WHERE what & 2 = 2 AND p_cycle_on IS NOT NULL;
        PERFORM park_closed(NULL, p_on);
        PERFORM park_billed(NULL);
        PERFORM stage_costs(p_on);
        PERFORM park_unpriced(NULL);
        UPDATE stage_due d SET due_days = d.due_days + (c.bill_ends_on - p_on)
        FROM stage_class c WHERE c.class_id = d.class_id AND d.what & 3 = 3 AND p_with_next;
        PERFORM hold_what_does_not_fit(NULL, p_on, false);
        SELECT * INTO v_done FROM bill_staged(
            NULL, format('change:%s:%s:%s', p_subscription, p_on, nextval('fund_movement_id_seq')), p_on, p_now);
        EXIT WHEN v_done.steps = 0;
        billed_minor := billed_minor + v_done.billed_minor;
        SELECT b.invoice_id, b.due_on INTO invoice_id, due_on FROM stage_bill b WHERE b.what & 1 = 1;
        v_charged := v_charged OR EXISTS (SELECT 1 FROM stage_bill WHERE what & 2 = 2);
        EXIT WHEN v_charged AND NOT more_is_due(p_on);
    END LOOP;
    IF NOT v_charged THEN
        PERFORM refuse('pays_first', 'This customer pays first: collect the price of the new period, then change the package.');
    END IF;
END $$;

-- Contract (app): changes the package of a service of the acting operator on p_on, which belongs to the new one. Credits the unused
-- days of the old at the rates charged, on every edge whatever its refund policy, and to the customer; charges the days left or a
-- fresh period (profile) at that day's tariff. A downgrade by the profile: credited, not credited (the customer's bill stands, the
-- edges change) or refused until the next cycle. Funds that cannot bear the net refuse it all (fund_too_low | upstream_short).
-- p_custom_price_minor: the service's own price of the new package. A change planned before is done away with.
-- Returns {"credit_minor", "to_advance_minor", "billed_minor", "invoice_id", "fee_minor"}.
CREATE OR REPLACE FUNCTION change_package(
    p_subscription bigint, p_package_operator bigint, p_package bigint, p_custom_price_minor bigint, p_on date, p_now timestamptz)
RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operator bigint := acting_operator();
    v_way integer;
    s subscription%ROWTYPE;
    b billing_state%ROWTYPE;
    bp billing_profile%ROWTYPE;
    v_keeps boolean;
    v_credit record;
    v_bill record;
    v_fee bigint := 0;
BEGIN
    SELECT * INTO s FROM subscription WHERE operator_id = v_operator AND id = p_subscription;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such service.');
    END IF;
    PERFORM lock_chains(ARRAY[v_operator]);
    PERFORM 1 FROM customer WHERE operator_id = v_operator AND id = s.customer_id FOR NO KEY UPDATE;
    PERFORM hold_switched(ARRAY[v_operator], ARRAY[p_subscription], ARRAY[p_package_operator], ARRAY[p_package]);
    SELECT * INTO s FROM subscription WHERE operator_id = v_operator AND id = p_subscription FOR NO KEY UPDATE;
    SELECT * INTO b FROM billing_state WHERE operator_id = v_operator AND subscription_id = p_subscription;
    SELECT * INTO bp FROM billing_profile WHERE operator_id = s.profile_operator_id AND id = s.profile_id;
    PERFORM refuse_change(s, b, p_package_operator, p_package, p_custom_price_minor, p_on);
    PERFORM refuse_connection(p_subscription, p_package_operator, p_package);
    v_way := change_direction(p_subscription, p_package_operator, p_package, p_custom_price_minor, p_on);
    v_keeps := v_way < 0 AND bp.downgrade = 'not_credited' AND b.billed_until > p_on AND b.running_invoice_id IS NULL;
    IF v_way < 0 AND bp.downgrade = 'next_cycle' OR v_keeps AND is_of_a_longer_term(s, p_package_operator, p_package) THEN
        PERFORM refuse('downgrade_waits', 'By its billing profile this service goes to a cheaper package at its next cycle; plan it for then.');
    END IF;
    SELECT 0::bigint AS credit_minor, 0::bigint AS to_advance_minor INTO v_credit;
    IF NOT v_keeps THEN
        SELECT * INTO v_credit FROM credit_bills(v_operator, p_subscription, p_on, 'changed', p_on, p_now);
    END IF;
    PERFORM give_back(v_operator, p_subscription, p_on, NULL, false, 'changed', p_on);
    PERFORM switch_packages(ARRAY[v_operator], ARRAY[p_subscription], ARRAY[p_package_operator], ARRAY[p_package],
                            ARRAY[p_custom_price_minor], ARRAY[p_on], ARRAY[acting_user()], p_now);
    DELETE FROM planned_change WHERE operator_id = v_operator AND subscription_id = p_subscription;
    IF v_keeps THEN
        UPDATE billing_state SET charged_until = p_on, day_charged_until = LEAST(day_charged_until, p_on)
        WHERE operator_id = v_operator AND subscription_id = p_subscription;
    ELSE
        PERFORM end_billing_on(v_operator, p_subscription, p_on);
        UPDATE subscription SET anchor_day = extract(day FROM p_on)
        WHERE operator_id = v_operator AND id = p_subscription AND bp.change_period = 'fresh' AND bp.cycle = 'anniversary';
    END IF;
    SELECT * INTO v_bill FROM bill_changed_service(
        v_operator, p_subscription, p_on, p_now,
        CASE WHEN bp.validity_days IS NOT NULL AND (v_keeps OR bp.change_period = 'days_left') AND b.charged_until > p_on
             THEN b.charged_until - bp.validity_days END,
        bp.change_billed = 'with_next');
    IF v_way > 0 AND bp.upgrade_fee_minor > 0 THEN
        v_fee := issue_change_fee(v_operator, s, bp.upgrade_fee_minor, bp.prices_include_vat, p_on,
                                  COALESCE(v_bill.due_on, p_on + bp.due_days), p_now);
    END IF;
    RETURN jsonb_build_object('credit_minor', v_credit.credit_minor, 'to_advance_minor', v_credit.to_advance_minor,
                              'billed_minor', v_bill.billed_minor, 'invoice_id', v_bill.invoice_id, 'fee_minor', v_fee);
END $$;

-- is_of_a_longer_term: whether the package that a service has, or the one it is to have, is billed for more than a month at once.
CREATE OR REPLACE FUNCTION is_of_a_longer_term(s subscription, p_package_operator bigint, p_package bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM package WHERE term_months > 1 AND ((operator_id, id) = (s.package_operator_id, s.package_id)
                                                                     OR (operator_id, id) = (p_package_operator, p_package)))
$$;

-- due_changes: the changes planned for p_on or before in a shard, of services whose running period has ended.
CREATE OR REPLACE FUNCTION due_changes(p_isp bigint, p_top bigint, p_on date)
RETURNS TABLE (
    operator_id bigint, subscription_id bigint, package_operator_id bigint, package_id bigint, starts_on date, by_actor_id bigint)
LANGUAGE sql STABLE AS $$
    SELECT c.operator_id, c.subscription_id, c.package_operator_id, c.package_id, d.starts_on, c.by_actor_id
    FROM planned_change c
    JOIN operator o ON o.id = c.operator_id
    JOIN billing_state b ON b.operator_id = c.operator_id AND b.subscription_id = c.subscription_id
    CROSS JOIN LATERAL (SELECT GREATEST(b.billed_until, b.charged_until, c.on_date) AS starts_on) AS d
    WHERE o.isp_id = p_isp AND CASE WHEN p_top = p_isp THEN o.id = p_isp ELSE p_top = ANY (o.path) END AND d.starts_on <= p_on
      -- periods before the change that are still to be billed are the old package's; a service that is off begins none of those
      AND (GREATEST(b.billed_until, b.charged_until) >= c.on_date
           OR EXISTS (SELECT 1 FROM block k WHERE k.operator_id = c.operator_id AND k.subscription_id = c.subscription_id AND k.to_at IS NULL)
           OR EXISTS (SELECT 1 FROM operator_block k WHERE k.operator_id = c.operator_id AND k.to_at IS NULL))
$$;

-- Contract (batch): carries out the changes planned for p_on or before, in a shard, of services whose running period has ended: called
-- before each slice of the shard, so that the next period is the new package's. Again is harmless. Returns how many.
CREATE OR REPLACE FUNCTION apply_planned_changes(p_isp bigint, p_top bigint, p_on date, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operators bigint[];
    v_subscriptions bigint[];
    v_package_operators bigint[];
    v_packages bigint[];
    v_starts date[];
    v_actors bigint[];
BEGIN
    IF NOT EXISTS (SELECT 1 FROM due_changes(p_isp, p_top, p_on)) THEN
        RETURN 0;
    END IF;
    PERFORM lock_shard(p_isp, p_top);       -- a change made by a person meanwhile is waited for
    WITH done AS (
        DELETE FROM planned_change c USING due_changes(p_isp, p_top, p_on) AS d
        WHERE c.operator_id = d.operator_id AND c.subscription_id = d.subscription_id
        RETURNING d.*
    )
    SELECT array_agg(operator_id), array_agg(subscription_id), array_agg(package_operator_id), array_agg(package_id),
           array_agg(starts_on), array_agg(by_actor_id)
    INTO v_operators, v_subscriptions, v_package_operators, v_packages, v_starts, v_actors FROM (SELECT * FROM done ORDER BY 1, 2) AS d;
    IF v_operators IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM hold_switched(v_operators, v_subscriptions, v_package_operators, v_packages);
    PERFORM lock_services(v_operators, v_subscriptions);
    PERFORM switch_packages(v_operators, v_subscriptions, v_package_operators, v_packages,
                            array_fill(NULL::bigint, ARRAY[cardinality(v_operators)]), v_starts, v_actors, p_now);
    RETURN cardinality(v_operators);
END $$;
