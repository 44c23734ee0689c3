-- interim_seconds_of(login, base): the NAS's interim interval spread by ±10 % per login, so that a town does not report at once.
CREATE OR REPLACE FUNCTION interim_seconds_of(p_login_id bigint, p_base integer) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT GREATEST(60, p_base - p_base / 10 + (p_login_id % 1000003 * 2654435761 % 1000003)::integer % GREATEST(p_base / 5, 1))
$$;

-- Contract: the decision on one login, asked by radius_authorize for a NAS that it has already placed:
-- [password, reason, Class, Acct-Interim-Interval, Session-Timeout, Mikrotik-Rate-Limit, Framed-Pool, one more "attribute := value"].
-- A reason refuses before the password is looked at; else FreeRADIUS checks the password and sends the rest where it is not ''.
-- A block on the operator goes before an expiry, and in the walled garden no static address is sent: it would beat the walled
-- pool. One statement, since this is the login path; FreeRADIUS reads escapes in what a query returns, so backslashes of the
-- password are doubled.
CREATE OR REPLACE FUNCTION authorize_login(p_isp_id bigint, p_source inet, p_username text, p_mac text) RETURNS text[]
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_now timestamptz := now();
    v_mac text := lower(translate(p_mac, ':-. ', ''));
    v_answer text[];
BEGIN
    SELECT ARRAY[replace(p.password, E'\\', E'\\\\'),
        CASE
            WHEN NOT n.enabled THEN 'router is disabled'
            WHEN d.access = 'reject' THEN COALESCE(l.reject_reason, CASE WHEN l.access = 'reject' THEN 'disabled'
                WHEN b.effect = 'reject' THEN 'service is blocked' ELSE 'expired' END)
            WHEN l.mac <> v_mac THEN 'wrong MAC address'
            WHEN EXISTS (SELECT FROM radius_session_live s
                         WHERE s.operator_id = l.operator_id AND s.login_id = l.id
                           AND s.updated_at > v_now - s.interim_seconds * interval '2.5 seconds'
                           AND NOT (s.nas_operator_id = n.operator_id AND s.nas_id = n.id AND s.mac = v_mac)
                         OFFSET l.simultaneous_use - 1)
                THEN 'already online elsewhere'
            ELSE '' END,
        concat(l.operator_id, ':', l.id, ':', l.version, ':', substr(gen_random_uuid()::text, 1, 8)),
        interim_seconds_of(l.id, n.interim_seconds)::text,
        (CASE WHEN d.access = 'walled' THEN 600 WHEN l.expires_at IS NULL THEN 86400
              ELSE LEAST(86400, GREATEST(1, ceil(date_part('epoch', l.expires_at - v_now))::integer)) END)::text,
        CASE WHEN d.access = 'walled' THEN '256k/256k' ELSE COALESCE(l.rate_limit, '') END,
        CASE WHEN d.access = 'walled' THEN n.walled_pool WHEN l.own_reply IS NULL THEN COALESCE(pool.framed_pool, '') ELSE '' END,
        CASE WHEN d.access = 'walled' THEN n.walled_reply ELSE COALESCE(l.own_reply, '') END]
    INTO v_answer
    FROM radius_login l
    JOIN radius_password p ON p.operator_id = l.operator_id AND p.login_id = l.id
    JOIN nas n ON n.source_address = p_source
    LEFT JOIN pool ON pool.operator_id = l.pool_operator_id AND pool.id = l.pool_id
    CROSS JOIN LATERAL (SELECT min(o.effect) AS effect FROM operator_block o
                        WHERE o.operator_id = l.operator_id AND o.to_at IS NULL AND o.effect <> 'spares') AS b
    CROSS JOIN LATERAL (SELECT CASE
        WHEN l.access = 'reject' OR b.effect = 'reject' THEN 'reject'
        WHEN l.access = 'walled' OR b.effect = 'walled' THEN 'walled'
        WHEN l.expires_at <= v_now THEN l.expired_access ELSE 'open' END AS access) AS d
    WHERE l.isp_id = p_isp_id AND l.username = p_username;
    IF v_answer IS NULL THEN
        RETURN ARRAY['', 'unknown user name', '', '0', '0', '', '', ''];
    ELSIF v_answer[2] <> '' THEN
        RETURN ARRAY['', v_answer[2], '', '0', '0', '', '', ''];
    END IF;
    RETURN v_answer;
END $$;
