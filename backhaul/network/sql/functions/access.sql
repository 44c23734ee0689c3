-- request_disconnects: an outbox row for each of these logins (pairs of operator and id) that has a session older than its
-- present version; one open request per login and kind. Runs as its caller. Returns how many logins were asked for.
CREATE OR REPLACE FUNCTION request_disconnects(p_operator_ids bigint[], p_login_ids bigint[], p_reason text, p_at timestamptz)
RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE v_asked integer;
BEGIN
    INSERT INTO disconnect_request (operator_id, login_id, subscription_id, version, kind, reason, requested_at, next_try_at)
    SELECT l.operator_id, l.id, l.subscription_id, l.version, 'disconnect', p_reason, p_at, p_at
    FROM unnest(p_operator_ids, p_login_ids) AS k (operator_id, id)
    JOIN radius_login l ON l.operator_id = k.operator_id AND l.id = k.id
    WHERE EXISTS (SELECT FROM radius_session_live s
                  WHERE s.operator_id = l.operator_id AND s.login_id = l.id AND s.login_version < l.version)
    ORDER BY l.operator_id, l.id                -- as record_answers takes them
    ON CONFLICT (operator_id, login_id, kind) WHERE NOT done
    DO UPDATE SET version = EXCLUDED.version, reason = EXCLUDED.reason, requested_at = EXCLUDED.requested_at,
                  next_try_at = EXCLUDED.next_try_at;
    GET DIAGNOSTICS v_asked = ROW_COUNT;
    RETURN v_asked;
END $$;

-- is_open: whether a login is let in with its own rate now: not walled in, rejected, expired, or its operator blocked.
CREATE OR REPLACE FUNCTION is_open(l radius_login, p_at timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT l.access = 'open' AND (l.expires_at IS NULL OR l.expires_at > p_at)
       AND NOT EXISTS (SELECT 1 FROM operator_block o
                       WHERE o.operator_id = l.operator_id AND o.to_at IS NULL AND o.effect <> 'spares')
$$;

-- request_rate_changes: asks the routers to give the running sessions of these logins (pairs of operator and id) their new rate without
-- ending them; those in the walled garden keep its rate and begin anew when they leave it. The version lies above the login's, so that it
-- means every present session. Runs as its caller. Returns how many logins were asked for.
CREATE OR REPLACE FUNCTION request_rate_changes(p_operator_ids bigint[], p_login_ids bigint[], p_reason text, p_at timestamptz)
RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE v_asked integer;
BEGIN
    INSERT INTO disconnect_request (operator_id, login_id, subscription_id, version, kind, reason, requested_at, next_try_at)
    SELECT l.operator_id, l.id, l.subscription_id, l.version + 1, 'change_of_authorization', p_reason, p_at, p_at
    FROM unnest(p_operator_ids, p_login_ids) AS k (operator_id, id)
    JOIN radius_login l ON l.operator_id = k.operator_id AND l.id = k.id
    WHERE is_open(l, p_at)
      AND EXISTS (SELECT FROM radius_session_live s WHERE s.operator_id = l.operator_id AND s.login_id = l.id)
    ORDER BY l.operator_id, l.id                -- as record_answers takes them
    ON CONFLICT (operator_id, login_id, kind) WHERE NOT done
    DO UPDATE SET requested_at = EXCLUDED.requested_at, next_try_at = EXCLUDED.next_try_at, reason = EXCLUDED.reason;
    GET DIAGNOSTICS v_asked = ROW_COUNT;
    RETURN v_asked;
END $$;

-- set_login_access: gives the logins of these subscriptions (pairs of operator and subscription) one access and queues the end
-- of their sessions, all in the caller's transaction and with the caller's rights. Logins that have it already are left alone.
-- Returns how many changed. For one customer or a night's run.
CREATE OR REPLACE FUNCTION set_login_access(
    p_operator_ids bigint[], p_subscription_ids bigint[], p_access text, p_reject_reason text, p_reason text, p_at timestamptz)
RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_operator_ids bigint[];
    v_login_ids bigint[];
BEGIN
    WITH changed AS (
        UPDATE radius_login l
        SET access = p_access, reject_reason = p_reject_reason, version = l.version + (l.access <> p_access)::integer
        FROM unnest(p_operator_ids, p_subscription_ids) AS k (operator_id, subscription_id)
        WHERE l.operator_id = k.operator_id AND l.subscription_id = k.subscription_id
          AND (l.access <> p_access OR l.reject_reason IS DISTINCT FROM p_reject_reason)
        RETURNING l.operator_id, l.id
    )
    SELECT array_agg(operator_id), array_agg(id) INTO v_operator_ids, v_login_ids FROM changed;
    PERFORM request_disconnects(v_operator_ids, v_login_ids, p_reason, p_at);
    RETURN COALESCE(cardinality(v_login_ids), 0);
END $$;

-- Contract: which of these user names are taken in the acting operator's ISP, by whomever. For forms and imports.
CREATE OR REPLACE FUNCTION taken_usernames(p_usernames text[]) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT COALESCE(array_agg(l.username), '{}') FROM radius_login l
    WHERE l.isp_id = (SELECT o.isp_id FROM operator o WHERE o.id = acting_operator()) AND l.username = ANY (p_usernames)
$$;

-- Contract: which of these static addresses serve a login of the acting operator's ISP already. Not told: whose.
CREATE OR REPLACE FUNCTION taken_addresses(p_addresses text[]) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT COALESCE(array_agg(host(l.static_address)), '{}') FROM radius_login l
    WHERE l.isp_id = (SELECT o.isp_id FROM operator o WHERE o.id = acting_operator())
      AND l.static_address = ANY (p_addresses::inet[])
$$;

-- Contract: the clear-text password of one of the acting operator's own logins, with an audit event in the same transaction;
-- for nobody from above who works inside the operator.
CREATE OR REPLACE FUNCTION reveal_radius_password(p_login_id bigint, p_at timestamptz) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE v_password text;
BEGIN
    PERFORM refuse_inside();
    SELECT password INTO v_password FROM radius_password WHERE operator_id = acting_operator() AND login_id = p_login_id;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such login.');
    END IF;
    INSERT INTO audit_event (operator_id, at, actor_id, verb, subject_type, subject_id)
    VALUES (acting_operator(), p_at, acting_user(), 'revealed', 'radius_password', p_login_id);
    RETURN v_password;
END $$;

-- outdate_sessions: what holds for the logins of these operators has changed without a row of theirs: every session that runs now is
-- queued to end, so that it begins again under what holds. Runs as its caller. Returns how many logins were asked for.
CREATE OR REPLACE FUNCTION outdate_sessions(p_operators bigint[], p_reason text, p_at timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_operator_ids bigint[];
    v_login_ids bigint[];
BEGIN
    WITH online AS (
        UPDATE radius_login l SET version = l.version + 1
        WHERE l.operator_id = ANY (p_operators)
          AND EXISTS (SELECT FROM radius_session_live s WHERE s.operator_id = l.operator_id AND s.login_id = l.id)
        RETURNING l.operator_id, l.id
    )
    SELECT array_agg(operator_id), array_agg(id) INTO v_operator_ids, v_login_ids FROM online;
    RETURN request_disconnects(v_operator_ids, v_login_ids, p_reason, p_at);
END $$;
