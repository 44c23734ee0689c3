-- A plan is changed: every service over it follows, of whomever. The row itself is the ISP's and written before this; what it is worth
-- here is read from it.

-- Contract (app): what a plan of the acting operator, as it stands, makes of the services over it: its own (child_id: itself) and, by
-- direct child, all those below. `changing`: their login has another speed or pool as yet; of these `live` are online and take the rate
-- without being cut, `cut` are online and lose their session for the other pool. `refused`: they connect in a way that the plan is not sold for, or are
-- to come to it at their next cycle and do. Of others' customers only how many.
CREATE OR REPLACE FUNCTION plan_reach(p_plan bigint, p_at timestamptz)
RETURNS TABLE (child_id bigint, services bigint, changing bigint, live bigint, cut bigint, refused bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    SELECT CASE WHEN o.id = me.id THEN me.id ELSE o.path[me.depth + 2] END, count(*) FILTER (WHERE v.has_it),
           count(*) FILTER (WHERE v.has_it AND (w.rate OR w.pool)),
           count(*) FILTER (WHERE v.has_it AND w.rate AND NOT w.cut AND w.online AND is_open(l, p_at)),
           count(*) FILTER (WHERE v.has_it AND w.cut AND w.online),
           count(*) FILTER (WHERE l.connection_type <> ALL (n.connection_types))
    FROM operator me
    JOIN plan n ON n.operator_id = me.id AND n.id = p_plan
    JOIN package k ON k.plan_operator_id = n.operator_id AND k.plan_id = n.id
    CROSS JOIN LATERAL (
        SELECT s.operator_id, s.id, true AS has_it FROM subscription s
        WHERE s.package_operator_id = k.operator_id AND s.package_id = k.id AND s.left_on IS NULL
        UNION ALL
        SELECT c.operator_id, c.subscription_id, false FROM planned_change c
        WHERE c.package_operator_id = k.operator_id AND c.package_id = k.id) AS v
    JOIN operator o ON o.id = v.operator_id
    JOIN radius_login l ON l.operator_id = v.operator_id AND l.subscription_id = v.id
    CROSS JOIN LATERAL (
        SELECT (l.down_kbps, l.up_kbps) IS DISTINCT FROM (n.down_kbps, n.up_kbps) AS rate,
               (l.pool_operator_id, l.pool_id) IS DISTINCT FROM (n.pool_operator_id, n.pool_id) AS pool,
               (l.pool_operator_id, l.pool_id) IS DISTINCT FROM (n.pool_operator_id, n.pool_id) AND l.static_address IS NULL AS cut,
               EXISTS (SELECT FROM radius_session_live e WHERE e.operator_id = l.operator_id AND e.login_id = l.id) AS online) AS w
    WHERE me.id = acting_operator()
    GROUP BY 1 HAVING count(*) FILTER (WHERE v.has_it) > 0 OR count(*) FILTER (WHERE l.connection_type <> ALL (n.connection_types)) > 0
    ORDER BY 1;
END $$;

-- Contract (app): gives all services over a plan of the acting operator, whosever they are, what the plan is now; its row was written
-- in this transaction, so nobody comes to it or leaves it meanwhile. Who has left follows too, for coming back; one that connected in
-- a way that the plan is no longer sold for keeps what it was sold. Returns how many logins changed.
CREATE OR REPLACE FUNCTION spread_plan(p_plan bigint, p_at timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    n plan%ROWTYPE;
    v_operators bigint[];
    v_services bigint[];
    v_connections text[];
    v_changed integer;
BEGIN
    SELECT * INTO n FROM plan WHERE operator_id = acting_operator() AND id = p_plan FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such plan.');
    END IF;
    SELECT array_agg(s.operator_id), array_agg(s.id),
           array_agg(CASE WHEN s.left_on IS NOT NULL AND l.connection_type <> ALL (n.connection_types)
                          THEN array_to_string(l.plan_connections, ',')
                          WHEN NOT n.connection_types @> ARRAY['pppoe', 'hotspot', 'static', 'other']
                          THEN array_to_string(n.connection_types, ',') END)
    INTO v_operators, v_services, v_connections
    FROM package k
    JOIN subscription s ON s.package_operator_id = k.operator_id AND s.package_id = k.id
    JOIN radius_login l ON l.operator_id = s.operator_id AND l.subscription_id = s.id
    WHERE k.plan_operator_id = n.operator_id AND k.plan_id = n.id;
    PERFORM lock_services(v_operators, v_services);
    SELECT set_login_plans(v_operators, v_services, array_agg(n.down_kbps), array_agg(n.up_kbps), array_agg(n.pool_operator_id),
                           array_agg(n.pool_id), v_connections, 'plan changed', p_at)
    INTO v_changed FROM unnest(v_services);
    RETURN COALESCE(v_changed, 0);
END $$;

-- Contract (batch): the rate of a plan for sessions over it that began about when the plan was changed (p_since): the login was answered
-- by the old one, and the session was not there yet when the routers were asked. Asked once more it is the same. Returns how many.
CREATE OR REPLACE FUNCTION ask_late_sessions(p_isp bigint, p_plan bigint, p_since timestamptz, p_at timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operators bigint[];
    v_logins bigint[];
BEGIN
    SELECT array_agg(d.operator_id), array_agg(d.login_id) INTO v_operators, v_logins FROM (
        SELECT DISTINCT e.operator_id, e.login_id FROM radius_session_live e
        JOIN radius_login l ON l.operator_id = e.operator_id AND l.id = e.login_id
        JOIN subscription s ON s.operator_id = l.operator_id AND s.id = l.subscription_id
        JOIN package k ON k.operator_id = s.package_operator_id AND k.id = s.package_id
        WHERE e.started_at BETWEEN p_since - interval '1 minute' AND p_at AND k.plan_operator_id = p_isp AND k.plan_id = p_plan) AS d;
    RETURN COALESCE(request_rate_changes(v_operators, v_logins, 'plan changed', p_at), 0);
END $$;
