-- Contract: the shared secret of an enabled NAS by the source address of its packets, NULL if there is none. For FreeRADIUS only.
CREATE OR REPLACE FUNCTION nas_secret(p_source inet) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER AS $$ SELECT secret FROM nas WHERE source_address = p_source AND enabled $$;

-- Contract: how many sessions are online (SPEC B6) on each of the acting operator's own routers, whosever customers they are:
-- row-level security alone would show it those of its own customers.
CREATE OR REPLACE FUNCTION count_router_sessions(p_now timestamptz) RETURNS TABLE (nas_id bigint, sessions bigint)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT s.nas_id, count(*) FROM radius_session_live s
    WHERE s.nas_operator_id = acting_operator() AND s.updated_at > p_now - s.interim_seconds * interval '2 seconds'
    GROUP BY s.nas_id
$$;
