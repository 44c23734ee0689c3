-- hold_grants: from here to the end of the transaction nobody takes a module from whoever acts or from those above it.
CREATE OR REPLACE FUNCTION hold_grants() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM operator o
    WHERE o.id = ANY ((SELECT me.path FROM operator me WHERE me.id = acting_operator())::bigint[]) ORDER BY o.depth FOR KEY SHARE;
END $$;

-- Contract: a direct child of the acting operator may do p_permissions from now on and nothing else. What is taken from it is taken from
-- everybody below it. Refuses what the acting operator was not granted itself.
CREATE OR REPLACE FUNCTION set_modules(p_child bigint, p_permissions text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_me bigint := acting_operator();
    v_child operator%ROWTYPE;
BEGIN
    PERFORM hold_grants();
    SELECT o.* INTO v_child FROM operator o WHERE o.id = p_child AND o.parent_id = v_me FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such operator below you.');
    END IF;
    IF EXISTS (SELECT 1 FROM unnest(p_permissions) AS wanted WHERE NOT EXISTS (
        SELECT 1 FROM module_grant g WHERE g.operator_id = v_me AND g.permission = wanted))
    THEN
        PERFORM refuse('not_allowed', 'You cannot grant what your provider has not granted to you.');
    END IF;
    DELETE FROM module_grant g USING operator o
    WHERE o.isp_id = v_child.isp_id AND o.path[v_child.depth + 1] = p_child AND g.operator_id = o.id
      AND g.permission <> ALL (p_permissions);
    INSERT INTO module_grant (operator_id, permission, isp_id, parent_id)
    SELECT p_child, wanted, v_child.isp_id, v_me FROM unnest(p_permissions) AS wanted
    ON CONFLICT DO NOTHING;
END $$;

-- Contract: what a direct child of the acting operator was granted: each permission with how many operators below that child have it
-- too, and how many people, the child's own and theirs, may do it today.
CREATE OR REPLACE FUNCTION modules_of_child(p_child bigint) RETURNS TABLE (permission text, operators bigint, people bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE v_child operator%ROWTYPE;
BEGIN
    SELECT o.* INTO v_child FROM operator o WHERE o.id = p_child AND o.parent_id = acting_operator();
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such operator below you.');
    END IF;
    RETURN QUERY
    WITH tree AS MATERIALIZED (
        SELECT o.id FROM operator o WHERE o.isp_id = v_child.isp_id AND o.path[v_child.depth + 1] = p_child
    ), holders AS (
        SELECT h.permission, count(*) AS people FROM tree, held_permissions(tree.id, NULL) h GROUP BY h.permission
    )
    SELECT g.permission, count(*) - 1, COALESCE(max(h.people), 0)
    FROM tree JOIN module_grant g ON g.operator_id = tree.id LEFT JOIN holders h ON h.permission = g.permission
    GROUP BY g.permission;
END $$;
