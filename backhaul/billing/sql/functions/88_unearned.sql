-- Terms longer than a month (SPEC §3): their bills are unearned revenue first and revenue month by month, day by day of the term (2.5);
-- what was charged for such a term at once is wholesale cost month by month likewise.

-- is_ahead: whether days [starts_on, ends_on) billed or charged on a day are a term longer than a month that is not over.
CREATE OR REPLACE FUNCTION is_ahead(p_starts_on date, p_ends_on date, p_on date) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT p_ends_on - p_starts_on > 31 AND p_ends_on > p_on $$;

-- worth_of_days: what days [from_on, to_on), as far as they are of the term [starts_on, ends_on), are of its whole sum.
CREATE OR REPLACE FUNCTION worth_of_days(p_minor bigint, p_starts_on date, p_ends_on date, p_from_on date, p_to_on date) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN GREATEST(p_from_on, p_starts_on) >= LEAST(p_to_on, p_ends_on) THEN 0
                ELSE prorate(p_minor, GREATEST(p_from_on, p_starts_on) - p_starts_on, LEAST(p_to_on, p_ends_on) - p_starts_on,
                             p_ends_on - p_starts_on) END
$$;

-- ahead_of: the operator's long bills issued before a day: what they came to, and what of that is for days from then on that were not
-- credited.
CREATE OR REPLACE FUNCTION ahead_of(p_operator bigint, p_day date, OUT billed_minor bigint, OUT held_minor bigint)
LANGUAGE sql STABLE AS $$
    SELECT COALESCE(sum(i.minor), 0)::bigint, COALESCE(sum(GREATEST(0, worth_of_days(i.minor, i.starts_on, i.ends_on, p_day, i.ends_on) - COALESCE((
               SELECT sum(worth_of_days(i.minor, i.starts_on, i.ends_on, GREATEST(n.from_on, p_day), n.to_on)) FROM credit_note n
               WHERE n.operator_id = p_operator AND n.invoice_id = i.id AND n.issued_on < p_day AND n.from_on IS NOT NULL), 0))), 0)::bigint
    FROM (SELECT id, starts_on, ends_on, net_minor - discount_minor AS minor FROM invoice
          WHERE operator_id = p_operator AND kind = 'period' AND ends_on - starts_on > 31 AND is_ahead(starts_on, ends_on, issued_on)
            AND issued_on < p_day) AS i
$$;

-- cost_ahead_of: of what the operator was charged at once for long terms of its own customers, what is for days from p_day on that were
-- not given back.
CREATE OR REPLACE FUNCTION cost_ahead_of(p_operator bigint, p_day date) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT COALESCE(sum(GREATEST(0, worth_of_days(c.minor, c.starts_on, c.ends_on, p_day, c.ends_on) - COALESCE((
               SELECT sum(worth_of_days(c.minor, c.starts_on, c.ends_on, GREATEST(r.from_on, p_day), r.to_on)) FROM charge_refund r
               WHERE r.child_id = p_operator AND r.owner_id = p_operator AND r.invoice_id = c.invoice_id AND r.starts_on = c.starts_on
                 AND r.part = c.part AND r.refunded_on < p_day), 0))), 0)::bigint
    FROM (SELECT c.invoice_id, c.starts_on, c.part, c.ends_on,
                 c.net_minor + CASE WHEN reclaims_input_on(p_operator, c.charged_on) THEN 0 ELSE c.vat_minor END AS minor
          FROM charge c JOIN invoice i ON i.operator_id = c.owner_id AND i.id = c.invoice_id AND i.net_minor > 0   -- gifts are gifts at once
          WHERE c.child_id = p_operator AND c.owner_id = p_operator AND c.ends_on - c.starts_on > 31
            AND is_ahead(c.starts_on, c.ends_on, c.charged_on) AND c.charged_on < p_day) AS c
$$;

-- Contract (batch): the month end of long terms in all books of an ISP, dated the last day of the month: what its days earned becomes
-- revenue, what was charged for days ahead waits. Once per books and month, oldest first; books that take nothing on that day are left
-- out, and the next month does theirs too. p_month: its first day. Returns how many books it did.
CREATE OR REPLACE FUNCTION release_unearned(p_isp bigint, p_month date, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_done bigint := 0;
    v_books books%ROWTYPE;
BEGIN
    FOR v_books IN
        SELECT b.* FROM books b JOIN operator o ON o.id = b.operator_id
        WHERE o.isp_id = p_isp AND has_long_terms(o.id)
        ORDER BY b.operator_id FOR NO KEY UPDATE OF b
    LOOP
        v_done := v_done + release_month(v_books, p_month, p_now)::integer;
    END LOOP;
    RETURN v_done;
END $$;

-- has_long_terms: whether books ever billed a term longer than a month, or were charged for one at once.
CREATE OR REPLACE FUNCTION has_long_terms(p_operator bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM invoice i WHERE i.operator_id = p_operator AND i.kind = 'period' AND i.ends_on - i.starts_on > 31)
        OR EXISTS (SELECT 1 FROM charge c WHERE c.child_id = p_operator AND c.owner_id = p_operator AND c.ends_on - c.starts_on > 31)
$$;

-- end_month_before: books that are about to be closed through a day get the last month end that lies in it, so that what its days earned
-- is not left to a later month or year; runs as its caller, which holds them.
CREATE OR REPLACE FUNCTION end_month_before(p_books books, p_through date, p_now timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF has_long_terms(p_books.operator_id) THEN
        PERFORM release_month(p_books, (date_trunc('month', p_through + 1) - interval '1 month')::date, p_now);
    END IF;
END $$;

-- release_month: the month end of one set of books, where they take it and had neither this one nor a later one; runs as its caller,
-- which holds them. True if it was done.
CREATE OR REPLACE FUNCTION release_month(p_books books, p_month date, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_next date := p_month + interval '1 month';
    v_ahead record;
    v_cost bigint;
    v_released bigint;
    v_cost_before bigint;
BEGIN
    IF takes_nothing(p_books, v_next - 1)
       OR EXISTS (SELECT 1 FROM unearned_month WHERE operator_id = p_books.operator_id AND month_on >= p_month) THEN
        RETURN false;
    END IF;
    v_ahead := ahead_of(p_books.operator_id, v_next);
    v_cost := cost_ahead_of(p_books.operator_id, v_next);
    SELECT COALESCE(sum(released_minor), 0) INTO v_released FROM unearned_month WHERE operator_id = p_books.operator_id;
    SELECT cost_minor INTO v_cost_before FROM unearned_month WHERE operator_id = p_books.operator_id ORDER BY month_on DESC LIMIT 1;
    v_released := GREATEST(0, v_ahead.billed_minor - v_released - v_ahead.held_minor);
    v_cost_before := COALESCE(v_cost_before, 0);
    INSERT INTO unearned_month (operator_id, month_on, released_minor, cost_minor, released_at)
    VALUES (p_books.operator_id, p_month, v_released, v_cost, p_now);
    PERFORM post_event(p_books.operator_id, 'revenue_released', 'own', to_char(p_month, 'YYYYMM')::bigint, v_next - 1, p_now,
                       jsonb_build_object('amount', v_released, 'cost_ahead', GREATEST(0, v_cost - v_cost_before),
                                          'cost_released', GREATEST(0, v_cost_before - v_cost)));
    RETURN true;
END $$;
