-- lock_plans: the plans of these packages (pairs of operator and id), in key order, against a change until the transaction ends. Others
-- who give somebody such a plan go on; who changes a plan waits, and then finds them all. Runs as its caller.
CREATE OR REPLACE FUNCTION lock_plans(p_package_operators bigint[], p_packages bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM plan n
    WHERE (n.operator_id, n.id) IN (
        SELECT p.plan_operator_id, p.plan_id FROM package p
        JOIN unnest(p_package_operators, p_packages) AS k (operator_id, id) ON k.operator_id = p.operator_id AND k.id = p.id)
    ORDER BY n.operator_id, n.id FOR SHARE OF n;
END $$;

-- Contract (app): lock_plans for packages of the acting operator and of those above it: before their speed is read for a service.
CREATE OR REPLACE FUNCTION hold_plans(p_package_operators bigint[], p_packages bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM lock_plans(array_agg(k.operator_id), array_agg(k.id))
    FROM unnest(p_package_operators, p_packages) AS k (operator_id, id)
    JOIN operator me ON me.id = acting_operator() AND k.operator_id = ANY (me.path);
END $$;
