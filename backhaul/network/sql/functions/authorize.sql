-- interim_seconds_of(login, base): the NAS's interim interval spread by ±10 % per login, so that a town does not report at once.
CREATE OR REPLACE FUNCTION interim_seconds_of(p_login_id bigint, p_base integer) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT GREATEST(60, p_base - p_base / 10 + (p_login_id % 1000003 * 2654435761 % 1000003)::integer % GREATEST(p_base / 5, 1))
$$;

-- rate_limit_text: Mikrotik-Rate-Limit counts from the router: its rx is what the subscriber sends.
CREATE OR REPLACE FUNCTION rate_limit_text(
    p_up integer, p_down integer, p_burst_up integer, p_burst_down integer, p_burst_seconds integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT p_up || 'k/' || p_down || 'k' || COALESCE(
        ' ' || p_burst_up || 'k/' || p_burst_down || 'k ' || p_up || 'k/' || p_down || 'k '
            || p_burst_seconds || '/' || p_burst_seconds, '')
$$;

-- Contract: the decision on one login, asked by radius_authorize for a NAS that it has already placed.
-- Always one row. A reason refuses before the password is looked at; otherwise FreeRADIUS checks `password` and sends `reply`,
-- which is attribute assignments separated by "|" (no value of ours holds one: see the CHECKs of pool and nas).
CREATE OR REPLACE FUNCTION authorize_login(
    p_isp_id bigint, p_source inet, p_username text, p_mac text,
    OUT password text, OUT reason text, OUT reply text)
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    r record;
    v_now timestamptz := now();
    v_access text;
    v_mac text := lower(translate(p_mac, ':-. ', ''));
    v_timeout bigint := 86400;
BEGIN
    password := '';
    reason := '';
    reply := '';
    SELECT l.*, p.password AS clear_text, pool.framed_pool, n.operator_id AS nas_operator_id, n.id AS nas_id,
           n.interim_seconds, n.walled_pool, n.walled_address_list, n.enabled,
           (SELECT min(b.effect) FROM operator_block b WHERE b.operator_id = l.operator_id AND b.to_at IS NULL) AS block_effect
    INTO r
    FROM radius_login l
    JOIN radius_password p ON p.operator_id = l.operator_id AND p.login_id = l.id
    JOIN nas n ON n.source_address = p_source
    LEFT JOIN pool ON pool.operator_id = l.pool_operator_id AND pool.id = l.pool_id
    WHERE l.isp_id = p_isp_id AND l.username = p_username;
    IF NOT FOUND THEN
        reason := 'unknown user name';
        RETURN;
    END IF;
    v_access := CASE WHEN r.access = 'open' AND r.expires_at <= v_now THEN r.expired_access ELSE r.access END;
    IF r.block_effect = 'reject' OR (r.block_effect = 'walled' AND v_access = 'open') THEN
        v_access := r.block_effect;
    END IF;
    IF NOT r.enabled THEN
        reason := 'router is disabled';
    ELSIF v_access = 'reject' THEN
        reason := COALESCE(r.reject_reason, CASE WHEN r.access = 'reject' THEN 'disabled'
                                                 WHEN r.block_effect = 'reject' THEN 'service is blocked' ELSE 'expired' END);
    ELSIF r.mac IS NOT NULL AND r.mac <> v_mac THEN
        reason := 'wrong MAC address';
    ELSIF (SELECT count(*) FROM radius_session_live s
           WHERE s.operator_id = r.operator_id AND s.login_id = r.id
             AND s.updated_at > v_now - s.interim_seconds * interval '2.5 seconds'
             AND NOT (s.nas_operator_id = r.nas_operator_id AND s.nas_id = r.nas_id AND s.mac = v_mac)) >= r.simultaneous_use THEN
        reason := 'already online elsewhere';
    END IF;
    IF reason <> '' THEN
        RETURN;
    END IF;
    -- FreeRADIUS reads escapes in what a query returns.
    password := replace(r.clear_text, E'\\', E'\\\\');
    reply := 'Class := "' || r.operator_id || ':' || r.id || ':' || r.version || ':' || substr(gen_random_uuid()::text, 1, 8)
        || '"|Acct-Interim-Interval := ' || interim_seconds_of(r.id, r.interim_seconds);
    IF v_access = 'walled' THEN                 -- a static address would beat the walled pool, so it is not sent
        reply := reply || '|Framed-Pool := "' || r.walled_pool || '"|Mikrotik-Address-List := "' || r.walled_address_list
            || '"|Mikrotik-Rate-Limit := "256k/256k"|Session-Timeout := 600';
        RETURN;
    END IF;
    IF r.expires_at IS NOT NULL THEN
        v_timeout := LEAST(v_timeout, GREATEST(1, ceil(extract(epoch FROM r.expires_at - v_now))::bigint));
    END IF;
    reply := reply || '|Session-Timeout := ' || v_timeout
        || COALESCE('|Mikrotik-Rate-Limit := "'
            || rate_limit_text(r.up_kbps, r.down_kbps, r.burst_up_kbps, r.burst_down_kbps, r.burst_seconds) || '"', '')
        || COALESCE(CASE family(r.static_address) WHEN 4 THEN '|Framed-IP-Address := ' || host(r.static_address)
                                                  WHEN 6 THEN '|Framed-IPv6-Address := ' || host(r.static_address) END,
                    '|Framed-Pool := "' || r.framed_pool || '"', '');
END $$;
