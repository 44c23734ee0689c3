-- refuse(code, message, values): the one way in which an SQL function says no. Python turns it into the Refusal of that code, and says
-- it in the language of whoever asked: so what stands in the message (%s) comes beside it, and is not put in before.
CREATE OR REPLACE FUNCTION refuse(p_code text, p_message text, VARIADIC p_values text[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF p_values = '{}' THEN
        RAISE EXCEPTION USING ERRCODE = 'BH001', MESSAGE = p_message, DETAIL = p_code;
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'BH001', MESSAGE = format(p_message, VARIADIC p_values), DETAIL = p_code,
                          HINT = jsonb_build_array(p_message, p_values);
END $$;

-- acting_operator(): who acts in this unit of work; refuses outside one.
CREATE OR REPLACE FUNCTION acting_operator() RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE v_operator bigint := NULLIF(current_setting('backhaul.operator', true), '')::bigint;
BEGIN
    IF v_operator IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'BH001', MESSAGE = 'no operator acts: open a unit of work', DETAIL = 'no_unit_of_work';
    END IF;
    RETURN v_operator;
END $$;

-- acting_user(): the user who acts, 0 for the system.
CREATE OR REPLACE FUNCTION acting_user() RETURNS bigint
LANGUAGE sql STABLE AS $$ SELECT COALESCE(NULLIF(current_setting('backhaul.actor', true), '')::bigint, 0) $$;

-- held_permissions: what the people of an operator may do there, the one place where it is worked out (SPEC A36): what the operator was
-- granted and the person's role holds, or the person was granted singly; an owner holds all. p_membership NULL = everybody.
CREATE OR REPLACE FUNCTION held_permissions(p_operator bigint, p_membership bigint)
RETURNS TABLE (membership_id bigint, permission text, by_role boolean, singly boolean)
LANGUAGE sql STABLE AS $$
    SELECT m.id, g.permission, m.role = 'owner' OR rp.permission IS NOT NULL, mp.permission IS NOT NULL
    FROM membership m
    JOIN module_grant g ON g.operator_id = m.operator_id
    JOIN role r ON r.operator_id = m.operator_id AND r.key = m.role
    LEFT JOIN role_permission rp ON rp.operator_id = m.operator_id AND rp.role_id = r.id AND rp.permission = g.permission
    LEFT JOIN member_permission mp ON mp.operator_id = m.operator_id AND mp.membership_id = m.id AND mp.permission = g.permission
    WHERE m.operator_id = p_operator AND (p_membership IS NULL OR m.id = p_membership) AND m.ended_at IS NULL
      AND (m.role = 'owner' OR rp.permission IS NOT NULL OR mp.permission IS NOT NULL)
$$;

-- Contract: where an operator stands and what a user may do there. Called once as a unit of work opens (plpgsql keeps its plan).
-- p_user NULL = the system, whose permissions are not listed. No row = no such operator, or the user has no membership in it.
CREATE OR REPLACE FUNCTION operator_scope(p_operator bigint, p_user bigint)
RETURNS TABLE (isp_id bigint, name text, path bigint[], visible bigint[], role text, role_name text, permissions text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN QUERY
    SELECT o.isp_id, o.name, o.path,
           o.id || COALESCE((SELECT array_agg(g.child_id) FROM edge_grant g WHERE g.parent_id = o.id AND g.what = 'customers'), '{}'),
           COALESCE(m.role, 'system'), r.name,
           CASE WHEN m.id IS NOT NULL
                THEN ARRAY(SELECT h.permission FROM held_permissions(o.id, m.id) h) ELSE '{}' END
    FROM operator o
    LEFT JOIN membership m ON m.operator_id = o.id AND m.user_id = p_user AND m.ended_at IS NULL
    LEFT JOIN role r ON r.operator_id = m.operator_id AND r.key = m.role
    WHERE o.id = p_operator AND (p_user IS NULL OR m.user_id IS NOT NULL);
END $$;

-- has_seat: true where the operator is one of this ISP and the user may do this there (p_user NULL = the system, which may); refuses
-- otherwise, in the words of unit_of_work and Scope.require. For a call that is a unit of work by itself.
CREATE OR REPLACE FUNCTION has_seat(p_isp bigint, p_operator bigint, p_user bigint, p_permission text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE s record;
BEGIN
    SELECT isp_id, name, permissions INTO s FROM operator_scope(p_operator, p_user);
    IF NOT FOUND OR s.isp_id <> p_isp THEN
        PERFORM refuse('not_found', 'There is no such operator.');
    ELSIF p_user IS NOT NULL AND p_permission <> ALL (s.permissions) THEN
        PERFORM refuse('not_allowed', 'Your role does not include “%s”; ask the owner of %s.', p_permission, s.name);
    END IF;
    RETURN true;
END $$;

-- Contract: creates an operator below the acting one (or an ISP where none acts yet: set-up only, p_kind = 'isp'), granted what of
-- p_permissions its parent was granted, with the roles p_roles ({key: [permission, …]}). The acting operator must have been granted
-- "resellers.edit". Returns the new id. Books, fund and chart of accounts are opened by the caller.
CREATE OR REPLACE FUNCTION add_operator(p_slug text, p_name text, p_kind text, p_permissions text[], p_roles jsonb)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_id bigint := nextval(pg_get_serial_sequence('operator', 'id'));
    v_parent operator%ROWTYPE;
BEGIN
    IF p_kind = 'isp' THEN
        IF NULLIF(current_setting('backhaul.operator', true), '') IS NOT NULL THEN
            PERFORM refuse('not_allowed', 'An ISP is not created below an operator.');
        END IF;
        INSERT INTO operator (id, isp_id, parent_id, depth, path, kind, slug, name)
        VALUES (v_id, v_id, NULL, 0, ARRAY[v_id], 'isp', p_slug, p_name);
    ELSE
        PERFORM hold_grants();
        SELECT o.* INTO v_parent FROM operator o WHERE o.id = acting_operator();
        IF v_parent.closed_on IS NOT NULL OR NOT EXISTS (
            SELECT 1 FROM module_grant g WHERE g.operator_id = v_parent.id AND g.permission = 'resellers.edit')
        THEN
            PERFORM refuse('not_allowed', '%s may not have operators below it.', v_parent.name);
        END IF;
        INSERT INTO operator (id, isp_id, parent_id, depth, path, kind, slug, name)
        VALUES (v_id, v_parent.isp_id, v_parent.id, v_parent.depth + 1, v_parent.path || v_id, p_kind, p_slug, p_name);
    END IF;
    INSERT INTO module_grant (operator_id, permission, isp_id, parent_id)
    SELECT v_id, wanted, COALESCE(v_parent.isp_id, v_id), v_parent.id FROM unnest(p_permissions) AS wanted
    WHERE v_parent.id IS NULL
       OR EXISTS (SELECT 1 FROM module_grant g WHERE g.operator_id = v_parent.id AND g.permission = wanted);
    WITH added AS (
        INSERT INTO role (operator_id, key, keeps_drawer)
        SELECT v_id, k, k = 'collector' FROM jsonb_object_keys(p_roles) AS k RETURNING id, key
    )
    INSERT INTO role_permission (operator_id, role_id, permission)
    SELECT v_id, a.id, held FROM added a, jsonb_array_elements_text(p_roles -> a.key) AS held;
    RETURN v_id;
EXCEPTION WHEN unique_violation THEN
    PERFORM refuse('slug_taken', 'The short name “%s” is taken; choose another.', p_slug);
END $$;

-- Contract: the id of the operator of that short name at or anywhere below the acting one; NULL when there is none.
CREATE OR REPLACE FUNCTION operator_below(p_slug text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT o.id FROM operator me JOIN operator o ON o.isp_id = me.isp_id AND o.slug = p_slug
    WHERE me.id = acting_operator() AND o.path[me.depth + 1] = me.id
$$;
