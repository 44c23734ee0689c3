-- set_login_plans: gives the logins of these subscriptions (arrays in parallel) the speed, the pool and the connection types (comma
-- between them; NULL: any) of their new plans; fails where a login connects in another way. A change of
-- the rate alone reaches a running session live; another pool ends it, but where the login has an address of its own. p_reason: what
-- the list of disconnects says. Runs as its caller. Returns how many logins changed.
CREATE OR REPLACE FUNCTION set_login_plans(
    p_operator_ids bigint[], p_subscription_ids bigint[], p_down_kbps integer[], p_up_kbps integer[], p_pool_operator_ids bigint[],
    p_pool_ids bigint[], p_connections text[], p_reason text, p_at timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_changed integer;
    v_ended_operators bigint[];
    v_ended bigint[];
    v_rated_operators bigint[];
    v_rated bigint[];
BEGIN
    PERFORM 1 FROM radius_login l JOIN unnest(p_operator_ids, p_subscription_ids) AS k (operator_id, subscription_id)
        ON k.operator_id = l.operator_id AND k.subscription_id = l.subscription_id
    ORDER BY l.operator_id, l.id FOR NO KEY UPDATE OF l;
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
        RETURNING l.operator_id, l.id, l.version > o.version AS ended,
                  (l.down_kbps, l.up_kbps) IS DISTINCT FROM (o.down_kbps, o.up_kbps) AS rated
    )
    SELECT count(*), array_agg(operator_id) FILTER (WHERE ended), array_agg(id) FILTER (WHERE ended),
           array_agg(operator_id) FILTER (WHERE rated AND NOT ended), array_agg(id) FILTER (WHERE rated AND NOT ended)
    INTO v_changed, v_ended_operators, v_ended, v_rated_operators, v_rated FROM changed;
    PERFORM request_disconnects(v_ended_operators, v_ended, p_reason, p_at);
    PERFORM request_rate_changes(v_rated_operators, v_rated, p_reason, p_at);
    RETURN v_changed;
END $$;
