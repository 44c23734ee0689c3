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
    UPDATE block b SET to_on = p_on, to_at = p_now FROM stage_bill s
    WHERE s.was_cut AND b.operator_id = s.operator_id AND b.subscription_id = s.subscription_id AND b.to_at IS NULL
      AND b.reason IN ('fund_short', 'upstream_short');
    SELECT array_agg(operator_id), array_agg(subscription_id) INTO v_operators, v_subscriptions FROM stage_bill WHERE was_cut;
    PERFORM set_login_access(v_operators, v_subscriptions, 'open', NULL, 'funds are back', p_now);
END $$;

-- Contract (batch): cuts the services of a shard whose renewal has been held for longer than `short_days` of the owner's edge where
-- the owner's own fund is short, and 3 days where a level above is: the child did nothing wrong (SPEC 2.3). Returns how many.
CREATE OR REPLACE FUNCTION cut_short_services(p_isp bigint, p_top bigint, p_on date, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_access text;
    v_operators bigint[];
    v_subscriptions bigint[];
    v_count bigint := 0;
BEGIN
    FOREACH v_access IN ARRAY ARRAY['walled', 'reject'] LOOP
        WITH short AS (
            SELECT h.operator_id, h.subscription_id, CASE WHEN h.short_child_id = h.operator_id THEN 'fund_short' ELSE 'upstream_short' END AS reason
            FROM held_bill h
            JOIN operator o ON o.id = h.operator_id
            JOIN subscription s ON s.operator_id = h.operator_id AND s.id = h.subscription_id
            JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
            LEFT JOIN fund f ON f.child_id = h.operator_id
            WHERE o.isp_id = p_isp AND p_top = ANY (o.path) AND (p_top <> p_isp OR o.id = p_isp) AND bp.on_suspend = v_access
              AND p_on - h.since_on >= CASE WHEN h.short_child_id = h.operator_id THEN f.short_days ELSE 3 END),
        cut AS (
            INSERT INTO block (operator_id, subscription_id, reason, from_on, from_at, by_actor_id)
            SELECT operator_id, subscription_id, reason, p_on, p_now, acting_user() FROM short
            ON CONFLICT DO NOTHING RETURNING operator_id, subscription_id)
        SELECT array_agg(operator_id), array_agg(subscription_id) INTO v_operators, v_subscriptions FROM cut;
        PERFORM set_login_access(v_operators, v_subscriptions, v_access, NULL, 'no funds for the renewal', p_now);
        v_count := v_count + COALESCE(cardinality(v_operators), 0);
    END LOOP;
    RETURN v_count;
END $$;

-- Contract (batch): cuts the services of a shard that a bill past its due date and the profile's grace is open for, where the
-- profile says auto_suspend (SPEC B15). A payment of what is overdue lifts the block. Returns how many.
CREATE OR REPLACE FUNCTION suspend_overdue(p_isp bigint, p_top bigint, p_on date, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_access text;
    v_operators bigint[];
    v_subscriptions bigint[];
    v_count bigint := 0;
BEGIN
    FOR v_access IN SELECT DISTINCT on_suspend FROM billing_profile WHERE auto_suspend LOOP
        WITH overdue AS (
            SELECT DISTINCT i.operator_id, i.subscription_id
            FROM invoice_open open
            JOIN invoice i ON i.operator_id = open.operator_id AND i.id = open.invoice_id
            JOIN operator o ON o.id = open.operator_id
            JOIN subscription s ON s.operator_id = i.operator_id AND s.id = i.subscription_id
            JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
            WHERE o.isp_id = p_isp AND p_top = ANY (o.path) AND (p_top <> p_isp OR o.id = p_isp)
              AND bp.auto_suspend AND bp.on_suspend = v_access AND s.left_on IS NULL AND open.due_on + bp.grace_days < p_on),
        cut AS (
            INSERT INTO block (operator_id, subscription_id, reason, from_on, from_at, by_actor_id)
            SELECT operator_id, subscription_id, 'unpaid', p_on, p_now, acting_user() FROM overdue
            ON CONFLICT DO NOTHING RETURNING operator_id, subscription_id),
        otherwise_on AS (       -- a service that is rejected for another reason stays rejected
            SELECT c.* FROM cut c WHERE NOT EXISTS (
                SELECT 1 FROM block b WHERE b.operator_id = c.operator_id AND b.subscription_id = c.subscription_id AND b.to_at IS NULL))
        SELECT (SELECT count(*) FROM cut) + v_count, array_agg(operator_id), array_agg(subscription_id)
        INTO v_count, v_operators, v_subscriptions FROM otherwise_on;
        PERFORM set_login_access(v_operators, v_subscriptions, v_access, NULL, 'bill past due', p_now);
    END LOOP;
    RETURN v_count;
END $$;

-- cut_held_service: a service that would come back but whose renewal is held stays off, for that reason; runs as its caller.
CREATE OR REPLACE FUNCTION cut_held_service(p_operator bigint, p_subscription bigint, p_on date, p_now timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE v_access text;
BEGIN
    SELECT bp.on_suspend INTO v_access FROM subscription s
    JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
    WHERE s.operator_id = p_operator AND s.id = p_subscription;
    INSERT INTO block (operator_id, subscription_id, reason, from_on, from_at, by_actor_id)
    SELECT p_operator, p_subscription, CASE WHEN short_child_id = operator_id THEN 'fund_short' ELSE 'upstream_short' END,
           p_on, p_now, acting_user()
    FROM held_bill WHERE operator_id = p_operator AND subscription_id = p_subscription
    ON CONFLICT DO NOTHING;
    PERFORM set_login_access(ARRAY[p_operator], ARRAY[p_subscription], v_access, NULL, 'no funds for the renewal', p_now);
END $$;
