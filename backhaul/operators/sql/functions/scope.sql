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

-- Contract: where an operator stands and what a user may be there. Called once as a unit of work opens.
-- p_user NULL = the system. No row = no such operator, or the user has no membership in it.
CREATE OR REPLACE FUNCTION operator_scope(p_operator bigint, p_user bigint)
RETURNS TABLE (isp_id bigint, name text, path bigint[], visible bigint[], role text, edits_catalog boolean, may_have_children boolean)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT o.isp_id, o.name, o.path,
           o.id || COALESCE((SELECT array_agg(g.child_id) FROM edge_grant g WHERE g.parent_id = o.id AND g.what = 'customers'), '{}'),
           COALESCE(m.role, 'system'), o.edits_catalog, o.may_have_children
    FROM operator o
    LEFT JOIN membership m ON m.operator_id = o.id AND m.user_id = p_user AND m.ended_at IS NULL
    WHERE o.id = p_operator AND (p_user IS NULL OR m.user_id IS NOT NULL)
$$;

-- has_seat: true where the operator is one of this ISP and the user's role there one of these (p_user NULL = the system); refuses
-- otherwise, in the words of unit_of_work and Scope.require. For a call that is a unit of work by itself.
CREATE OR REPLACE FUNCTION has_seat(p_isp bigint, p_operator bigint, p_user bigint, p_permission text, p_roles text[]) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE s record;
BEGIN
    SELECT isp_id, name, role INTO s FROM operator_scope(p_operator, p_user);
    IF NOT FOUND OR s.isp_id <> p_isp THEN
        PERFORM refuse('not_found', 'There is no such operator.');
    ELSIF s.role <> ALL (p_roles) THEN
        PERFORM refuse('not_allowed', 'Your role does not include “%s”; ask the owner of %s.', p_permission, s.name);
    END IF;
    RETURN true;
END $$;

-- Contract: creates an operator below the acting one (or an ISP where none acts yet: set-up only, p_kind = 'isp').
-- The acting operator must have may_have_children. Returns the new id. Books, fund and chart of accounts are opened by the caller.
CREATE OR REPLACE FUNCTION add_operator(p_slug text, p_name text, p_kind text, p_may_have_children boolean, p_edits_catalog boolean)
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
        INSERT INTO operator (id, isp_id, parent_id, depth, path, kind, slug, name, may_have_children, edits_catalog)
        VALUES (v_id, v_id, NULL, 0, ARRAY[v_id], 'isp', p_slug, p_name, true, true);
        RETURN v_id;
    END IF;
    SELECT * INTO v_parent FROM operator WHERE id = acting_operator() FOR KEY SHARE;
    IF NOT v_parent.may_have_children OR v_parent.closed_on IS NOT NULL THEN
        PERFORM refuse('not_allowed', '%s may not have operators below it.', v_parent.name);
    END IF;
    INSERT INTO operator (id, isp_id, parent_id, depth, path, kind, slug, name, may_have_children, edits_catalog)
    VALUES (v_id, v_parent.isp_id, v_parent.id, v_parent.depth + 1, v_parent.path || v_id, p_kind, p_slug, p_name,
            p_may_have_children, p_edits_catalog);
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
