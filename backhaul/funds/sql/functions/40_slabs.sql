-- Volume slabs of an edge (SPEC C8), by the month from which they hold.

-- slabs_in(edge, month): the slabs that hold for a calendar month: the last version that began by then.
CREATE OR REPLACE FUNCTION slabs_in(p_child bigint, p_month date) RETURNS TABLE (from_services integer, bonus_bp integer)
LANGUAGE sql STABLE AS $$
    SELECT from_services, bonus_bp FROM volume_slab
    WHERE child_id = p_child AND starts_on = (SELECT max(starts_on) FROM volume_slab WHERE child_id = p_child AND starts_on <= p_month)
$$;

-- Contract (app): sets the slabs of a direct child's edge from a month on: [{"from_services", "bonus_bp"}], none ends them. What was
-- promised for a month that has begun stays; a version for a month to come is replaced.
CREATE OR REPLACE FUNCTION set_volume_slabs(p_child bigint, p_starts_on date, p_today date, p_slabs jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE v_fund fund := lock_edge(p_child);
BEGIN
    IF p_starts_on < date_trunc('month', p_today) THEN
        PERFORM refuse('invalid_input', 'Slabs begin with a month: this one or a later one.');
    ELSIF p_starts_on <= p_today AND EXISTS (SELECT 1 FROM slabs_in(p_child, p_starts_on) AS s WHERE s.bonus_bp > 0) THEN
        PERFORM refuse('slabs_promised', 'This month''s slabs stand as promised; set new ones from next month.');
    END IF;
    DELETE FROM volume_slab WHERE child_id = p_child AND starts_on = p_starts_on;
    INSERT INTO volume_slab (child_id, parent_id, starts_on, from_services, bonus_bp)
    SELECT p_child, v_fund.parent_id, p_starts_on, s.from_services, s.bonus_bp
    FROM jsonb_to_recordset(CASE WHEN p_slabs = '[]' THEN '[{"from_services": 1, "bonus_bp": 0}]' ELSE p_slabs END)
        AS s (from_services integer, bonus_bp integer);
EXCEPTION WHEN check_violation OR unique_violation OR not_null_violation OR numeric_value_out_of_range THEN
    PERFORM refuse('invalid_input', 'Give each slab its own number of services and a part between 0 and 100 %, from the first of a month on.');
END $$;
