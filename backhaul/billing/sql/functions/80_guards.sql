-- The minimum-balance guard of an edge (SPEC 2.4): warn → block new → hold renewals → disable.
--
-- Each night's measurement that finds less than the minimum available goes one step on, so a child has a night's notice of each. The
-- last step comes notice_hours after renewals were held, inside the cut window. At the minimum nothing gets worse; at minimum + margin
-- all of it is lifted. What disables is one row in operator_block, of the child itself (operator_minimum_balance) and of operators
-- below it (provider_minimum_balance: by switch at once, else step_in_days later). Effect "spares": no new period begins, and a service
-- goes off (block operator_minimum) when its charged period is over; one that is off for another reason at the cut stays off until the
-- operator is back. Effect "walled": all its services are in the walled garden at once, and no customer's row is touched.

-- next_guard_step: where the guard of a fund goes when it is measured. p_cuts: in the cut window, where services may be cut.
CREATE OR REPLACE FUNCTION next_guard_step(f fund, p_on date, p_now timestamptz, p_cuts boolean) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN f.minimum_balance_minor IS NULL OR NOT has_started(f, p_on) THEN 'none'
        WHEN fund_headroom(f) >= f.minimum_balance_minor + CASE f.guard_step WHEN 'none' THEN 0 ELSE f.minimum_margin_minor END THEN 'none'
        WHEN fund_headroom(f) >= f.minimum_balance_minor THEN f.guard_step
        WHEN p_cuts THEN CASE WHEN f.guard_step = 'holds_renewals' AND f.guard_disables_at <= p_now THEN 'disabled' ELSE f.guard_step END
        WHEN f.guard_step = 'none' THEN 'warned'
        WHEN f.guard_step = 'warned' AND p_on > f.guard_since_on THEN 'blocks_new'
        WHEN f.guard_step = 'blocks_new' AND p_on > f.guard_since_on + 1 THEN 'holds_renewals'
        ELSE f.guard_step END
$$;

-- step_guards: moves the guards of all edges of an ISP on or back, and brings the blocks to what they want. An edge whose guard is set
-- meanwhile waits for the next time: its fund would be locked after funds above it.
CREATE OR REPLACE FUNCTION step_guards(p_isp bigint, p_on date, p_now timestamptz, p_cuts boolean) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    v_operators bigint[];
    v_guarded bigint[];
    v_worse bigint;
    v_lifted bigint;
BEGIN
    SELECT array_agg(id) INTO v_operators FROM operator WHERE isp_id = p_isp AND depth > 0;
    SELECT array_agg(child_id) INTO v_guarded FROM (
        SELECT child_id FROM fund WHERE child_id = ANY (v_operators) AND (minimum_balance_minor IS NOT NULL OR guard_step <> 'none')
        ORDER BY depth DESC, child_id FOR NO KEY UPDATE) AS locked;
    IF v_guarded IS NULL AND NOT EXISTS (SELECT 1 FROM operator_block WHERE operator_id = ANY (v_operators) AND to_at IS NULL) THEN
        RETURN '{"worse": 0, "lifted": 0, "cut": 0}';
    END IF;
    WITH moved AS (
        UPDATE fund f
        SET guard_step = g.next_step,
            guard_since_on = CASE WHEN g.next_step <> 'none' THEN COALESCE(f.guard_since_on, p_on) END,
            guard_disables_at = CASE WHEN g.next_step IN ('holds_renewals', 'disabled')
                                     THEN COALESCE(f.guard_disables_at, p_now + f.notice_hours * interval '1 hour') END
        FROM (SELECT child_id, next_guard_step(fund, p_on, p_now, p_cuts) AS next_step FROM fund WHERE child_id = ANY (v_guarded)) AS g
        WHERE f.child_id = g.child_id AND f.guard_step <> g.next_step
        RETURNING f.guard_step)
    SELECT count(*) FILTER (WHERE guard_step <> 'none'), count(*) FILTER (WHERE guard_step = 'none') INTO v_worse, v_lifted FROM moved;
    RETURN jsonb_build_object('worse', v_worse, 'lifted', v_lifted, 'cut', apply_guards(v_operators, p_on, p_now, p_cuts));
END $$;

-- Contract (batch): measures the minimum balance of every edge of an ISP, after a night's run. Idempotent: on one day it goes one step
-- at most, and disables nothing. Returns {"worse", "lifted": edges; "cut": 0}.
CREATE OR REPLACE FUNCTION measure_minimum_balance(p_isp bigint, p_on date, p_now timestamptz) RETURNS jsonb
LANGUAGE sql SECURITY DEFINER AS $$ SELECT step_guards(p_isp, p_on, p_now, false) $$;

-- Contract (batch): called in the ISP's cut window: disables where renewals were held for notice_hours, and cuts what that ends.
-- Idempotent. Returns {"worse", "lifted": edges; "cut": services}.
CREATE OR REPLACE FUNCTION cut_below_minimum(p_isp bigint, p_on date, p_now timestamptz) RETURNS jsonb
LANGUAGE sql SECURITY DEFINER AS $$ SELECT step_guards(p_isp, p_on, p_now, true) $$;

-- Contract (app): lifts the guard of a direct child at once when its fund is back at minimum + margin, or when its terms allow it:
-- called after what goes into a fund and after a change of terms. Never makes anything worse. Returns the step that holds now.
CREATE OR REPLACE FUNCTION ease_guard(p_child bigint, p_on date, p_now timestamptz) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM lock_edge(p_child);
    RETURN ease_locked(p_child, p_on, p_now);
END $$;

-- ease_locked: the same for a fund that is locked, whoever put money in.
CREATE OR REPLACE FUNCTION ease_locked(p_child bigint, p_on date, p_now timestamptz) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM fund WHERE child_id = p_child AND guard_step = 'none') THEN
        RETURN 'none';
    END IF;
    UPDATE fund f SET guard_step = 'none', guard_since_on = NULL, guard_disables_at = NULL
    WHERE f.child_id = p_child AND next_guard_step(f, p_on, p_now, true) = 'none';
    PERFORM apply_guards(ARRAY(SELECT id FROM operator WHERE p_child = ANY (path)), p_on, p_now, false);
    RETURN (SELECT guard_step FROM fund WHERE child_id = p_child);
END $$;

-- wanted_blocks: the blocks that these operators should have on a day for want of a minimum balance: their own or an ancestor's.
CREATE OR REPLACE FUNCTION wanted_blocks(p_operators bigint[], p_on date) RETURNS TABLE (operator_id bigint, reason text, effect text)
LANGUAGE sql STABLE AS $$
    SELECT child_id, 'operator_minimum_balance', CASE WHEN cut_paid_periods THEN 'walled' ELSE 'spares' END
    FROM fund WHERE child_id = ANY (p_operators) AND guard_step = 'disabled'
    UNION ALL
    SELECT o.id, 'provider_minimum_balance', CASE WHEN bool_or(f.cut_paid_periods) THEN 'walled' ELSE 'spares' END
    FROM operator o
    JOIN fund f ON f.child_id = ANY (o.path) AND f.child_id <> o.id AND f.guard_step = 'disabled'
    LEFT JOIN operator_block b ON b.operator_id = f.child_id AND b.reason = 'operator_minimum_balance' AND b.to_at IS NULL
    WHERE o.id = ANY (p_operators) AND (f.reaches_sub_operators OR b.from_on + f.step_in_days <= p_on)
    GROUP BY o.id
$$;

-- apply_guards: brings the blocks of these operators to what their guards want: lifts at any time, blocks and cuts in the cut window
-- only. The funds of the edges concerned are locked. Returns how many services were cut.
CREATE OR REPLACE FUNCTION apply_guards(p_operators bigint[], p_on date, p_now timestamptz, p_cuts boolean) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_cut bigint := 0;
    v_lifted bigint[];
    v_walled bigint[];
BEGIN
    WITH lifted AS (
        UPDATE operator_block b SET to_on = GREATEST(p_on, b.from_on), to_at = GREATEST(p_now, b.from_at)
        WHERE b.operator_id = ANY (p_operators) AND b.to_at IS NULL
          AND b.reason IN ('operator_minimum_balance', 'provider_minimum_balance')
          AND NOT EXISTS (SELECT 1 FROM wanted_blocks(p_operators, p_on) w
                          WHERE w.operator_id = b.operator_id AND w.reason = b.reason AND (w.effect = b.effect OR NOT p_cuts))
        RETURNING b.operator_id, b.effect)
    SELECT array_agg(operator_id), array_agg(operator_id) FILTER (WHERE effect = 'walled') INTO v_lifted, v_walled FROM lifted;
    IF p_cuts THEN
        v_walled := v_walled || block_operators(p_operators, 'operator_minimum_balance', p_on, p_now)
                             || block_operators(p_operators, 'provider_minimum_balance', p_on, p_now);
        v_cut := cut_spared_services(p_operators, p_on, p_now);
    END IF;
    PERFORM lift_spared_services(v_lifted, p_on, p_now);
    PERFORM outdate_sessions(v_walled, 'the operator''s minimum balance', p_now);
    RETURN v_cut;
END $$;

-- block_operators: writes the wanted blocks of one reason that are not there yet; returns the operators walled in by it.
CREATE OR REPLACE FUNCTION block_operators(p_operators bigint[], p_reason text, p_on date, p_now timestamptz) RETURNS bigint[]
LANGUAGE sql AS $$
    WITH blocked AS (
        INSERT INTO operator_block (operator_id, reason, effect, from_on, from_at)
        SELECT operator_id, reason, effect, p_on, p_now FROM wanted_blocks(p_operators, p_on) WHERE reason = p_reason
        ON CONFLICT DO NOTHING RETURNING operator_id, effect)
    SELECT array_agg(operator_id) FROM blocked WHERE effect = 'walled'
$$;

-- cut_spared_services: cuts, of operators that are stopped but whose charged periods are spared, the services whose period is over and
-- those that are off anyway. Returns how many.
CREATE OR REPLACE FUNCTION cut_spared_services(p_operators bigint[], p_on date, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_stopped bigint[];
    v_operators bigint[];
    v_subscriptions bigint[];
BEGIN
    SELECT array_agg(DISTINCT operator_id) INTO v_stopped FROM operator_block
    WHERE operator_id = ANY (p_operators) AND to_at IS NULL AND effect = 'spares'
      AND reason IN ('operator_minimum_balance', 'provider_minimum_balance');
    IF v_stopped IS NULL THEN
        RETURN 0;
    END IF;
    SELECT array_agg(s.operator_id), array_agg(s.id) INTO v_operators, v_subscriptions
    FROM subscription s
    JOIN operator o ON o.id = s.operator_id
    JOIN billing_state bs ON bs.operator_id = s.operator_id AND bs.subscription_id = s.id
    WHERE s.operator_id = ANY (v_stopped) AND s.left_on IS NULL AND s.activated_on IS NOT NULL
      AND (bs.charged_until <= p_on
           OR (bs.day_charged_until <= p_on AND EXISTS (SELECT 1 FROM fund f WHERE f.child_id = ANY (o.path) AND f.charge_timing = 'daily'))
           OR EXISTS (SELECT 1 FROM block b WHERE b.operator_id = s.operator_id AND b.subscription_id = s.id AND b.to_at IS NULL))
      AND NOT EXISTS (SELECT 1 FROM block b WHERE b.operator_id = s.operator_id AND b.subscription_id = s.id AND b.to_at IS NULL
                      AND b.reason IN ('operator_minimum', 'left'));
    IF v_operators IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM lock_services(v_operators, v_subscriptions);
    INSERT INTO block (operator_id, subscription_id, reason, from_on, from_at, by_actor_id)
    SELECT s.operator_id, s.id, 'operator_minimum', p_on, p_now, acting_user()
    FROM unnest(v_operators, v_subscriptions) AS k (operator_id, id) JOIN subscription s USING (operator_id, id)
    WHERE s.left_on IS NULL
    ON CONFLICT DO NOTHING;
    PERFORM refresh_access(v_operators, v_subscriptions, 'the operator''s minimum balance', p_now);
    RETURN cardinality(v_operators);
END $$;

-- lift_spared_services: services of operators that nothing stops any more lose that block, and that block only.
CREATE OR REPLACE FUNCTION lift_spared_services(p_operators bigint[], p_on date, p_now timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_operators bigint[];
    v_subscriptions bigint[];
BEGIN
    SELECT array_agg(b.operator_id), array_agg(b.subscription_id) INTO v_operators, v_subscriptions FROM block b
    WHERE b.operator_id = ANY (p_operators) AND b.reason = 'operator_minimum' AND b.to_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM operator_block k WHERE k.operator_id = b.operator_id AND k.to_at IS NULL
                      AND k.reason IN ('operator_minimum_balance', 'provider_minimum_balance'));
    IF v_operators IS NULL THEN
        RETURN;
    END IF;
    PERFORM lock_services(v_operators, v_subscriptions);
    UPDATE block b SET to_on = GREATEST(p_on, b.from_on), to_at = GREATEST(p_now, b.from_at)
    FROM unnest(v_operators, v_subscriptions) AS k (operator_id, id)
    WHERE b.operator_id = k.operator_id AND b.subscription_id = k.id AND b.reason = 'operator_minimum' AND b.to_at IS NULL;
    PERFORM refresh_access(v_operators, v_subscriptions, 'the operator''s minimum balance', p_now);
END $$;
