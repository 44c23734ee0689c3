-- Contract: customers of the acting operator whose id, name, mobile or user name contains the text, the best match first: equal,
-- then beginning, then the rest. At most p_limit. A definer function because LIKE is not leakproof: row-level security would keep
-- it from its indexes. Planned anew at each call: a pattern's prefix decides which index serves. ROWS: what is read beside the few hits is
-- looked up by key, instead of reading every service of the operator.
CREATE OR REPLACE FUNCTION search_customers(p_text text, p_limit integer) RETURNS TABLE (customer_id bigint)
LANGUAGE plpgsql STABLE ROWS 10 SECURITY DEFINER SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_operator bigint := acting_operator();
    v_text text := lower(btrim(p_text));
    v_pattern text := replace(replace(replace(v_text, '\', '\\'), '%', '\%'), '_', '\_') || '%';
    v_limit integer := LEAST(GREATEST(p_limit, 1), 500);
BEGIN
    IF v_text = '' THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT found.id FROM (
        (SELECT c.id, CASE WHEN lower(c.code) = v_text THEN 0 ELSE 1 END AS rank FROM customer c
         WHERE c.operator_id = v_operator AND lower(c.code) LIKE v_pattern ORDER BY lower(c.code) USING ~<~ LIMIT v_limit)
        UNION ALL
        (SELECT c.id, CASE WHEN lower(c.username) = v_text THEN 0 ELSE 1 END FROM customer c
         WHERE c.operator_id = v_operator AND lower(c.username) LIKE v_pattern ORDER BY lower(c.username) USING ~<~ LIMIT v_limit)
        UNION ALL
        (SELECT c.id, CASE WHEN c.mobile = v_text THEN 0 ELSE 1 END FROM customer c
         WHERE c.operator_id = v_operator AND c.mobile LIKE v_pattern ORDER BY c.mobile USING ~<~ LIMIT v_limit)
        UNION ALL
        (SELECT c.id, CASE WHEN lower(c.name) = v_text THEN 0 WHEN lower(c.name) LIKE v_pattern THEN 1 ELSE 2 END FROM customer c
         WHERE c.operator_id = v_operator AND c.search LIKE '%' || v_pattern LIMIT v_limit)) AS found
    GROUP BY found.id
    ORDER BY min(found.rank), found.id DESC
    LIMIT v_limit;
END $$;
