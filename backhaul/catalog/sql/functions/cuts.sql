-- is_cut_day(ISP, day): whether anybody is cut on a day: on no weekday and no holiday that the ISP spares (SPEC 2.5).
CREATE OR REPLACE FUNCTION is_cut_day(p_isp bigint, p_day date) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT NOT EXISTS (SELECT 1 FROM cut_window WHERE operator_id = p_isp AND extract(isodow FROM p_day)::smallint = ANY (spared_weekdays))
       AND NOT EXISTS (SELECT 1 FROM holiday WHERE operator_id = p_isp AND on_date = p_day)
$$;
