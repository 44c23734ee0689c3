-- Log in as reseller (SPEC A31): somebody of an operator works inside one below it, seen by both, for a limited time.

-- entry_at_work(): the impersonation in which this unit of work acts; NULL outside of one.
CREATE OR REPLACE FUNCTION entry_at_work() RETURNS bigint
LANGUAGE sql STABLE AS $$ SELECT NULLIF(current_setting('backhaul.impersonation', true), '')::bigint $$;

-- refuse_inside: what only an operator's own people do, however far somebody from above has stepped up.
CREATE OR REPLACE FUNCTION refuse_inside() RETURNS void
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF entry_at_work() IS NOT NULL THEN
        PERFORM refuse('not_inside', 'Only its own people do this. Ask them, or go back to your own console.');
    END IF;
END $$;

-- Contract: the acting person goes into an operator anywhere below the acting one, until p_until, looking only. Whether the
-- person may go in at all, the caller has asked (resellers.enter). Both ends have it in writing. Returns the impersonation.
CREATE OR REPLACE FUNCTION enter_operator(p_operator bigint, p_reason text, p_now timestamptz, p_until timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_me bigint := acting_operator();
    v_isp bigint := (SELECT isp_id FROM operator WHERE id = p_operator AND id <> v_me AND v_me = ANY (path));
    v_id bigint;
BEGIN
    PERFORM refuse_inside();
    IF v_isp IS NULL THEN
        PERFORM refuse('not_found', 'There is no such operator below you.');
    ELSIF NOT EXISTS (SELECT FROM membership WHERE operator_id = v_me AND user_id = acting_user() AND ended_at IS NULL) THEN
        PERFORM refuse('not_allowed', 'Only a person goes in, and one who works here.');
    END IF;
    INSERT INTO impersonation (operator_id, isp_id, actor_operator_id, actor_id, reason, from_at, until_at)
    VALUES (p_operator, v_isp, v_me, acting_user(), p_reason, p_now, p_until)
    RETURNING id INTO v_id;
    INSERT INTO audit_event (operator_id, at, actor_id, verb, subject_type, subject_id, impersonation_id)
    VALUES (p_operator, p_now, acting_user(), 'entered', 'impersonation', v_id, v_id);
    RETURN v_id;
END $$;

-- Contract: the operator inside which a person works, and until when; called as a unit of work opens. No row = it is over, or it
-- is not this person's, or the operator is no longer below p_home. changes_until: NULL while it only looks.
CREATE OR REPLACE FUNCTION entered_scope(p_operator bigint, p_impersonation bigint, p_home bigint, p_user bigint, p_now timestamptz)
RETURNS TABLE (
    name text, path bigint[], visible bigint[], granted text[], reason text, until_at timestamptz, changes_until timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT s.name, s.path, s.visible, ARRAY(SELECT permission FROM module_grant WHERE operator_id = i.operator_id), i.reason,
           i.until_at, CASE WHEN i.changes_until > p_now THEN i.changes_until END
    FROM impersonation i CROSS JOIN LATERAL operator_scope(i.operator_id, NULL) s
    WHERE i.operator_id = p_operator AND i.id = p_impersonation AND i.actor_operator_id = p_home AND i.actor_id = p_user
      AND i.ended_at IS NULL AND i.until_at > p_now AND p_home = ANY (s.path)
$$;

-- Contract: for a quarter of an hour the person who works inside may change things there. The caller has made sure that it is
-- that person.
CREATE OR REPLACE FUNCTION step_up(p_now timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    UPDATE impersonation SET stepped_up_at = COALESCE(stepped_up_at, p_now),
                             changes_until = LEAST(until_at, p_now + interval '15 minutes')
    WHERE operator_id = acting_operator() AND id = entry_at_work() AND actor_id = acting_user() AND ended_at IS NULL AND until_at > p_now;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'You are not inside another operator.');
    END IF;
END $$;

-- Contract: the person who works inside goes back.
CREATE OR REPLACE FUNCTION end_impersonation(p_now timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    UPDATE impersonation SET ended_at = p_now
    WHERE operator_id = acting_operator() AND id = entry_at_work() AND actor_id = acting_user() AND ended_at IS NULL;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'You are not inside another operator.');
    END IF;
END $$;

-- Contract: where the acting operator's people went in, newest first, from before that one.
CREATE OR REPLACE FUNCTION list_entered(p_before bigint, p_limit integer)
RETURNS TABLE (
    id bigint, operator_id bigint, operator text, actor_id bigint, reason text, from_at timestamptz, until_at timestamptz,
    stepped_up_at timestamptz, ended_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT i.id, i.operator_id, o.name, i.actor_id, i.reason, i.from_at, i.until_at, i.stepped_up_at, i.ended_at
    FROM impersonation i JOIN operator o ON o.id = i.operator_id
    WHERE i.actor_operator_id = acting_operator() AND (p_before IS NULL OR i.id < p_before)
    ORDER BY i.id DESC LIMIT p_limit
$$;

-- Contract: the operators at any depth below the acting one whose name or short name holds p_search ('' = all), by name, after
-- the one of id p_after, or p_only that one; each with the name of its provider.
CREATE OR REPLACE FUNCTION list_below(p_search text, p_after bigint, p_only bigint, p_limit integer)
RETURNS TABLE (id bigint, name text, slug text, kind text, provider text)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT o.id, o.name, o.slug, o.kind, p.name
    FROM operator me
    JOIN operator o ON o.isp_id = me.isp_id AND o.path[me.depth + 1] = me.id AND o.id <> me.id
    JOIN operator p ON p.id = o.parent_id
    LEFT JOIN operator a ON a.id = p_after
    WHERE me.id = acting_operator() AND strpos(lower(o.name || ' ' || o.slug), lower(p_search)) > 0
      AND (p_after IS NULL OR (o.name, o.id) > (a.name, a.id)) AND (p_only IS NULL OR o.id = p_only)
    ORDER BY o.name, o.id LIMIT p_limit
$$;
