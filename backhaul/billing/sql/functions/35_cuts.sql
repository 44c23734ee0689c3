-- lift_short_blocks: a service that was cut for want of funds and is billed again comes back, if nothing else holds it off.
CREATE OR REPLACE FUNCTION lift_short_blocks(p_on date, p_now timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_operators bigint[];
    v_subscriptions bigint[];
BEGIN
    IF NOT EXISTS (SELECT 1 FROM stage_bill WHERE was_cut) THEN
        RETURN;
    END IF;
    SELECT array_agg(operator_id), array_agg(subscription_id) INTO v_operators, v_subscriptions FROM stage_bill WHERE was_cut;
    PERFORM lock_services(v_operators, v_subscriptions);
    UPDATE block b SET to_on = p_on, to_at = p_now FROM stage_bill s
    WHERE s.was_cut AND b.operator_id = s.operator_id AND b.subscription_id = s.subscription_id AND b.to_at IS NULL
      AND b.reason IN ('fund_short', 'upstream_short', 'expired');
    PERFORM refresh_access(v_operators, v_subscriptions, 'renewed', p_now);
END $$;

-- lock_services: these services against other changes of their status, in key order; what blocks them is read in a later statement.
CREATE OR REPLACE FUNCTION lock_services(p_operator_ids bigint[], p_subscription_ids bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM subscription s JOIN unnest(p_operator_ids, p_subscription_ids) AS k (operator_id, id) USING (operator_id, id)
    ORDER BY s.operator_id, s.id FOR NO KEY UPDATE OF s;
END $$;

-- put_off: blocks these services, each for its reason, where it does not hold yet, and brings their logins to it. They are locked.
-- Returns how many.
CREATE OR REPLACE FUNCTION put_off(
    p_operator_ids bigint[], p_subscription_ids bigint[], p_reasons text[], p_on date, p_now timestamptz, p_why text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_operators bigint[];
    v_subscriptions bigint[];
BEGIN
    WITH cut AS (
        INSERT INTO block (operator_id, subscription_id, reason, from_on, from_at, by_actor_id)
        SELECT k.operator_id, k.subscription_id, k.reason, p_on, p_now, acting_user()
        FROM unnest(p_operator_ids, p_subscription_ids, p_reasons) AS k (operator_id, subscription_id, reason)
        ON CONFLICT DO NOTHING RETURNING operator_id, subscription_id)
    SELECT array_agg(operator_id), array_agg(subscription_id) INTO v_operators, v_subscriptions FROM cut;
    PERFORM refresh_access(v_operators, v_subscriptions, p_why, p_now);
    RETURN COALESCE(cardinality(v_operators), 0);
END $$;

-- short_reason: why a held service is off: its owner's own fund, or one above.
CREATE OR REPLACE FUNCTION short_reason(h held_bill) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN h.short_child_id = h.operator_id THEN 'fund_short' ELSE 'upstream_short' END $$;

-- waiting_bills: the held steps of services that would run if the funds were there. One that a person stopped, that is unpaid or has
-- left begins no period, so nobody is asked to recharge for it. Inlined into its caller's statement, so narrow it there.
CREATE OR REPLACE FUNCTION waiting_bills() RETURNS SETOF held_bill
LANGUAGE sql STABLE AS $$
    SELECT h.* FROM held_bill h
    WHERE NOT EXISTS (SELECT 1 FROM block b WHERE b.operator_id = h.operator_id AND b.subscription_id = h.subscription_id
                      AND b.to_at IS NULL AND b.reason NOT IN ('fund_short', 'upstream_short'))
$$;

-- Contract (batch): cuts the services of a shard whose renewal has been held for longer than `short_days` of the owner's edge where
-- the owner's own fund is short, and 3 days where a level above is: the child did nothing wrong (SPEC 2.3). A day that a daily edge
-- could not be charged for is not served at all. Returns how many.
CREATE OR REPLACE FUNCTION cut_short_services(p_isp bigint, p_top bigint, p_on date, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_operators bigint[];
    v_subscriptions bigint[];
    v_reasons text[];
BEGIN
    SELECT array_agg(h.operator_id), array_agg(h.subscription_id) INTO v_operators, v_subscriptions
    FROM held_bill h
    LEFT JOIN fund f ON f.child_id = h.operator_id
    WHERE h.operator_id IN (SELECT id FROM operator WHERE isp_id = p_isp AND p_top = ANY (path) AND (p_top <> p_isp OR id = p_isp))
      AND (h.of_day OR p_on - h.since_on >= CASE WHEN h.short_child_id = h.operator_id THEN f.short_days ELSE 3 END)
      AND NOT EXISTS (SELECT 1 FROM block b WHERE b.operator_id = h.operator_id AND b.subscription_id = h.subscription_id AND b.to_at IS NULL);
    PERFORM lock_services(v_operators, v_subscriptions);
    SELECT array_agg(operator_id), array_agg(subscription_id), array_agg(short_reason(h)) INTO v_operators, v_subscriptions, v_reasons
    FROM unnest(v_operators, v_subscriptions) AS k (operator_id, subscription_id) JOIN waiting_bills() AS h USING (operator_id, subscription_id);
    RETURN put_off(v_operators, v_subscriptions, v_reasons, p_on, p_now, 'no funds for the renewal');
END $$;

-- Contract (batch): cuts the services of a shard that a bill past its due date and the profile's grace is open for, where the
-- profile says auto_suspend (SPEC B15). A payment of what is overdue lifts the block. Returns how many.
CREATE OR REPLACE FUNCTION suspend_overdue(p_isp bigint, p_top bigint, p_on date, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_operators bigint[];
    v_customers bigint[];
    v_subscriptions bigint[];
BEGIN
    SELECT array_agg(i.operator_id), array_agg(i.customer_id), array_agg(i.subscription_id) INTO v_operators, v_customers, v_subscriptions
    FROM (SELECT DISTINCT operator_id, customer_id, subscription_id FROM overdue_services(p_isp, p_top, p_on)) AS i;
    IF v_operators IS NULL THEN
        RETURN 0;
    END IF;
    -- a payment under way is waited for: who has just paid is not cut
    PERFORM lock_customers(v_operators, v_customers);
    PERFORM lock_services(v_operators, v_subscriptions);
    SELECT array_agg(operator_id), array_agg(subscription_id) INTO v_operators, v_subscriptions
    FROM (SELECT DISTINCT operator_id, subscription_id FROM overdue_services(p_isp, p_top, p_on)
          JOIN unnest(v_operators, v_subscriptions) AS k (operator_id, subscription_id) USING (operator_id, subscription_id)) AS still;
    RETURN put_off(v_operators, v_subscriptions, array_fill('unpaid'::text, ARRAY[COALESCE(cardinality(v_operators), 0)]), p_on, p_now,
                   'bill past due');
END $$;

-- Contract (batch): cuts the services of a shard that pay first and whose period has ended without a new one (SPEC 2.5 "pay first").
-- The billing that a payment allows lifts the block. Returns how many.
CREATE OR REPLACE FUNCTION expire_services(p_isp bigint, p_top bigint, p_on date, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_operators bigint[];
    v_customers bigint[];
    v_subscriptions bigint[];
BEGIN
    SELECT array_agg(e.operator_id), array_agg(e.customer_id), array_agg(e.subscription_id) INTO v_operators, v_customers, v_subscriptions
    FROM expired_services(p_isp, p_top, p_on) AS e;
    IF v_operators IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM lock_customers(v_operators, v_customers);      -- a payment under way is waited for
    PERFORM lock_services(v_operators, v_subscriptions);
    SELECT array_agg(operator_id), array_agg(subscription_id) INTO v_operators, v_subscriptions FROM expired_services(p_isp, p_top, p_on)
    JOIN unnest(v_operators, v_subscriptions) AS k (operator_id, subscription_id) USING (operator_id, subscription_id);
    RETURN put_off(v_operators, v_subscriptions, array_fill('expired'::text, ARRAY[COALESCE(cardinality(v_operators), 0)]), p_on, p_now,
                   'period ended');
END $$;

-- has_paid_ahead: whether the advance of a customer covers the next bill of a service that pays first: the next night begins its period.
CREATE OR REPLACE FUNCTION has_paid_ahead(p_operator bigint, p_subscription bigint, p_on date) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT a.advance_minor >= bill_total(
        s.operator_id, s.id, CASE WHEN bp.billing_type = 'free' THEN 0 ELSE price_on(s.operator_id, s.id, bs.billed_until) END,
        bs.billed_until, bs.billed_until, s.anchor_day, bp.validity_days,
        CASE WHEN bp.validity_days IS NULL THEN p.term_months ELSE 1::smallint END, bp.prices_include_vat, bp.round_bill_to_minor, p_on)
    FROM subscription s
    JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
    JOIN package p ON p.operator_id = s.package_operator_id AND p.id = s.package_id
    JOIN billing_state bs ON bs.operator_id = s.operator_id AND bs.subscription_id = s.id
    JOIN customer_advance a ON a.operator_id = s.operator_id AND a.customer_id = s.customer_id
    WHERE s.operator_id = p_operator AND s.id = p_subscription AND bp.auto_bill
$$;

-- expired_services: the services of a shard that pay first, are on, and are paid for until p_on at most. One whose renewal is held for
-- want of funds has paid: it is cut for that reason, in its own time. So has one that was paid for since the night: the next bills it.
CREATE OR REPLACE FUNCTION expired_services(p_isp bigint, p_top bigint, p_on date)
RETURNS TABLE (operator_id bigint, customer_id bigint, subscription_id bigint)
LANGUAGE sql STABLE AS $$
    SELECT s.operator_id, s.customer_id, s.id
    FROM billing_profile bp
    JOIN subscription s ON s.profile_operator_id = bp.operator_id AND s.profile_id = bp.id
    JOIN operator o ON o.id = s.operator_id
    JOIN billing_state bs ON bs.operator_id = s.operator_id AND bs.subscription_id = s.id
    WHERE bp.access = 'pay_first' AND o.isp_id = p_isp AND p_top = ANY (o.path) AND (p_top <> p_isp OR o.id = p_isp)
      AND s.left_on IS NULL AND bs.billed_until <= p_on
      AND NOT EXISTS (SELECT 1 FROM block b WHERE b.operator_id = s.operator_id AND b.subscription_id = s.id AND b.to_at IS NULL)
      AND NOT EXISTS (SELECT 1 FROM held_bill h WHERE h.operator_id = s.operator_id AND h.subscription_id = s.id)
      AND has_paid_ahead(s.operator_id, s.id, p_on) IS NOT TRUE
$$;

-- overdue_services: the services of a shard with a bill open past due and grace, or past a person's own date, whose profile says
-- auto_suspend; not suspended yet, and not spared by a promise or by owing too little.
CREATE OR REPLACE FUNCTION overdue_services(p_isp bigint, p_top bigint, p_on date)
RETURNS TABLE (operator_id bigint, customer_id bigint, subscription_id bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT i.operator_id, i.customer_id, i.subscription_id
    FROM invoice_open open
    JOIN invoice i ON i.operator_id = open.operator_id AND i.id = open.invoice_id
    JOIN operator o ON o.id = open.operator_id
    JOIN subscription s ON s.operator_id = i.operator_id AND s.id = i.subscription_id
    JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
    WHERE o.isp_id = p_isp AND p_top = ANY (o.path) AND (p_top <> p_isp OR o.id = p_isp)
      AND bp.auto_suspend AND s.left_on IS NULL AND cut_on(open.due_on, bp.grace_days, s.suspend_on) <= p_on
      AND NOT spared_from_cut(s.operator_id, s.id, p_on)
      AND NOT EXISTS (SELECT 1 FROM block b WHERE b.operator_id = i.operator_id AND b.subscription_id = i.subscription_id
                      AND b.reason = 'unpaid' AND b.to_at IS NULL);
END $$;

-- cut_held_service: a service that would come back but whose renewal is held stays off, for that reason; runs as its caller.
CREATE OR REPLACE FUNCTION cut_held_service(p_operator bigint, p_subscription bigint, p_on date, p_now timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM put_off(ARRAY[p_operator], ARRAY[p_subscription], ARRAY[short_reason(h)], p_on, p_now, 'no funds for the renewal')
    FROM held_bill h WHERE h.operator_id = p_operator AND h.subscription_id = p_subscription;
END $$;
