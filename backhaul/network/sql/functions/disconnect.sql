-- retry_after: how long to wait after the n-th attempt: 5 s, 20 s, 80 s, 320 s, then every 15 minutes.
CREATE OR REPLACE FUNCTION retry_after(p_attempts integer) RETURNS interval
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT LEAST(900, 5 * 4 ^ LEAST(GREATEST(p_attempts, 1) - 1, 5)) * interval '1 second'
$$;

-- Contract: takes up to p_limit due requests of one ISP, books the attempt and its next try (so a crash loses nothing), and
-- returns one row per session to end, with the secret of its NAS. A request whose sessions are gone by now is closed instead.
-- For the batch role: the sender of Disconnect-Requests is the only one outside RADIUS that sees NAS secrets.
CREATE OR REPLACE FUNCTION claim_disconnects(p_isp_id bigint, p_now timestamptz, p_limit integer)
RETURNS TABLE (
    operator_id bigint, request_id bigint, kind text, username text, acct_session_id text, framed_address text,
    rate_limit text, nas_address text, nas_port integer, secret text)
LANGUAGE plpgsql SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
    v_operator_ids bigint[];
    v_ids bigint[];
BEGIN
    SELECT array_agg(due.operator_id), array_agg(due.id) INTO v_operator_ids, v_ids FROM (
        SELECT d.operator_id, d.id
        FROM disconnect_request d JOIN radius_login l ON l.operator_id = d.operator_id AND l.id = d.login_id
        WHERE NOT d.done AND d.next_try_at <= p_now AND l.isp_id = p_isp_id
        ORDER BY d.next_try_at LIMIT p_limit FOR NO KEY UPDATE OF d SKIP LOCKED) AS due;
    UPDATE disconnect_request d
    SET attempts = d.attempts + live.found::integer, next_try_at = p_now + retry_after(d.attempts + 1),
        seen_ended_at = CASE WHEN NOT live.found THEN p_now END
    FROM unnest(v_operator_ids, v_ids) AS k (operator_id, id)
    JOIN disconnect_request r ON r.operator_id = k.operator_id AND r.id = k.id
    CROSS JOIN LATERAL (SELECT EXISTS (
        SELECT FROM radius_session_live s
        WHERE s.operator_id = r.operator_id AND s.login_id = r.login_id AND s.login_version < r.version) AS found) AS live
    WHERE d.operator_id = k.operator_id AND d.id = k.id;
    RETURN QUERY
    SELECT d.operator_id, d.id, d.kind, s.username, s.acct_session_id, host(s.framed_address), l.rate_limit,
           host(COALESCE(n.change_of_authorization_address, n.source_address)), n.change_of_authorization_port, n.secret
    FROM unnest(v_operator_ids, v_ids) AS k (operator_id, id)
    JOIN disconnect_request d ON d.operator_id = k.operator_id AND d.id = k.id
    JOIN radius_login l ON l.operator_id = d.operator_id AND l.id = d.login_id
    JOIN radius_session_live s ON s.operator_id = d.operator_id AND s.login_id = d.login_id AND s.login_version < d.version
    JOIN nas n ON n.operator_id = s.nas_operator_id AND n.id = s.nas_id
    WHERE NOT d.done;
END $$;

-- record_answers: what routers said to requests: acknowledged, refused or unanswered, with the error to show. A refused rate change is replaced by the end of the session. Runs as its caller.
CREATE OR REPLACE FUNCTION record_answers(
    p_operator_ids bigint[], p_request_ids bigint[], p_verdicts text[], p_errors text[], p_at timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_operator_ids bigint[];
    v_login_ids bigint[];
BEGIN
    -- in the order of who asks for many at once: the logins that a refusal outdates, then requests as they are asked for
    PERFORM 1 FROM unnest(p_operator_ids, p_request_ids, p_verdicts) AS k (operator_id, id, verdict)
    JOIN disconnect_request d ON d.operator_id = k.operator_id AND d.id = k.id
    JOIN radius_login l ON l.operator_id = d.operator_id AND l.id = d.login_id
    WHERE k.verdict = 'refused' ORDER BY l.operator_id, l.id FOR NO KEY UPDATE OF l;
    PERFORM 1 FROM unnest(p_operator_ids, p_request_ids) AS k (operator_id, id)
    JOIN disconnect_request d ON d.operator_id = k.operator_id AND d.id = k.id
    ORDER BY d.kind DESC, d.operator_id, d.login_id FOR NO KEY UPDATE OF d;
    UPDATE disconnect_request d
    SET acknowledged_at = CASE k.verdict WHEN 'acknowledged' THEN COALESCE(d.acknowledged_at, p_at) ELSE d.acknowledged_at END,
        last_error = k.error
    FROM unnest(p_operator_ids, p_request_ids, p_verdicts, p_errors) AS k (operator_id, id, verdict, error)
    WHERE d.operator_id = k.operator_id AND d.id = k.id AND NOT d.done;
    WITH refused AS (
        UPDATE disconnect_request d SET seen_ended_at = p_at
        FROM unnest(p_operator_ids, p_request_ids, p_verdicts) AS k (operator_id, id, verdict)
        WHERE d.operator_id = k.operator_id AND d.id = k.id AND NOT d.done
          AND d.kind = 'change_of_authorization' AND k.verdict = 'refused'
        RETURNING d.operator_id, d.login_id
    ), outdated AS (
        UPDATE radius_login l SET version = l.version + 1 FROM refused r
        WHERE l.operator_id = r.operator_id AND l.id = r.login_id RETURNING l.operator_id, l.id
    )
    SELECT array_agg(operator_id), array_agg(id) INTO v_operator_ids, v_login_ids FROM outdated;
    PERFORM request_disconnects(v_operator_ids, v_login_ids, 'the router refused the new rate', p_at);
END $$;
