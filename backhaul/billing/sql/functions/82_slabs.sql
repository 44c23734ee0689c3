-- Volume slabs (SPEC C8): what a month's volume on an edge earns.

-- volume_of(edge, month): how many services were charged there in a calendar month, and its net charges less what was given back.
CREATE OR REPLACE FUNCTION volume_of(p_child bigint, p_month date, OUT services bigint, OUT net_minor bigint)
LANGUAGE sql STABLE AS $$
    SELECT c.services, GREATEST(0, c.net_minor - COALESCE((
               SELECT sum(r.net_minor) FROM charge_refund r WHERE r.child_id = p_child
               AND r.refunded_on >= p_month AND r.refunded_on < p_month + interval '1 month'), 0))::bigint
    FROM (SELECT count(DISTINCT (owner_id, subscription_id)) FILTER (WHERE net_minor > 0) AS services,
                 COALESCE(sum(charge.net_minor), 0) AS net_minor
          FROM charge WHERE child_id = p_child AND charged_on >= p_month AND charged_on < p_month + interval '1 month') AS c
$$;

-- volume_bonus(net, part): the part of a month's net charges that is given back, half a minor unit up.
CREATE OR REPLACE FUNCTION volume_bonus(p_net_minor bigint, p_bonus_bp integer) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT vat_of(p_net_minor, p_bonus_bp) $$;

-- Contract (batch): posts, once per edge, the bonus that a finished month earned on every edge of an ISP that has slabs. Edges whose
-- books are closed on p_on come another night. Returns how many were posted.
CREATE OR REPLACE FUNCTION post_volume_bonuses(p_isp bigint, p_month date, p_on date, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_key text := 'slab:' || to_char(p_month, 'YYYY-MM');
    v_earned jsonb;
    r record;
    v_count bigint := 0;
BEGIN
    IF p_month <> date_trunc('month', p_month)::date OR p_on < p_month + interval '1 month' THEN
        PERFORM refuse('month_not_over', 'A month''s volume is known when the month is over.');
    END IF;
    -- a finished month stands still, so it is counted before anything is locked
    SELECT jsonb_agg(jsonb_build_object('child', e.child_id, 'services', e.services, 'net', e.net_minor, 'bp', e.bonus_bp)) INTO v_earned
    FROM (
        SELECT f.child_id, v.services, v.net_minor, (SELECT s.bonus_bp FROM slabs_in(f.child_id, p_month) AS s
                                                     WHERE s.from_services <= v.services ORDER BY s.from_services DESC LIMIT 1) AS bonus_bp
        FROM fund f JOIN operator o ON o.id = f.child_id CROSS JOIN LATERAL volume_of(f.child_id, p_month) AS v
        WHERE o.isp_id = p_isp AND EXISTS (SELECT 1 FROM slabs_in(f.child_id, p_month))
          AND NOT EXISTS (SELECT 1 FROM fund_movement m WHERE m.child_id = f.child_id AND m.request_key = v_key)
          AND NOT EXISTS (SELECT 1 FROM books b WHERE b.operator_id IN (f.child_id, f.parent_id) AND takes_nothing(b, p_on))
    ) AS e WHERE volume_bonus(e.net_minor, e.bonus_bp) > 0;
    PERFORM 1 FROM fund WHERE child_id IN (SELECT (g ->> 'child')::bigint FROM jsonb_array_elements(v_earned) AS g)
    ORDER BY depth DESC, child_id FOR NO KEY UPDATE;
    FOR r IN
        SELECT f.child_id, f.parent_id, g.services, g.bp, volume_bonus(g.net, g.bp) AS bonus_minor
        FROM jsonb_to_recordset(v_earned) AS g (child bigint, services bigint, net bigint, bp integer)
        JOIN fund f ON f.child_id = g.child
        WHERE NOT EXISTS (SELECT 1 FROM fund_movement m WHERE m.child_id = f.child_id AND m.request_key = v_key)
        ORDER BY f.depth DESC, f.child_id
    LOOP
        PERFORM move_fund(r.child_id, r.parent_id, 'bonus', r.bonus_minor, 0, jsonb_build_object('amount', r.bonus_minor), p_on, v_key,
                          NULL, format('%s services in %s: %s %%', r.services, to_char(p_month, 'YYYY-MM'),
                                       trim_scale(r.bp / 100.0)));
        PERFORM ease_locked(r.child_id, p_on, p_now);
        v_count := v_count + 1;
    END LOOP;
    RETURN v_count;
END $$;
