-- A packet is handled as the live row that it describes: `started_at` = when the session began by its own count, `updated_at` =
-- when it was sent, `interim_seconds` = the NAS's interval; operator, login and version are what Class claims until checked.

-- close_sessions: moves live sessions (pairs of operator and id) to history and ends the disconnect requests that this fulfils.
-- Returns how many it moved.
CREATE OR REPLACE FUNCTION close_sessions(
    p_operator_ids bigint[], p_ids bigint[], p_at timestamptz, p_ended_by text, p_cause text) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_operator_ids bigint[];
    v_login_ids bigint[];
    v_closed integer;
BEGIN
    WITH gone AS (
        DELETE FROM radius_session_live s USING unnest(p_operator_ids, p_ids) AS k (operator_id, id)
        WHERE s.operator_id = k.operator_id AND s.id = k.id RETURNING s.*
    ), kept AS (
        INSERT INTO radius_session_history (
            operator_id, nas_operator_id, nas_id, username, acct_session_id, nonce, login_id, login_version, framed_address,
            mac, nas_port, started_at, stopped_at, session_seconds, input_bytes, output_bytes, ended_by, terminate_cause)
        SELECT operator_id, nas_operator_id, nas_id, username, acct_session_id, nonce, login_id, login_version, framed_address,
               mac, nas_port, started_at, CASE p_ended_by WHEN 'silence' THEN updated_at ELSE GREATEST(p_at, started_at) END,
               session_seconds, input_bytes, output_bytes, p_ended_by, p_cause
        FROM gone RETURNING operator_id, login_id
    )
    SELECT array_agg(operator_id), array_agg(login_id), count(*) INTO v_operator_ids, v_login_ids, v_closed FROM kept;
    UPDATE disconnect_request d
    SET seen_ended_at = p_at, last_error = CASE p_ended_by WHEN 'silence' THEN 'the router stopped reporting the session' END
    FROM unnest(v_operator_ids, v_login_ids) AS k (operator_id, login_id)
    WHERE d.operator_id = k.operator_id AND d.login_id = k.login_id AND NOT d.done
      AND NOT EXISTS (SELECT FROM radius_session_live s
                      WHERE s.operator_id = d.operator_id AND s.login_id = d.login_id AND s.login_version < d.version);
    RETURN v_closed;
END $$;

-- open_session: a live row for a packet of a session that has none. The login is found by name, else by Class (it may have been
-- renamed since); a name we do not know belongs to the NAS's operator. FOR SHARE waits for a change of the login that is under
-- way: whoever comes second sees the other, so a session begun under older settings always gets its disconnect request.
CREATE OR REPLACE FUNCTION open_session(p_isp_id bigint, p radius_session_live) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_login radius_login%ROWTYPE;
BEGIN
    SELECT * INTO v_login FROM radius_login WHERE isp_id = p_isp_id AND username = p.username FOR SHARE;
    IF NOT FOUND THEN
        SELECT * INTO v_login FROM radius_login
        WHERE operator_id = p.operator_id AND id = p.login_id AND isp_id = p_isp_id FOR SHARE;
    END IF;
    IF p.login_id IS DISTINCT FROM v_login.id OR p.login_version > v_login.version THEN
        p.login_version := v_login.version;
    END IF;
    p.operator_id := COALESCE(v_login.operator_id, p.nas_operator_id);
    p.login_id := v_login.id;
    p.interim_seconds := COALESCE(interim_seconds_of(v_login.id, p.interim_seconds), p.interim_seconds);
    p.id := nextval('radius_session_live_id_seq');
    INSERT INTO radius_session_live SELECT p.*;
    IF p.login_version < v_login.version THEN
        INSERT INTO disconnect_request (operator_id, login_id, subscription_id, version, kind, reason, requested_at, next_try_at)
        VALUES (v_login.operator_id, v_login.id, v_login.subscription_id, v_login.version, 'disconnect',
                'began under older settings', p.updated_at, p.updated_at)
        ON CONFLICT (operator_id, login_id, kind) WHERE NOT done DO UPDATE SET version = EXCLUDED.version;
    END IF;
END $$;

-- find_ended: the history row of the session that a packet speaks of, or NULL. With a nonce from Class that is certain; without,
-- a session id used again after a restart is told from a late packet by the time at which the session began.
CREATE OR REPLACE FUNCTION find_ended(p_status text, p radius_session_live) RETURNS radius_session_history
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_grace interval := CASE WHEN p_status IN ('Start', 'Stop') THEN '5 minutes' ELSE '0' END;
    h radius_session_history%ROWTYPE;
BEGIN
    SELECT * INTO h FROM radius_session_history s
    WHERE s.nas_operator_id = p.nas_operator_id AND s.nas_id = p.nas_id AND s.username = p.username
      AND s.acct_session_id = p.acct_session_id
      AND (s.nonce = p.nonce AND p.nonce <> ''
           OR (s.nonce = '' OR p.nonce = '') AND p.started_at < s.stopped_at + v_grace)
    ORDER BY s.stopped_at DESC LIMIT 1;
    RETURN h;
END $$;

-- follow_ended: a packet of a session that history already holds. A Stop brings the true figures where we had closed the session
-- ourselves; a sign of life reopens it (returns false: the caller opens it); all else is late and changes nothing.
CREATE OR REPLACE FUNCTION follow_ended(p_status text, p radius_session_live, h radius_session_history) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF h.ended_by = 'stop' THEN
        RETURN true;
    ELSIF p_status = 'Stop' THEN
        UPDATE radius_session_history
        SET stopped_at = GREATEST(p.updated_at, h.started_at), session_seconds = GREATEST(h.session_seconds, p.session_seconds),
            input_bytes = GREATEST(h.input_bytes, p.input_bytes), output_bytes = GREATEST(h.output_bytes, p.output_bytes),
            ended_by = 'stop'
        WHERE operator_id = h.operator_id AND id = h.id;
        RETURN true;
    ELSIF p.updated_at <= h.stopped_at OR p_status = 'Start' THEN
        RETURN true;
    END IF;
    DELETE FROM radius_session_history WHERE operator_id = h.operator_id AND id = h.id;
    RETURN false;
END $$;

-- account_known: a packet of a session that is live.
CREATE OR REPLACE FUNCTION account_known(p_status text, p radius_session_live, s radius_session_live, p_cause text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE radius_session_live
    SET updated_at = GREATEST(s.updated_at, p.updated_at), session_seconds = GREATEST(s.session_seconds, p.session_seconds),
        input_bytes = GREATEST(s.input_bytes, p.input_bytes), output_bytes = GREATEST(s.output_bytes, p.output_bytes),
        framed_address = COALESCE(p.framed_address, s.framed_address)
    WHERE operator_id = s.operator_id AND id = s.id;
    IF p_status <> 'Stop' THEN
        RETURN 'updated';
    END IF;
    PERFORM close_sessions(ARRAY[s.operator_id], ARRAY[s.id], p.updated_at, 'stop', p_cause);
    RETURN 'stopped';
END $$;

-- account_packet: books one Start, Interim-Update or Stop, whatever came before it: repeated, late, out of order, or alone.
CREATE OR REPLACE FUNCTION account_packet(p_isp_id bigint, p_status text, p radius_session_live, p_cause text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    s radius_session_live%ROWTYPE;
    h radius_session_history%ROWTYPE;
    v_rivals bigint[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(
        concat_ws('|', p.nas_operator_id, p.nas_id, p.username, p.acct_session_id), 0));
    SELECT * INTO s FROM radius_session_live
    WHERE nas_operator_id = p.nas_operator_id AND nas_id = p.nas_id AND username = p.username
      AND acct_session_id = p.acct_session_id;
    -- Where the NAS returns no Class, a Start long after the session's own tells that the id is used again.
    IF FOUND AND (s.nonce = p.nonce AND p.nonce <> '' OR (s.nonce = '' OR p.nonce = '')
                  AND NOT (p_status = 'Start' AND p.started_at > s.started_at + interval '5 minutes')) THEN
        RETURN account_known(p_status, p, s, p_cause);
    END IF;
    h := find_ended(p_status, p);
    IF h.id IS NOT NULL AND follow_ended(p_status, p, h) THEN
        RETURN 'late';
    END IF;
    IF s.id IS NOT NULL THEN                    -- another login under the same session id: the NAS began to count anew
        IF p.started_at < s.started_at THEN
            RETURN 'late';
        END IF;
        PERFORM close_sessions(ARRAY[s.operator_id], ARRAY[s.id], s.updated_at, 'superseded', 'Session-Id-Reused');
    END IF;
    p.started_at := LEAST(p.started_at, h.started_at);
    PERFORM open_session(p_isp_id, p);
    SELECT * INTO STRICT s FROM radius_session_live
    WHERE nas_operator_id = p.nas_operator_id AND nas_id = p.nas_id AND username = p.username
      AND acct_session_id = p.acct_session_id;
    IF p_status = 'Stop' THEN
        PERFORM close_sessions(ARRAY[s.operator_id], ARRAY[s.id], p.updated_at, 'stop', p_cause);
        RETURN 'stopped';
    ELSIF p_status = 'Start' AND s.mac <> '' AND s.login_id IS NOT NULL THEN
        SELECT array_agg(id) INTO v_rivals FROM radius_session_live o
        WHERE o.operator_id = s.operator_id AND o.login_id = s.login_id AND o.id <> s.id AND o.mac = s.mac
          AND o.nas_operator_id = s.nas_operator_id AND o.nas_id = s.nas_id AND o.started_at <= s.started_at;
        IF v_rivals IS NOT NULL THEN            -- the same device dialled again: its former session is dead
            PERFORM close_sessions(array_fill(s.operator_id, ARRAY[cardinality(v_rivals)]), v_rivals, p.updated_at,
                                   'superseded', 'Redialled');
        END IF;
    END IF;
    RETURN 'started';
END $$;

-- account_restart: the NAS came up or goes down; none of its sessions from before is alive.
CREATE OR REPLACE FUNCTION account_restart(p_nas_operator_id bigint, p_nas_id bigint, p_at timestamptz, p_cause text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_operator_ids bigint[];
    v_ids bigint[];
BEGIN
    SELECT array_agg(operator_id), array_agg(id) INTO v_operator_ids, v_ids FROM radius_session_live
    WHERE nas_operator_id = p_nas_operator_id AND nas_id = p_nas_id AND started_at <= p_at;
    PERFORM close_sessions(v_operator_ids, v_ids, p_at, 'nas_restart', p_cause);
    RETURN 'restarted';
END $$;

-- keep_accounting_error: sets a record aside that could not be booked.
CREATE OR REPLACE FUNCTION keep_accounting_error(p_nas_operator_id bigint, p_nas_id bigint, p_message text, p_record jsonb)
RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO radius_accounting_error (operator_id, at, nas_operator_id, nas_id, message, record)
    VALUES (p_nas_operator_id, now(), p_nas_operator_id, p_nas_id, p_message, p_record);
    RETURN 'error';
END $$;

-- Contract: books one accounting record of a NAS that radius_account has placed; all values are text as FreeRADIUS has them, ''
-- where absent. Data never make it fail (they are kept as errors), since FreeRADIUS would repeat the record for ever and hold up
-- all behind it; locks, time-outs and lost connections do make it fail, so that the record is repeated.
CREATE OR REPLACE FUNCTION account_session(
    p_isp_id bigint, p_source inet, p_status text, p_record jsonb) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_nas nas%ROWTYPE;
    v_class text[] := regexp_match(p_record->>'class', '^(\d{1,18}):(\d{1,18}):(\d{1,9}):([0-9a-f]{8})$');
    v_at timestamptz;
    p radius_session_live%ROWTYPE;
BEGIN
    SELECT * INTO v_nas FROM nas WHERE source_address = p_source;
    IF NOT FOUND THEN
        RETURN 'unknown router';
    END IF;
    v_at := to_timestamp((p_record->>'received')::bigint)
        - LEAST(COALESCE(NULLIF(p_record->>'delay', '')::bigint, 0), 604800) * interval '1 second';
    IF p_status IN ('Accounting-On', 'Accounting-Off') THEN
        RETURN account_restart(v_nas.operator_id, v_nas.id, v_at, p_status);
    ELSIF p_status NOT IN ('Start', 'Interim-Update', 'Stop') THEN
        RETURN 'ignored';
    ELSIF p_record->>'session' = '' OR p_record->>'username' = '' THEN
        RETURN keep_accounting_error(v_nas.operator_id, v_nas.id, 'no user name or no session id', p_record);
    END IF;
    p.nas_operator_id := v_nas.operator_id;
    p.nas_id := v_nas.id;
    p.username := p_record->>'username';
    p.acct_session_id := p_record->>'session';
    p.operator_id := v_class[1]::bigint;
    p.login_id := v_class[2]::bigint;
    p.login_version := v_class[3]::integer;
    p.nonce := COALESCE(v_class[4], '');
    p.framed_address := NULLIF(p_record->>'address', '')::inet;
    p.mac := lower(translate(p_record->>'mac', ':-. ', ''));
    p.nas_port := p_record->>'port';
    p.session_seconds := COALESCE(NULLIF(p_record->>'seconds', '')::bigint, 0);
    p.input_bytes := (COALESCE(NULLIF(p_record->>'in_giga', '')::bigint, 0) << 32)
        + COALESCE(NULLIF(p_record->>'in', '')::bigint, 0);
    p.output_bytes := (COALESCE(NULLIF(p_record->>'out_giga', '')::bigint, 0) << 32)
        + COALESCE(NULLIF(p_record->>'out', '')::bigint, 0);
    p.updated_at := v_at;
    p.started_at := v_at - p.session_seconds * interval '1 second';
    p.interim_seconds := v_nas.interim_seconds;
    RETURN account_packet(p_isp_id, p_status, p, p_record->>'cause');
EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
    RETURN keep_accounting_error(v_nas.operator_id, v_nas.id, SQLERRM, p_record);
END $$;

-- Contract: closes sessions that have not reported for two and a half intervals. For the batch role, by the minute.
CREATE OR REPLACE FUNCTION close_silent_sessions(p_now timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operator_ids bigint[];
    v_ids bigint[];
BEGIN
    SELECT array_agg(operator_id), array_agg(id) INTO v_operator_ids, v_ids FROM (
        SELECT operator_id, id FROM radius_session_live
        WHERE updated_at < p_now - interim_seconds * interval '2.5 seconds'
        ORDER BY operator_id, id FOR UPDATE SKIP LOCKED) AS silent;
    RETURN COALESCE(close_sessions(v_operator_ids, v_ids, p_now, 'silence', 'Lost-Service'), 0);
END $$;
