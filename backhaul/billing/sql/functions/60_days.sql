-- Credits for days on which a service was off, or the network was down: to the customer by a credit note where its billing profile
-- says so, on each edge where that edge's policy does; each day of a bill or a charge once (SPEC 2.5 "credit_days_for", C7).

-- open_credit_stage: temporary tables of the session, emptied at commit.
CREATE OR REPLACE FUNCTION open_credit_stage() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('pg_temp.stage_off') IS NOT NULL THEN
        TRUNCATE pg_temp.stage_off, pg_temp.stage_back, pg_temp.stage_note;
        RETURN;
    END IF;
    CREATE TEMP TABLE stage_off (           -- days that may be credited, each once
        operator_id bigint, subscription_id bigint, day date, reason text,
        from_depth integer,                 -- of an outage: edges below this depth are credited, those of who recorded it and above are not
        own boolean                         -- an outage that the service's own operator recorded: its retail is credited
    ) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE stage_back (          -- what comes back on an edge: days [from_on, to_on) of one charge
        child_id bigint, owner_id bigint, subscription_id bigint, invoice_id bigint, starts_on date, part smallint, parent_id bigint,
        from_on date, to_on date, reason text, net_minor bigint, vat_minor bigint, input_vat_minor bigint
    ) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE stage_note (          -- what comes back to a customer: days [from_on, to_on) of one bill
        operator_id bigint, id bigint, invoice_id bigint, customer_id bigint, subscription_id bigint, due_on date, number bigint,
        from_on date, to_on date, reason text, net_minor bigint, vat_minor bigint, to_invoice_minor bigint
    ) ON COMMIT DELETE ROWS;
END $$;

-- services_hit(operator, router, zone, from, to): who had no service because of an outage. Of a zone: its and its sub-zones' customers
-- of that operator. Of a router: whoever was last seen on it, within the week before the outage, of any operator below its owner.
CREATE OR REPLACE FUNCTION services_hit(p_operator bigint, p_nas bigint, p_zone bigint, p_from_at timestamptz, p_to_at timestamptz)
RETURNS TABLE (operator_id bigint, subscription_id bigint)
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE inside AS (
        SELECT z.id FROM zone z WHERE z.operator_id = p_operator AND z.id = p_zone
        UNION
        SELECT z.id FROM zone z JOIN inside i ON z.parent_id = i.id WHERE z.operator_id = p_operator
    ), seen AS (
        SELECT s.operator_id, s.login_id, s.started_at, s.nas_operator_id = p_operator AND s.nas_id = p_nas AS here
        FROM radius_session_live s JOIN operator o ON o.id = s.operator_id
        WHERE p_operator = ANY (o.path) AND s.login_id IS NOT NULL AND s.started_at < p_to_at
        UNION ALL
        SELECT s.operator_id, s.login_id, s.started_at, s.nas_operator_id = p_operator AND s.nas_id = p_nas
        FROM radius_session_history s JOIN operator o ON o.id = s.operator_id
        WHERE p_operator = ANY (o.path) AND s.login_id IS NOT NULL AND s.started_at < p_to_at
          AND s.stopped_at >= p_from_at - interval '7 days'
    ), last_seen AS (
        SELECT DISTINCT ON (operator_id, login_id) operator_id, login_id, here FROM seen
        WHERE p_nas IS NOT NULL ORDER BY operator_id, login_id, started_at DESC
    )
    SELECT c.operator_id, s.id FROM customer c
    JOIN subscription s ON s.operator_id = c.operator_id AND s.customer_id = c.id
    WHERE c.operator_id = p_operator AND c.zone_id IN (SELECT id FROM inside)
    UNION
    SELECT l.operator_id, l.subscription_id FROM last_seen h
    JOIN radius_login l ON l.operator_id = h.operator_id AND l.id = h.login_id
    WHERE h.here AND l.subscription_id IS NOT NULL
$$;

-- stage_off_days: the days that these services were off within the periods that they were billed or charged for, of those that ended
-- after p_since. p_reasons: what any policy names.
CREATE OR REPLACE FUNCTION stage_off_days(p_operators bigint[], p_since date, p_on date, p_reasons text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stage_off (operator_id, subscription_id, day, reason, own)
    SELECT k.operator_id, k.subscription_id, o.day, o.reason, false
    FROM (
        SELECT b.operator_id, b.subscription_id FROM block b
        WHERE b.operator_id = ANY (p_operators) AND b.reason NOT IN ('not_activated', 'left') AND (b.to_on > p_since OR b.to_on IS NULL
              -- a long term is credited at its end, days of its first month too
              OR b.to_on > p_since - 400 AND EXISTS (
                  SELECT 1 FROM invoice i WHERE i.operator_id = b.operator_id AND i.subscription_id = b.subscription_id
                  AND i.kind = 'period' AND i.starts_on < b.to_on AND i.ends_on > p_since AND i.ends_on <= p_on))
        UNION
        SELECT s.operator_id, s.id FROM subscription s
        WHERE s.operator_id IN (SELECT ob.operator_id FROM operator_block ob WHERE ob.operator_id = ANY (p_operators)
                                    AND (ob.to_on > p_since OR ob.to_on IS NULL))
    ) AS k
    CROSS JOIN LATERAL (SELECT min(i.starts_on) AS from_on, max(i.ends_on) AS to_on FROM invoice i
                        WHERE i.operator_id = k.operator_id AND i.subscription_id = k.subscription_id AND i.kind = 'period'
                          AND i.ends_on > p_since) AS billed
    LEFT JOIN billing_state bs ON bs.operator_id = k.operator_id AND bs.subscription_id = k.subscription_id
    CROSS JOIN LATERAL off_days(k.operator_id, k.subscription_id,
                                LEAST(billed.from_on, CASE WHEN bs.running_invoice_id IS NOT NULL THEN bs.billed_until END),
                                LEAST(p_on, GREATEST(billed.to_on, bs.charged_until, bs.day_charged_until))) AS o
    WHERE o.reason = ANY (p_reasons);
END $$;

-- stage_outage_days: the days of outages on which the services that they hit were not off for another reason, each once however many
-- outages fall on it; the outage recorded highest up counts for the edges. p_outage: only that one.
CREATE OR REPLACE FUNCTION stage_outage_days(p_operators bigint[], p_since date, p_outage bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stage_off (operator_id, subscription_id, day, reason, from_depth, own)
    SELECT d.operator_id, d.subscription_id, d.day, 'outage', min(d.depth), bool_or(d.own)
    FROM (
        SELECT h.operator_id, h.subscription_id, g.day::date AS day, r.depth, o.operator_id = h.operator_id AS own
        FROM outage o
        JOIN operator r ON r.id = o.operator_id
        CROSS JOIN LATERAL services_hit(o.operator_id, o.nas_id, o.zone_id, o.from_at, o.to_at) AS h
        CROSS JOIN LATERAL generate_series(o.from_on, o.to_on - 1, interval '1 day') AS g (day)
        WHERE (o.operator_id = ANY (p_operators)
               OR o.operator_id IN (SELECT unnest(a.path) FROM operator a WHERE a.id = ANY (p_operators)))
          AND h.operator_id = ANY (p_operators) AND o.to_on > p_since AND (p_outage IS NULL OR o.id = p_outage)
    ) AS d
    WHERE NOT EXISTS (SELECT 1 FROM off_days(d.operator_id, d.subscription_id, d.day, d.day + 1))
    GROUP BY d.operator_id, d.subscription_id, d.day;
END $$;

-- stage_backs: from staged days to what comes back on each edge whose policy names the reason: at the rates charged, days not given
-- back before, VAT cumulatively. p_ended_on: only charges that ended by then; NULL: all. Edges with closed books wait for a later day.
CREATE OR REPLACE FUNCTION stage_backs(p_on date, p_ended_on date) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    WITH bills AS (
        SELECT k.operator_id, k.subscription_id, i.id AS invoice_id
        FROM (SELECT operator_id, subscription_id, min(day) AS first FROM stage_off GROUP BY 1, 2) AS k
        JOIN invoice i ON i.operator_id = k.operator_id AND i.subscription_id = k.subscription_id AND i.kind = 'period'
             AND i.ends_on > k.first
        UNION
        SELECT bs.operator_id, bs.subscription_id, bs.running_invoice_id FROM billing_state bs
        WHERE bs.running_invoice_id IS NOT NULL AND (bs.operator_id, bs.subscription_id) IN (SELECT operator_id, subscription_id FROM stage_off)
    ), days AS (
        SELECT DISTINCT ON (c.child_id, c.owner_id, c.subscription_id, d.day) c.*, d.day, d.reason
        FROM stage_off d
        JOIN operator o ON o.id = d.operator_id
        JOIN fund f ON f.child_id = ANY (o.path) AND d.reason = ANY (f.credit_days_for)
             AND (d.reason <> 'outage' OR f.depth > d.from_depth)
        JOIN bills b ON b.operator_id = d.operator_id AND b.subscription_id = d.subscription_id
        JOIN charge c ON c.child_id = f.child_id AND c.owner_id = d.operator_id AND c.invoice_id = b.invoice_id
             AND d.day >= c.starts_on AND d.day < c.ends_on AND c.net_minor > 0
        WHERE NOT EXISTS (SELECT 1 FROM books k WHERE k.operator_id IN (f.child_id, f.parent_id) AND takes_nothing(k, p_on))
        ORDER BY c.child_id, c.owner_id, c.subscription_id, d.day, c.charged_on DESC, c.invoice_id DESC, c.part DESC
    ), runs AS (
        SELECT d.*, d.day - (row_number() OVER (PARTITION BY d.child_id, d.owner_id, d.invoice_id, d.starts_on, d.part, d.reason
                                                ORDER BY d.day))::integer AS run
        FROM days d
        WHERE (p_ended_on IS NULL OR d.ends_on <= p_ended_on)
          AND NOT EXISTS (SELECT 1 FROM charge_refund r
                          WHERE (r.child_id, r.owner_id, r.invoice_id, r.starts_on, r.part)
                                = (d.child_id, d.owner_id, d.invoice_id, d.starts_on, d.part) AND d.day >= r.from_on AND d.day < r.to_on)
    ), ranges AS (
        SELECT child_id, owner_id, subscription_id, invoice_id, starts_on, part, parent_id, reason, price_minor, cycle_days, from_day,
               charged_on, net_minor AS charged_net, vat_minor AS charged_vat, min(day) AS from_on, max(day) + 1 AS to_on
        FROM runs GROUP BY child_id, owner_id, subscription_id, invoice_id, starts_on, part, parent_id, reason, price_minor, cycle_days,
                           from_day, charged_on, net_minor, vat_minor, run
    ), sums AS (
        SELECT g.*, p.net, COALESCE(r.net_minor, 0) AS before_net,
               sum(p.net) OVER (PARTITION BY g.child_id, g.owner_id, g.invoice_id, g.starts_on, g.part ORDER BY g.from_on) AS so_far
        FROM ranges g
        CROSS JOIN LATERAL (SELECT prorate(g.price_minor, g.from_day + (g.from_on - g.starts_on), g.from_day + (g.to_on - g.starts_on),
                                           g.cycle_days) AS net) AS p
        LEFT JOIN LATERAL (SELECT sum(c.net_minor)::bigint AS net_minor FROM charge_refund c
                           WHERE (c.child_id, c.owner_id, c.invoice_id, c.starts_on, c.part)
                                 = (g.child_id, g.owner_id, g.invoice_id, g.starts_on, g.part)) AS r ON true
    )
    INSERT INTO stage_back (child_id, owner_id, subscription_id, invoice_id, starts_on, part, parent_id, from_on, to_on, reason, net_minor,
                            vat_minor, input_vat_minor)
    SELECT s.child_id, s.owner_id, s.subscription_id, s.invoice_id, s.starts_on, s.part, s.parent_id, s.from_on, s.to_on, s.reason, s.net, vat.minor,
           CASE WHEN reclaims_input_on(s.child_id, s.charged_on) THEN vat.minor ELSE 0 END
    FROM sums s
    CROSS JOIN LATERAL (
        SELECT vat_given_back(s.charged_net, s.charged_vat, (s.before_net + s.so_far)::bigint)
               - vat_given_back(s.charged_net, s.charged_vat, (s.before_net + s.so_far - s.net)::bigint) AS minor) AS vat
    WHERE s.before_net + s.so_far <= s.charged_net;
END $$;

-- stage_notes: from staged days to what comes back to customers, as a share of what they were billed for those days (less the bill's
-- discount). p_ended_on: only bills whose period ended by then; NULL: all. A bill in arrears has only its enabled days: of those an
-- outage may be credited.
CREATE OR REPLACE FUNCTION stage_notes(p_on date, p_ended_on date) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    WITH days AS (
        SELECT DISTINCT ON (d.operator_id, d.subscription_id, d.day) i.*, d.day, d.reason
        FROM stage_off d
        JOIN subscription s ON s.operator_id = d.operator_id AND s.id = d.subscription_id
        JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
        JOIN invoice i ON i.operator_id = d.operator_id AND i.subscription_id = d.subscription_id AND i.kind = 'period'
             AND d.day >= i.starts_on AND d.day < i.ends_on
        WHERE (d.own OR (p_ended_on IS NOT NULL AND d.reason = ANY (bp.credit_days_for)))
          AND (i.billed_days IS NULL OR d.reason = 'outage')
          AND NOT EXISTS (SELECT 1 FROM books k WHERE k.operator_id = d.operator_id AND takes_nothing(k, p_on))
        ORDER BY d.operator_id, d.subscription_id, d.day, i.id DESC
    ), runs AS (
        SELECT d.*, d.day - (row_number() OVER (PARTITION BY d.operator_id, d.id, d.reason ORDER BY d.day))::integer AS run
        FROM days d
        WHERE d.net_minor > d.discount_minor AND (p_ended_on IS NULL OR d.ends_on <= p_ended_on)
          AND NOT EXISTS (SELECT 1 FROM credit_note n WHERE n.operator_id = d.operator_id AND n.invoice_id = d.id
                          AND d.day >= n.from_on AND d.day < n.to_on)
    ), ranges AS (
        SELECT operator_id, id, min(day) AS from_on, max(day) + 1 AS to_on, reason FROM runs GROUP BY operator_id, id, reason, run
    ), sums AS (
        SELECT g.operator_id, g.id, g.from_on, g.to_on, g.reason, i.customer_id, i.subscription_id, i.due_on, i.number,
               asked.net_minor AS base, asked.vat_minor, bill_share(i, i.starts_on, i.ends_on) AS whole,
               sum(bill_share(i, g.from_on, g.to_on)) OVER w AS so_far, bill_share(i, g.from_on, g.to_on) AS part,
               before.share AS before_share, before.net AS before_net
        FROM ranges g JOIN invoice i ON i.operator_id = g.operator_id AND i.id = g.id
        CROSS JOIN LATERAL (
            SELECT COALESCE(sum(n.net_minor), 0)::bigint AS net, COALESCE(sum(bill_share(i, n.from_on, n.to_on)), 0)::bigint AS share
            FROM credit_note n WHERE n.operator_id = i.operator_id AND n.invoice_id = i.id) AS before
        CROSS JOIN LATERAL asked_of(i) AS asked
        WINDOW w AS (PARTITION BY g.operator_id, g.id ORDER BY g.from_on)
    ), amounts AS (
        SELECT s.*, net.minor AS net, sum(net.minor) OVER (PARTITION BY s.operator_id, s.id ORDER BY s.from_on) AS net_so_far
        FROM sums s
        CROSS JOIN LATERAL (SELECT div(2 * s.base::numeric * (s.before_share + s.so_far) + s.whole, 2 * s.whole)::bigint
                                   - div(2 * s.base::numeric * (s.before_share + s.so_far - s.part) + s.whole, 2 * s.whole)::bigint AS minor) AS net
        WHERE s.whole > 0
    )
    INSERT INTO stage_note (operator_id, id, invoice_id, customer_id, subscription_id, due_on, number, from_on, to_on, reason, net_minor, vat_minor)
    SELECT a.operator_id, nextval('credit_note_id_seq'), a.id, a.customer_id, a.subscription_id, a.due_on, a.number, a.from_on, a.to_on, a.reason,
           a.net, vat_given_back(a.base, a.vat_minor, (a.before_net + a.net_so_far)::bigint)
                  - vat_given_back(a.base, a.vat_minor, (a.before_net + a.net_so_far - a.net)::bigint)
    FROM amounts a
    WHERE a.net > 0 AND a.before_net + a.net_so_far <= a.base;
END $$;

-- bill_share(bill, from, to): how much the days of [from, to) weigh in a bill: its price by the calendar, or in arrears each enabled
-- day at its own price.
CREATE OR REPLACE FUNCTION bill_share(p_invoice invoice, p_from date, p_to date) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF p_from IS NULL THEN
        RETURN 0;
    ELSIF p_invoice.billed_days IS NULL THEN
        RETURN prorate(p_invoice.price_minor, p_invoice.from_day + (p_from - p_invoice.starts_on),
                       p_invoice.from_day + (p_to - p_invoice.starts_on), p_invoice.cycle_days);
    END IF;
    RETURN (SELECT e.net_minor FROM enabled_net(p_invoice.operator_id, p_invoice.subscription_id, p_from, p_to,
                                                p_invoice.from_day + (p_from - p_invoice.starts_on), p_invoice.cycle_days) AS e);
END $$;

-- share_out_notes: how much of each staged note goes to what is still open on its bill; the rest becomes advance. Customers are locked.
CREATE OR REPLACE FUNCTION share_out_notes() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE stage_note n SET to_invoice_minor = k.to_invoice
    FROM (
        SELECT s.id, GREATEST(0, LEAST(s.net_minor + s.vat_minor, COALESCE(o.open_minor, 0) - COALESCE(sum(s.net_minor + s.vat_minor)
                   OVER (PARTITION BY s.operator_id, s.invoice_id ORDER BY s.from_on ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)))::bigint
               AS to_invoice
        FROM stage_note s
        LEFT JOIN invoice_open o ON o.operator_id = s.operator_id AND o.customer_id = s.customer_id AND o.due_on = s.due_on AND o.number = s.number
    ) AS k WHERE k.id = n.id;
END $$;

-- write_backs: one movement per edge with its entries, and a refund per charge and run of days. p_key tells this from other credits.
-- What comes back of a free service's cost on its operator's own edge comes back out of complimentary service (see is_free_service).
CREATE OR REPLACE FUNCTION write_backs(p_key text, p_on date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    e record;
    v_movement bigint;
BEGIN
    FOR e IN
        SELECT b.child_id, b.parent_id, f.mode, sum(b.net_minor)::bigint AS net, sum(b.vat_minor)::bigint AS vat,
               sum(b.input_vat_minor)::bigint AS input_vat,
               COALESCE(sum(b.net_minor + b.vat_minor - b.input_vat_minor)
                        FILTER (WHERE b.owner_id = b.child_id AND is_free_service(b.owner_id, b.subscription_id)), 0)::bigint AS free_cost
        FROM stage_back b JOIN fund f USING (child_id) GROUP BY b.child_id, b.parent_id, f.mode, f.depth ORDER BY f.depth DESC, b.child_id
    LOOP
        v_movement := NULL;
        IF e.net + e.vat > 0 THEN
            v_movement := move_fund(
                e.child_id, e.parent_id, CASE e.mode WHEN 'prepaid' THEN 'wholesale_refund' ELSE 'wholesale_refund_postpaid' END,
                CASE e.mode WHEN 'prepaid' THEN e.net + e.vat ELSE 0 END, CASE e.mode WHEN 'prepaid' THEN 0 ELSE -(e.net + e.vat) END,
                jsonb_build_object('net', e.net, 'vat', e.vat, 'input_vat', e.input_vat, 'free_cost', e.free_cost,
                                   'cost', e.net + e.vat - e.input_vat - e.free_cost),
                p_on, p_key);
        END IF;
        INSERT INTO charge_refund (child_id, owner_id, invoice_id, starts_on, part, from_on, to_on, parent_id, net_minor, vat_minor,
                                   movement_id, refunded_on, reason)
        SELECT child_id, owner_id, invoice_id, starts_on, part, from_on, to_on, parent_id, net_minor, vat_minor, v_movement, p_on, reason
        FROM stage_back WHERE child_id = e.child_id;
    END LOOP;
END $$;

-- write_notes: the staged credit notes with their entries, what is open on the bills, and advances.
CREATE OR REPLACE FUNCTION write_notes(p_on date, p_now timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO credit_note (operator_id, id, invoice_id, customer_id, net_minor, vat_minor, to_invoice_minor, to_advance_minor,
                             from_on, to_on, issued_on, reason)
    SELECT operator_id, id, invoice_id, customer_id, net_minor, vat_minor, to_invoice_minor, net_minor + vat_minor - to_invoice_minor,
           from_on, to_on, p_on, reason FROM stage_note;
    WITH entries AS (
        INSERT INTO entry (operator_id, kind, source_id, effective_on, recorded_at, actor_id)
        SELECT operator_id, 'credit_note', id, p_on, p_now, acting_user() FROM stage_note RETURNING operator_id, id, source_id)
    INSERT INTO posting (operator_id, entry_id, n, debit_code, credit_code, amount_minor, debit_party, credit_party, effective_on)
    SELECT e.operator_id, e.id, t.n, t.debit_code, t.credit_code, (a.amounts ->> t.amount)::bigint,
           CASE WHEN t.debit_party IS NOT NULL THEN n.customer_id END, CASE WHEN t.credit_party IS NOT NULL THEN n.customer_id END, p_on
    FROM entries e JOIN stage_note n ON n.operator_id = e.operator_id AND n.id = e.source_id
    CROSS JOIN LATERAL (SELECT LEAST(n.net_minor, n.to_invoice_minor) AS net_part) AS k
    CROSS JOIN LATERAL (SELECT jsonb_build_object(
        'net_to_invoice', k.net_part, 'net_to_advance', n.net_minor - k.net_part, 'vat_to_invoice', n.to_invoice_minor - k.net_part,
        'vat_to_advance', n.vat_minor - (n.to_invoice_minor - k.net_part)) AS amounts) AS a
    JOIN posting_template t ON t.kind = 'credit_note' AND t.side = 'own'
    WHERE COALESCE((a.amounts ->> t.amount)::bigint, 0) <> 0;
    DELETE FROM invoice_open o
    USING (SELECT operator_id, customer_id, due_on, number, sum(to_invoice_minor) AS back FROM stage_note GROUP BY 1, 2, 3, 4) AS n
    WHERE (o.operator_id, o.customer_id, o.due_on, o.number) = (n.operator_id, n.customer_id, n.due_on, n.number) AND o.open_minor = n.back;
    UPDATE invoice_open o SET open_minor = o.open_minor - n.back
    FROM (SELECT operator_id, customer_id, due_on, number, sum(to_invoice_minor) AS back FROM stage_note GROUP BY 1, 2, 3, 4) AS n
    WHERE (o.operator_id, o.customer_id, o.due_on, o.number) = (n.operator_id, n.customer_id, n.due_on, n.number) AND o.open_minor > n.back;
    INSERT INTO customer_advance AS a (operator_id, customer_id, advance_minor)
    SELECT operator_id, customer_id, sum(net_minor + vat_minor - to_invoice_minor)::bigint FROM stage_note
    GROUP BY 1, 2 HAVING sum(net_minor + vat_minor - to_invoice_minor) > 0
    ON CONFLICT (operator_id, customer_id) DO UPDATE SET advance_minor = a.advance_minor + EXCLUDED.advance_minor;
END $$;

-- Contract (batch): credits the days off of a shard's periods that ended by p_on, and of up to p_days days before (blocks that were
-- back-dated, nights that were missed): retail by credit notes, edges by one movement per edge. Each day of a bill or charge once,
-- whatever runs again. Returns how many services were credited.
CREATE OR REPLACE FUNCTION credit_off_days(p_isp bigint, p_top bigint, p_on date, p_now timestamptz, p_days integer DEFAULT 100)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_operators bigint[];
    v_reasons text[];
BEGIN
    SELECT array_agg(DISTINCT r) INTO v_reasons FROM (
        SELECT unnest(bp.credit_days_for) AS r FROM billing_profile bp JOIN operator o ON o.id = bp.operator_id WHERE o.isp_id = p_isp
        UNION
        SELECT unnest(f.credit_days_for) FROM fund f JOIN operator o ON o.id = f.child_id WHERE o.isp_id = p_isp) AS named;
    v_operators := lock_shard(p_isp, p_top);
    IF v_reasons IS NULL AND NOT EXISTS (SELECT 1 FROM outage x WHERE x.operator_id = ANY (v_operators)) THEN
        RETURN 0;
    END IF;
    PERFORM open_credit_stage();
    PERFORM stage_off_days(v_operators, p_on - p_days, p_on, v_reasons);
    PERFORM stage_outage_days(v_operators, p_on - p_days, NULL);
    RETURN write_credits(format('credit:%s:%s', p_on, nextval('fund_movement_id_seq')), p_on, p_on, p_now);
END $$;

-- write_credits: from staged days to money. Returns how many services get something.
CREATE OR REPLACE FUNCTION write_credits(p_key text, p_on date, p_ended_on date, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    ANALYZE pg_temp.stage_off;
    PERFORM lock_customers(array_agg(s.operator_id), array_agg(s.customer_id)) FROM subscription s
    WHERE (s.operator_id, s.id) IN (SELECT operator_id, subscription_id FROM stage_off);
    PERFORM keep_open(ARRAY(SELECT DISTINCT operator_id FROM stage_off), p_on);
    PERFORM stage_backs(p_on, p_ended_on);
    PERFORM stage_notes(p_on, p_ended_on);
    PERFORM share_out_notes();
    PERFORM write_backs(p_key, p_on);
    PERFORM write_notes(p_on, p_now);
    RETURN (SELECT count(*) FROM (SELECT owner_id, subscription_id FROM stage_back UNION SELECT operator_id, subscription_id FROM stage_note) AS hit);
END $$;

-- Contract (app): an outage of a router or a zone of the acting operator, days [p_from_on, p_to_on): credited at once to its own
-- customers, and on every edge below it on the way to the customers whose policy names "outage"; retail of operators below follows
-- their profiles at the period's end. Nobody credits itself money of its provider. The same outage again credits nothing new.
-- Returns {"outage_id", "services": hit, "own": hit of the acting operator's own, "credited", "days", "retail_minor",
-- "to_advance_minor", "edges": [{"child_id", "minor"}] of direct children}.
CREATE OR REPLACE FUNCTION record_outage(
    p_nas bigint, p_zone bigint, p_from_at timestamptz, p_to_at timestamptz, p_from_on date, p_to_on date, p_why text, p_on date,
    p_now timestamptz) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operator bigint := acting_operator();
    v_operators bigint[];
    v_outage bigint;
    v_credited bigint;
BEGIN
    PERFORM 1 WHERE EXISTS (SELECT 1 FROM nas WHERE operator_id = v_operator AND id = p_nas AND p_zone IS NULL)
                 OR EXISTS (SELECT 1 FROM zone WHERE operator_id = v_operator AND id = p_zone AND p_nas IS NULL);
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such router or zone of yours.');
    END IF;
    SELECT array_agg(DISTINCT h.operator_id) INTO v_operators FROM services_hit(v_operator, p_nas, p_zone, p_from_at, p_to_at) AS h;
    PERFORM open_credit_stage();
    PERFORM lock_chains(COALESCE(v_operators, ARRAY[v_operator]));
    SELECT id INTO v_outage FROM outage
    WHERE operator_id = v_operator AND (nas_id, zone_id, from_at, to_at, from_on, to_on)
          IS NOT DISTINCT FROM (p_nas, p_zone, p_from_at, p_to_at, p_from_on, p_to_on);
    IF NOT FOUND THEN
        INSERT INTO outage (operator_id, nas_id, zone_id, from_at, to_at, from_on, to_on, why, recorded_at, actor_id)
        VALUES (v_operator, p_nas, p_zone, p_from_at, p_to_at, p_from_on, p_to_on, p_why, p_now, acting_user()) RETURNING id INTO v_outage;
    END IF;
    PERFORM stage_outage_days(v_operators, p_from_on, v_outage);
    v_credited := write_credits(format('outage:%s:%s', v_outage, nextval('fund_movement_id_seq')), p_on, NULL, p_now);
    UPDATE outage SET credited = credited + v_credited WHERE operator_id = v_operator AND id = v_outage;
    RETURN jsonb_build_object('outage_id', v_outage, 'credited', v_credited) || outage_outcome(v_operator);
END $$;

-- outage_outcome: what the staged outage means for an operator: of edges further down and of others' customers it learns only counts.
CREATE OR REPLACE FUNCTION outage_outcome(p_operator bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_build_object(
        'services', (SELECT count(DISTINCT (operator_id, subscription_id)) FROM stage_off),
        'own', (SELECT count(DISTINCT subscription_id) FROM stage_off WHERE operator_id = p_operator),
        'days', (SELECT count(*) FROM stage_off),
        'retail_minor', (SELECT COALESCE(sum(net_minor + vat_minor), 0) FROM stage_note WHERE operator_id = p_operator),
        'to_advance_minor', (SELECT COALESCE(sum(net_minor + vat_minor - to_invoice_minor), 0) FROM stage_note WHERE operator_id = p_operator),
        'edges', (SELECT COALESCE(jsonb_agg(jsonb_build_object('child_id', e.child_id, 'minor', e.minor) ORDER BY e.child_id), '[]')
                  FROM (SELECT child_id, sum(net_minor + vat_minor)::bigint AS minor FROM stage_back WHERE parent_id = p_operator GROUP BY 1) AS e));
END $$;
