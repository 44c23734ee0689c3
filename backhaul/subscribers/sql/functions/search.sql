-- search_inside: customers with the text, three letters or digits in a row, anywhere in what is searched, in no order: 0 = the name itself,
-- 1 = the name begins with it, 2 = the rest. By bitmaps only: a plan that hopes to find enough of them on the way reads every customer
-- of the operator where there are few, and the planner cannot know how many have three letters in a row.
CREATE OR REPLACE FUNCTION search_inside(p_operator bigint, p_text text, p_pattern text, p_limit integer)
RETURNS TABLE (id bigint, rank integer)
LANGUAGE plpgsql STABLE ROWS 10 SET enable_seqscan = off SET enable_indexscan = off AS $$
BEGIN
    RETURN QUERY SELECT c.id, CASE WHEN lower(c.name) = p_text THEN 0 WHEN lower(c.name) LIKE p_pattern THEN 1 ELSE 2 END
    FROM customer c WHERE c.operator_id = p_operator AND c.search LIKE '%' || p_pattern LIMIT p_limit;
END $$;

-- Contract: customers of the acting operator whose id, name, mobile or user name contains the text, the best match first: equal,
-- then beginning, then the rest. At most p_limit. What has a digit and is somebody's whole id, mobile or user name, or begins as
-- many of them as are wanted, is not looked for inside others.
-- A definer function because LIKE is not leakproof: row-level security would keep it from its indexes. Planned anew at each call: a
-- pattern's prefix decides which index serves. ROWS: what is read beside the few hits is looked up by key, instead of reading every
-- service of the operator.
CREATE OR REPLACE FUNCTION search_customers(p_text text, p_limit integer) RETURNS TABLE (customer_id bigint)
LANGUAGE plpgsql STABLE ROWS 10 SECURITY DEFINER SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_operator bigint := acting_operator();
    v_text text := lower(btrim(p_text));
    v_pattern text := replace(replace(replace(v_text, '\', '\\'), '%', '\%'), '_', '\_') || '%';
    v_limit integer := LEAST(GREATEST(p_limit, 1), 500);
    v_equal bigint[];
    v_begun bigint[];
BEGIN
    IF v_text = '' THEN
        RETURN;
    END IF;
    SELECT array_agg(id ORDER BY id DESC) FILTER (WHERE is_equal), array_agg(id ORDER BY id DESC) FILTER (WHERE NOT is_equal)
    INTO v_equal, v_begun
    FROM (SELECT id, bool_or(equal) AS is_equal FROM (
        (SELECT c.id, lower(c.code) = v_text AS equal FROM customer c
         WHERE c.operator_id = v_operator AND lower(c.code) LIKE v_pattern ORDER BY lower(c.code) USING ~<~ LIMIT v_limit)
        UNION ALL
        (SELECT c.id, lower(c.username) = v_text FROM customer c
         WHERE c.operator_id = v_operator AND lower(c.username) LIKE v_pattern ORDER BY lower(c.username) USING ~<~ LIMIT v_limit)
        UNION ALL
        (SELECT c.id, c.mobile = v_text FROM customer c
         WHERE c.operator_id = v_operator AND c.mobile LIKE v_pattern ORDER BY c.mobile USING ~<~ LIMIT v_limit)) AS begun
        GROUP BY id) AS found;
    IF v_text ~ '[0-9]' AND (v_equal IS NOT NULL OR cardinality(v_begun) >= v_limit) THEN
        RETURN QUERY SELECT unnest(v_equal || v_begun) LIMIT v_limit;
    ELSE
        RETURN QUERY SELECT found.id FROM (
            SELECT unnest(v_equal) AS id, 0 AS rank UNION ALL SELECT unnest(v_begun), 1
            UNION ALL
            SELECT i.id, i.rank FROM search_inside(v_operator, v_text, v_pattern, v_limit) AS i WHERE v_text ~ '[[:alnum:]]{3}'
            UNION ALL
            (SELECT c.id, CASE WHEN lower(c.name) = v_text THEN 0 WHEN lower(c.name) LIKE v_pattern THEN 1 ELSE 2 END FROM customer c
             WHERE v_text !~ '[[:alnum:]]{3}' AND c.operator_id = v_operator AND c.search LIKE '%' || v_pattern LIMIT v_limit)) AS found
        GROUP BY found.id ORDER BY min(found.rank), found.id DESC LIMIT v_limit;
    END IF;
END $$;
