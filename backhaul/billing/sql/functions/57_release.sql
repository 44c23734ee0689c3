-- Release: on an edge that says so (release_after_days), the rest of an upfront period of a service that stays dead is credited back,
-- and charged again for the days from its return on (SPEC 2.3).

-- dead_services: the services below an edge that have been off for at least its release_after_days in a row, and are not gone.
CREATE OR REPLACE FUNCTION dead_services(p_child bigint, p_days integer, p_on date)
RETURNS TABLE (operator_id bigint, subscription_id bigint)
LANGUAGE sql STABLE AS $$
    SELECT s.operator_id, s.id
    FROM operator o
    JOIN block b ON b.operator_id = o.id AND b.to_at IS NULL AND b.reason <> 'not_activated'
    JOIN subscription s ON s.operator_id = b.operator_id AND s.id = b.subscription_id AND s.left_on IS NULL
    JOIN billing_state bs ON bs.operator_id = s.operator_id AND bs.subscription_id = s.id AND bs.charged_until > p_on
    WHERE p_child = ANY (o.path)
    GROUP BY s.operator_id, s.id
    HAVING (SELECT count(*) FROM off_days(s.operator_id, s.id, p_on - p_days, p_on)) = p_days
$$;

-- Contract (batch): credits the rest of the running upfront periods, from p_on on, on every edge of a shard with release_after_days to
-- services below it that were off for that many days: on that edge only, one movement per edge and service. Each day once, whatever
-- runs again. Edges with closed books wait. Returns how many (edge, service) were released.
CREATE OR REPLACE FUNCTION release_dead_services(p_isp bigint, p_top bigint, p_on date, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_edges bigint[];
    e record;
    v_released bigint := 0;
BEGIN
    SELECT array_agg(f.child_id) INTO v_edges FROM fund f JOIN operator o ON o.id = f.child_id
    WHERE o.isp_id = p_isp AND p_top = ANY (o.path) AND p_top <> p_isp AND f.release_after_days IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM books k WHERE k.operator_id IN (f.child_id, f.parent_id) AND takes_nothing(k, p_on))
      AND EXISTS (SELECT 1 FROM dead_services(f.child_id, f.release_after_days, p_on));
    IF v_edges IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM lock_chains(v_edges);
    FOR e IN
        SELECT f.child_id, f.parent_id, f.mode, d.operator_id, d.subscription_id
        FROM fund f CROSS JOIN LATERAL dead_services(f.child_id, f.release_after_days, p_on) AS d
        WHERE f.child_id = ANY (v_edges) ORDER BY f.depth DESC, f.child_id, d.operator_id, d.subscription_id
    LOOP
        v_released := v_released + release_service(e.child_id, e.operator_id, e.subscription_id, p_on)::integer;
    END LOOP;
    RETURN v_released;
END $$;

-- release_service: credits what is left of one service's charges on one edge, which is locked. Returns whether there was anything.
CREATE OR REPLACE FUNCTION release_service(p_child bigint, p_operator bigint, p_subscription bigint, p_on date) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    e record;
    v_movement bigint;
BEGIN
    SELECT u.parent_id, u.mode, sum(u.net_minor)::bigint AS net, sum(u.vat_minor)::bigint AS vat, sum(u.input_vat_minor)::bigint AS input_vat,
           min(format('refund:%s:%s:%s:%s', u.invoice_id, u.starts_on, u.part, u.from_on)) AS key
    INTO e FROM unused_charges(p_operator, p_subscription, p_on, NULL, false) AS u WHERE u.child_id = p_child GROUP BY u.parent_id, u.mode;
    IF NOT FOUND THEN
        RETURN false;
    ELSIF e.net + e.vat > 0 THEN
        v_movement := refund_edge(p_child, e.parent_id, e.mode, e.net, e.vat, e.input_vat,
                                  p_child = p_operator AND is_free_service(p_operator, p_subscription), p_on, e.key);
    END IF;
    INSERT INTO charge_refund (child_id, owner_id, invoice_id, starts_on, part, from_on, to_on, parent_id, net_minor, vat_minor,
                               movement_id, refunded_on, reason)
    SELECT p_child, p_operator, u.invoice_id, u.starts_on, u.part, u.from_on, u.to_on, u.parent_id, u.net_minor, u.vat_minor,
           CASE WHEN u.net_minor + u.vat_minor > 0 THEN v_movement END, p_on, 'released'
    FROM unused_charges(p_operator, p_subscription, p_on, NULL, false) AS u WHERE u.child_id = p_child;
    RETURN true;
END $$;

-- returned_charges: what was given back of a service's days from p_on on while its bill still runs, and not charged again: because the
-- edge released them, or because the customer had left and neither it nor its operator got anything. At the rate charged; VAT as today.
CREATE OR REPLACE FUNCTION returned_charges(p_operator bigint, p_subscription bigint, p_on date)
RETURNS TABLE (
    child_id bigint, parent_id bigint, depth smallint, mode text, available_minor bigint, invoice_id bigint, starts_on date, ends_on date,
    price_minor bigint, cycle_days smallint, from_day integer, net_minor bigint, vat_minor bigint)
LANGUAGE sql STABLE AS $$
    SELECT f.child_id, f.parent_id, f.depth, f.mode, fund_available(f), c.invoice_id, d.from_on, r.to_on, c.price_minor, c.cycle_days,
           c.from_day + (d.from_on - c.starts_on), net.minor, vat_of(net.minor, vat_rate_on(f.parent_id, p_on))
    FROM billing_state bs
    JOIN operator o ON o.id = bs.operator_id
    JOIN fund f ON f.child_id = ANY (o.path)
    CROSS JOIN running_invoices(p_operator, p_subscription, p_on) AS i
    JOIN charge_refund r ON r.child_id = f.child_id AND r.owner_id = p_operator AND r.invoice_id = i.invoice_id AND r.to_on > p_on
         AND r.reason IN ('released', 'left')
    JOIN charge c ON (c.child_id, c.owner_id, c.invoice_id, c.starts_on, c.part)
                     = (r.child_id, r.owner_id, r.invoice_id, r.starts_on, r.part)
    CROSS JOIN LATERAL (SELECT GREATEST(r.from_on, p_on) AS from_on) AS d
    CROSS JOIN LATERAL (SELECT prorate(c.price_minor, c.from_day + (d.from_on - c.starts_on), c.from_day + (r.to_on - c.starts_on),
                                       c.cycle_days) AS minor) AS net
    WHERE bs.operator_id = p_operator AND bs.subscription_id = p_subscription
      AND GREATEST(bs.billed_until, bs.charged_until) > d.from_on      -- else these days are billed anew
      AND NOT EXISTS (SELECT 1 FROM invoice v WHERE v.operator_id = p_operator AND v.id = i.invoice_id AND is_superseded(v))
      AND NOT EXISTS (SELECT 1 FROM charge n WHERE n.child_id = c.child_id AND n.owner_id = c.owner_id AND n.invoice_id = c.invoice_id
                      AND n.part > c.part AND n.starts_on < r.to_on AND n.ends_on > d.from_on)
$$;

-- charge_again: charges what returned_charges says, deepest edge first; nothing where an edge cannot bear it, which is then named with
-- what it would have been charged. The caller holds the funds' locks. own_minor: what the owner's own edge was charged.
CREATE OR REPLACE FUNCTION charge_again(
    p_operator bigint, p_subscription bigint, p_on date, OUT own_minor bigint, OUT short_child_id bigint, OUT short_minor bigint)
LANGUAGE plpgsql AS $$
DECLARE
    e record;
    v_part smallint;
    v_free boolean := is_free_service(p_operator, p_subscription);
BEGIN
    own_minor := 0;
    SELECT r.child_id, sum(r.net_minor + r.vat_minor)::bigint INTO short_child_id, short_minor
    FROM returned_charges(p_operator, p_subscription, p_on) AS r
    GROUP BY r.child_id, r.depth, r.available_minor HAVING sum(r.net_minor + r.vat_minor) > r.available_minor
    ORDER BY r.depth DESC LIMIT 1;
    IF FOUND THEN
        RETURN;
    END IF;
    FOR e IN SELECT * FROM returned_charges(p_operator, p_subscription, p_on) ORDER BY depth DESC, child_id, starts_on LOOP
        v_part := next_part(e.child_id, p_operator, e.invoice_id);
        INSERT INTO charge (child_id, owner_id, invoice_id, parent_id, subscription_id, starts_on, ends_on, price_minor, cycle_days,
                            from_day, part, net_minor, vat_minor, movement_id, charged_on)
        VALUES (e.child_id, p_operator, e.invoice_id, e.parent_id, p_subscription, e.starts_on, e.ends_on, e.price_minor, e.cycle_days,
                e.from_day, v_part, e.net_minor, e.vat_minor,
                charge_edge(e.child_id, e.parent_id, e.mode, e.net_minor, e.vat_minor, v_free AND e.child_id = p_operator, p_on,
                            format('again:%s:%s:%s', e.invoice_id, e.starts_on, v_part)), p_on);
        own_minor := own_minor + CASE WHEN e.child_id = p_operator THEN e.net_minor + e.vat_minor ELSE 0 END;
    END LOOP;
END $$;

-- Contract (app): a service of the acting operator is back on p_on inside a period whose days were given back on some edge: those from
-- p_on on are charged again there. Where such an edge cannot bear it: p_hold = the service waits for funds, off, and is tried again at
-- each recharge and each night; else refused (fund_too_low | upstream_short).
-- Returns {"charged_minor": on the acting operator's own edge, "held": 0|1, "short": fund_short | upstream_short where held}.
CREATE OR REPLACE FUNCTION charge_released(p_subscription bigint, p_on date, p_now timestamptz, p_hold boolean) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operator bigint := acting_operator();
    v_done record;
BEGIN
    PERFORM lock_chains(ARRAY[v_operator]);
    SELECT * INTO v_done FROM charge_again(v_operator, p_subscription, p_on);
    IF v_done.short_child_id IS NULL THEN
        RETURN jsonb_build_object('charged_minor', v_done.own_minor, 'held', 0, 'short', NULL);
    ELSIF NOT p_hold AND v_done.short_child_id = v_operator THEN
        PERFORM refuse('fund_too_low', 'Your fund with your provider does not cover this; recharge it and try again.');
    ELSIF NOT p_hold THEN
        PERFORM refuse('upstream_short', 'Your provider cannot serve this at the moment; it has been told. Try again later.');
    END IF;
    INSERT INTO held_bill (operator_id, subscription_id, starts_on, short_child_id, short_minor, since_on)
    VALUES (v_operator, p_subscription, p_on, v_done.short_child_id, v_done.short_minor, p_on)
    ON CONFLICT (operator_id, subscription_id) DO UPDATE SET short_child_id = EXCLUDED.short_child_id, short_minor = EXCLUDED.short_minor;
    PERFORM cut_held_service(v_operator, p_subscription, p_on, p_now);
    RETURN jsonb_build_object('charged_minor', 0, 'held', 1,
                              'short', CASE WHEN v_done.short_child_id = v_operator THEN 'fund_short' ELSE 'upstream_short' END);
END $$;

-- Contract (batch): tries the services of a shard again that wait for funds inside a running period, since their days were given back on
-- some edge. Those that are charged come back, if nothing else holds them off. Returns how many.
CREATE OR REPLACE FUNCTION retry_released(p_isp bigint, p_top bigint, p_on date, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_open bigint[];
    v_operators bigint[];
    v_subscriptions bigint[];
    v_back bigint := 0;
BEGIN
    SELECT array_agg(o.id) INTO v_open FROM operator o
    WHERE o.isp_id = p_isp AND p_top = ANY (o.path) AND p_top <> p_isp
      AND NOT EXISTS (SELECT 1 FROM books k WHERE k.operator_id = ANY (o.path) AND takes_nothing(k, p_on));
    SELECT array_agg(h.operator_id ORDER BY h.operator_id, h.subscription_id), array_agg(h.subscription_id ORDER BY h.operator_id, h.subscription_id)
    INTO v_operators, v_subscriptions
    FROM held_bill h
    JOIN billing_state b ON b.operator_id = h.operator_id AND b.subscription_id = h.subscription_id
    WHERE h.operator_id = ANY (v_open) AND b.operator_id = ANY (v_open) AND NOT h.of_day AND b.charged_until > p_on
      AND NOT EXISTS (SELECT 1 FROM block k WHERE k.operator_id = h.operator_id AND k.subscription_id = h.subscription_id
                      AND k.to_at IS NULL AND k.reason NOT IN ('fund_short', 'upstream_short'));
    IF v_operators IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM lock_shard(p_isp, p_top);
    FOR i IN 1 .. cardinality(v_operators) LOOP
        IF (SELECT short_child_id IS NULL FROM charge_again(v_operators[i], v_subscriptions[i], p_on)) THEN
            DELETE FROM held_bill WHERE operator_id = v_operators[i] AND subscription_id = v_subscriptions[i];
            UPDATE block SET to_on = p_on, to_at = p_now
            WHERE operator_id = v_operators[i] AND subscription_id = v_subscriptions[i] AND to_at IS NULL
              AND reason IN ('fund_short', 'upstream_short');
            PERFORM refresh_access(ARRAY[v_operators[i]], ARRAY[v_subscriptions[i]], 'renewed', p_now);
            v_back := v_back + 1;
        END IF;
    END LOOP;
    RETURN v_back;
END $$;

-- next_part: one more than the highest part charged for a bill on an edge.
CREATE OR REPLACE FUNCTION next_part(p_child bigint, p_owner bigint, p_invoice bigint) RETURNS smallint
LANGUAGE sql STABLE AS $$
    SELECT COALESCE(max(part) + 1, 0)::smallint FROM charge WHERE child_id = p_child AND owner_id = p_owner AND invoice_id = p_invoice
$$;

-- part_from: 0, or the next part where a charge of the same bill that starts on that day was given back: its days are charged again.
CREATE OR REPLACE FUNCTION part_from(p_child bigint, p_owner bigint, p_invoice bigint, p_starts_on date) RETURNS smallint
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN EXISTS (SELECT 1 FROM charge_refund r WHERE r.child_id = p_child AND r.owner_id = p_owner AND r.invoice_id = p_invoice
                             AND r.starts_on = p_starts_on AND r.from_on = p_starts_on)
                THEN next_part(p_child, p_owner, p_invoice) ELSE 0::smallint END
$$;

-- charge_edge: one movement that charges wholesale on a locked edge; NULL where there is nothing to move.
CREATE OR REPLACE FUNCTION charge_edge(
    p_child bigint, p_parent bigint, p_mode text, p_net bigint, p_vat bigint, p_free boolean, p_on date, p_key text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE v_input_vat bigint := CASE WHEN reclaims_input_on(p_child, p_on) THEN p_vat ELSE 0 END;
BEGIN
    IF p_net + p_vat = 0 THEN
        RETURN NULL;
    END IF;
    RETURN move_fund(
        p_child, p_parent, CASE p_mode WHEN 'prepaid' THEN 'wholesale_charge' ELSE 'wholesale_charge_postpaid' END,
        CASE p_mode WHEN 'prepaid' THEN -(p_net + p_vat) ELSE 0 END, CASE p_mode WHEN 'prepaid' THEN 0 ELSE p_net + p_vat END,
        jsonb_build_object('net', p_net, 'vat', p_vat, 'input_vat', v_input_vat,
                           CASE WHEN p_free THEN 'free_cost' ELSE 'cost' END, p_net + p_vat - v_input_vat),
        p_on, p_key);
END $$;
