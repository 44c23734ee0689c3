-- slice_digest: what the slice just taken in this transaction decided, as one SHA-256: every step with its days and amounts,
-- the charges of every edge, what was held for whom and what could not be billed. The same business billed again, or rehearsed,
-- gives the same digest: nothing in it comes from a sequence or a clock.
CREATE OR REPLACE FUNCTION slice_digest(p_isp bigint, p_top bigint, p_run bigint) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_operators bigint[];
    v_lines text;
BEGIN
    SELECT array_agg(id) INTO v_operators FROM operator
    WHERE isp_id = p_isp AND CASE WHEN p_top = p_isp THEN id = p_isp ELSE p_top = ANY (path) END;
    SELECT string_agg(line, E'\n' ORDER BY line COLLATE "C") INTO v_lines FROM (
        SELECT 'step ' || (to_jsonb(b) - ARRAY['class_id', 'invoice_id', 'entry_id', 'number'])::text FROM stage_bill b
        UNION ALL
        SELECT concat_ws(' ', 'edge', k.child_id, k.net_minor, k.vat_minor, sum(b.steps))
        FROM stage_cost k JOIN (SELECT class_id, count(*) AS steps FROM stage_bill GROUP BY class_id) AS b USING (class_id)
        GROUP BY k.child_id, k.net_minor, k.vat_minor
        UNION ALL
        SELECT concat_ws(' ', 'held', operator_id, subscription_id, starts_on, short_child_id, short_minor)
        FROM held_bill WHERE operator_id = ANY (v_operators) AND p_run = ANY (tried_by)
        UNION ALL
        SELECT concat_ws(' ', 'failed', operator_id, subscription_id, starts_on, reason)
        FROM run_exception WHERE operator_id = ANY (v_operators) AND run_id = p_run) AS lines (line);
    RETURN encode(sha256(convert_to(COALESCE(v_lines, ''), 'UTF8')), 'hex');
END $$;
