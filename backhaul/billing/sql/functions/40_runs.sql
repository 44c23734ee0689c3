-- Contract (batch): takes the next slice of a shard: at most p_limit steps that are due on p_on, in one transaction.
-- The caller holds the run's shard row. Call again while `more`: a service several periods behind comes once a slice.
-- p_digest: what a confirmed dry run saw; a slice that comes out otherwise is refused (digest_differs), and nothing of it stays.
-- Returns {"more", "created", "back_filled", "held", "failed", "billed_minor", "digest" in a dry run or where one was given}.
CREATE OR REPLACE FUNCTION bill_slice(
    p_isp bigint, p_top bigint, p_run bigint, p_slice integer, p_on date, p_now timestamptz, p_limit integer, p_only_held boolean,
    p_digest text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operators bigint[];
    v_found bigint;
    v_staged bigint;
    v_failed bigint;
    v_held bigint;
    v_digest text;
    v_done record;
BEGIN
    v_operators := lock_shard(p_isp, p_top);
    PERFORM open_stage();
    v_found := stage_due_periods(v_operators, p_on, p_run, p_limit, p_only_held, NULL);
    ANALYZE pg_temp.stage_due;
    v_staged := (SELECT count(*) FROM stage_due);
    v_failed := park_closed(p_run, p_on) + park_billed(p_run);
    PERFORM stage_costs(p_on);
    v_failed := v_failed + park_unpriced(p_run);
    v_held := hold_what_does_not_fit(p_run, p_on, true);
    ANALYZE pg_temp.stage_class, pg_temp.stage_cost;
    SELECT * INTO v_done FROM bill_staged(p_run, format('run:%s:%s:%s', p_run, p_top, p_slice), p_on, p_now);
    PERFORM expect(v_done.steps + v_held + v_failed, v_staged, 'slice');
    IF p_digest IS NOT NULL OR current_setting('backhaul.rehearsal', true) = 'on' THEN
        v_digest := slice_digest(p_isp, p_top, p_run);
        IF v_digest <> p_digest THEN
            PERFORM refuse('digest_differs', 'Something changed since this run was confirmed; look at a new dry run.');
        END IF;
    END IF;
    RETURN jsonb_build_object('more', v_found = p_limit OR more_is_due(p_on), 'created', v_done.bills, 'back_filled', v_done.back_filled,
                              'held', v_held, 'failed', v_failed, 'billed_minor', v_done.billed_minor, 'digest', v_digest);
END $$;

-- expire_unbegun: a service that pays first and has no period on p_on is off until it is paid for, unless its period ended that
-- very day: then the cut window decides.
CREATE OR REPLACE FUNCTION expire_unbegun(p_operator bigint, p_subscription bigint, p_on date, p_now timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM put_off(ARRAY[s.operator_id], ARRAY[s.id], ARRAY['expired'], p_on, p_now, 'not paid yet')
    FROM subscription s
    JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
    JOIN billing_state bs ON bs.operator_id = s.operator_id AND bs.subscription_id = s.id
    WHERE s.operator_id = p_operator AND s.id = p_subscription AND bp.access = 'pay_first' AND s.left_on IS NULL AND bs.billed_until <= p_on
      AND NOT EXISTS (SELECT 1 FROM block b WHERE b.operator_id = s.operator_id AND b.subscription_id = s.id AND b.to_at IS NULL)
      AND NOT EXISTS (SELECT 1 FROM held_bill h WHERE h.operator_id = s.operator_id AND h.subscription_id = s.id)
      AND NOT runs_out_on(s.operator_id, s.id, p_on);
END $$;

-- runs_out_on: whether a service that pays first is on, and paid for until that very day: the cut window decides about it.
CREATE OR REPLACE FUNCTION runs_out_on(p_operator bigint, p_subscription bigint, p_on date) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM subscription s
                   JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
                   JOIN billing_state bs ON bs.operator_id = s.operator_id AND bs.subscription_id = s.id
                   WHERE s.operator_id = p_operator AND s.id = p_subscription AND bp.access = 'pay_first' AND bs.billed_until = p_on
                     AND s.activated_on < p_on)
       AND NOT EXISTS (SELECT 1 FROM block b WHERE b.operator_id = p_operator AND b.subscription_id = p_subscription
                       AND (b.to_at IS NULL OR b.to_on >= p_on))
$$;

-- more_is_due: whether a service of the slice just taken has another step due on p_on.
CREATE OR REPLACE FUNCTION more_is_due(p_on date) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT 1 FROM stage_bill WHERE step_leaves_more(what, in_arrears, cycle_ends_on, day, p_on));
END $$;

-- Contract (app): takes what is due on p_on for one service of the acting operator: its bill, its cycle, its days, in order.
-- When a level of the chain is short: p_hold = hold the step and keep the service off until it is paid for ("paid, service
-- pending"), else refuse (fund_too_low | upstream_short).
-- Returns {"created": bills issued, "held": 0|1, "invoice_id" of the last bill, "billed_minor", "short": fund_short |
-- upstream_short where held}.
CREATE OR REPLACE FUNCTION bill_subscription(p_subscription bigint, p_on date, p_now timestamptz, p_hold boolean) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operator bigint := acting_operator();
    v_held bigint := 0;
    v_bills bigint := 0;
    v_billed bigint := 0;
    v_invoice bigint;
    v_done record;
BEGIN
    FOR v_step IN 1 .. 1000 LOOP
        PERFORM open_stage();
        PERFORM lock_chains(ARRAY[v_operator]);
        EXIT WHEN stage_due_periods(ARRAY[v_operator], p_on, NULL, 1, false, p_subscription) = 0;
        PERFORM park_closed(NULL, p_on);
        PERFORM park_billed(NULL);
        PERFORM stage_costs(p_on);
        PERFORM park_unpriced(NULL);
        v_held := hold_what_does_not_fit(NULL, p_on, p_hold);
        IF v_held > 0 THEN
            IF NOT runs_out_on(v_operator, p_subscription, p_on) THEN
                PERFORM cut_held_service(v_operator, p_subscription, p_on, p_now);
            END IF;
            EXIT;
        END IF;
        SELECT * INTO v_done FROM bill_staged(
            NULL, (SELECT format('bill:%s:%s:%s:%s', d.subscription_id, d.what, d.starts_on, nextval('invoice_id')) FROM stage_due d), p_on, p_now);
        v_bills := v_bills + v_done.bills;
        v_billed := v_billed + v_done.billed_minor;
        v_invoice := COALESCE((SELECT invoice_id FROM stage_bill WHERE what & 1 = 1), v_invoice);
        EXIT WHEN v_done.steps = 0 OR NOT more_is_due(p_on);
    END LOOP;
    PERFORM expire_unbegun(v_operator, p_subscription, p_on, p_now);
    RETURN jsonb_build_object('created', v_bills, 'held', v_held, 'billed_minor', v_billed, 'invoice_id', v_invoice,
                              'short', (SELECT short_reason(h) FROM held_bill h
                                        WHERE h.operator_id = v_operator AND h.subscription_id = p_subscription));
END $$;

-- Contract (app): for an operator's own view and its parent's: how many renewals wait for want of funds on each edge that the
-- acting operator is an end of, and the sum that is missing there. No customer is named.
CREATE OR REPLACE FUNCTION count_held_below() RETURNS TABLE (child_id bigint, bills bigint, needed_minor bigint, since_on date)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT h.short_child_id, count(*), sum(h.short_minor)::bigint, min(h.since_on)
    FROM waiting_bills() h JOIN fund f ON f.child_id = h.short_child_id
    WHERE f.parent_id = acting_operator() OR f.child_id = acting_operator()
    GROUP BY h.short_child_id
$$;

-- Contract (app): opening dues of customers taken over, as bills of kind "opening" against *opening balances* (SPEC §3, B16).
-- The three arrays run in parallel; amounts are more than zero, and each pair is a customer of the acting operator with its
-- subscription, else not_found and nothing is issued. Returns how many were issued.
CREATE OR REPLACE FUNCTION issue_opening_dues(
    p_customers bigint[], p_subscriptions bigint[], p_amounts bigint[], p_on date, p_due_on date, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operator bigint := acting_operator();
    v_first bigint;
    v_count bigint := cardinality(p_customers);
BEGIN
    IF v_count IS NULL OR v_count = 0 THEN
        RETURN 0;
    END IF;
    PERFORM 1 FROM unnest(p_customers, p_subscriptions, p_amounts) AS g (customer_id, subscription_id, amount_minor)
    LEFT JOIN subscription s ON s.operator_id = v_operator AND s.id = g.subscription_id AND s.customer_id = g.customer_id
    WHERE s.id IS NULL OR g.amount_minor <= 0 OR g.amount_minor IS NULL;
    IF FOUND THEN
        PERFORM refuse('not_found', 'There is no such customer, or an opening due is not more than zero.');
    END IF;
    PERFORM refuse_locked(v_operator, p_on);
    UPDATE invoice_numbering SET next_number = next_number + v_count WHERE operator_id = v_operator
    RETURNING next_number - v_count INTO v_first;
    WITH given AS (
        SELECT g.customer_id, g.subscription_id, g.amount_minor, nextval('invoice_id') AS invoice_id, nextval('entry_id') AS entry_id,
               v_first + g.n - 1 AS number
        FROM unnest(p_customers, p_subscriptions, p_amounts) WITH ORDINALITY AS g (customer_id, subscription_id, amount_minor, n)),
    invoices AS (
        INSERT INTO invoice (operator_id, id, number, kind, customer_id, subscription_id, starts_on, ends_on, price_minor, cycle_days,
                             net_minor, vat_minor, total_minor, issued_on, due_on)
        SELECT v_operator, invoice_id, number, 'opening', customer_id, subscription_id, p_on, p_on, amount_minor, 1, amount_minor, 0,
               amount_minor, p_on, p_due_on FROM given),
    open AS (
        INSERT INTO invoice_open (operator_id, customer_id, due_on, number, invoice_id, open_minor)
        SELECT v_operator, customer_id, p_due_on, number, invoice_id, amount_minor FROM given),
    entries AS (
        INSERT INTO entry (operator_id, id, kind, source_id, effective_on, recorded_at, actor_id)
        SELECT v_operator, entry_id, 'opening_due', invoice_id, p_on, p_now, acting_user() FROM given)
    INSERT INTO posting (operator_id, entry_id, n, debit_code, credit_code, amount_minor, debit_party, credit_party, effective_on)
    SELECT v_operator, entry_id, t.n, t.debit_code, t.credit_code, amount_minor, customer_id, NULL, p_on
    FROM given JOIN posting_template t ON t.kind = 'opening_due';
    RETURN v_count;
END $$;

-- resumes_on: where a service that comes back on a day goes on that stood at another: there, where it was off on no whole day since (a
-- renewal that waits keeps its start), else on its return.
CREATE OR REPLACE FUNCTION resumes_on(p_operator bigint, p_subscription bigint, p_stood_on date, p_on date) RETURNS date
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN p_stood_on >= p_on OR NOT EXISTS (SELECT 1 FROM off_days(p_operator, p_subscription, p_stood_on, p_on))
                THEN p_stood_on ELSE p_on END
$$;

-- Contract (app): a service of the acting operator that was off comes back on p_on: days that it was off are not billed. A period that
-- is billed in arrears runs on: its bill leaves those days out.
CREATE OR REPLACE FUNCTION resume_billing(p_subscription bigint, p_on date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    UPDATE billing_state b
    SET billed_until = CASE WHEN b.running_invoice_id IS NULL THEN resumes_on(b.operator_id, b.subscription_id, b.billed_until, p_on)
                            ELSE b.billed_until END,
        charged_until = CASE WHEN b.running_invoice_id IS NULL THEN resumes_on(b.operator_id, b.subscription_id, b.charged_until, p_on)
                             ELSE b.charged_until END,
        day_charged_until = resumes_on(b.operator_id, b.subscription_id, b.day_charged_until, p_on)
    WHERE b.operator_id = acting_operator() AND b.subscription_id = p_subscription;
    UPDATE subscription SET suspend_on = NULL
    WHERE operator_id = acting_operator() AND id = p_subscription AND suspend_on <= p_on;
    DELETE FROM held_bill WHERE operator_id = acting_operator() AND subscription_id = p_subscription;
END $$;
