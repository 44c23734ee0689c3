-- set_login_plans: gives the logins of these subscriptions (arrays in parallel) the speed, the pool and the connection types (comma
-- between them; NULL: any) of their new plans; fails where a login connects in another way. A change of
-- the rate alone reaches a running session live; another pool ends it, but where the login has an address of its own. Runs as its
-- caller. Returns how many logins changed.
CREATE OR REPLACE FUNCTION set_login_plans(
    p_operator_ids bigint[], p_subscription_ids bigint[], p_down_kbps integer[], p_up_kbps integer[], p_pool_operator_ids bigint[],
    p_pool_ids bigint[], p_connections text[], p_at timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_operator_ids bigint[];
    v_login_ids bigint[];
    v_ended boolean[];
BEGIN
    WITH changed AS (
        UPDATE radius_login l
        SET down_kbps = k.down_kbps, up_kbps = k.up_kbps, pool_operator_id = k.pool_operator_id, pool_id = k.pool_id,
            plan_connections = k.connections,
            version = l.version + (l.static_address IS NULL
                                   AND (l.pool_operator_id, l.pool_id) IS DISTINCT FROM (k.pool_operator_id, k.pool_id))::integer
        FROM unnest(p_operator_ids, p_subscription_ids, p_down_kbps, p_up_kbps, p_pool_operator_ids, p_pool_ids, p_connections)
            AS n (operator_id, subscription_id, down_kbps, up_kbps, pool_operator_id, pool_id, joined)
        CROSS JOIN LATERAL (SELECT n.*, string_to_array(n.joined, ',') AS connections) AS k
        JOIN radius_login o ON o.operator_id = k.operator_id AND o.subscription_id = k.subscription_id
        WHERE l.operator_id = o.operator_id AND l.id = o.id
          AND (o.down_kbps, o.up_kbps, o.pool_operator_id, o.pool_id, o.plan_connections)
              IS DISTINCT FROM (k.down_kbps, k.up_kbps, k.pool_operator_id, k.pool_id, k.connections)
        RETURNING l.operator_id, l.id, l.version > o.version AS ended
    )
    SELECT array_agg(operator_id), array_agg(id), array_agg(ended) INTO v_operator_ids, v_login_ids, v_ended FROM changed;
    PERFORM request_disconnects(array_agg(operator_id), array_agg(id), 'package changed', p_at)
    FROM unnest(v_operator_ids, v_login_ids, v_ended) AS k (operator_id, id, ended) WHERE ended;
    PERFORM request_rate_change(operator_id, id, 'package changed', p_at)
    FROM unnest(v_operator_ids, v_login_ids, v_ended) AS k (operator_id, id, ended) WHERE NOT ended;
    RETURN COALESCE(cardinality(v_login_ids), 0);
END $$;
