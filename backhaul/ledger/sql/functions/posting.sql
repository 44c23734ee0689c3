-- Contract: opens the books of the acting operator, or of a direct child of it, from the chart template. Idempotent.
CREATE OR REPLACE FUNCTION open_books(p_operator bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM 1 FROM operator WHERE id = p_operator AND (id = acting_operator() OR parent_id = acting_operator()) FOR KEY SHARE;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such operator below you.');
    END IF;
    INSERT INTO books (operator_id) VALUES (p_operator) ON CONFLICT DO NOTHING;
    INSERT INTO account (operator_id, code, number, name, kind, party_kind)
    SELECT p_operator, code, number, name, kind, party_kind FROM chart_template ON CONFLICT DO NOTHING;
END $$;

-- takes_nothing(books, day): nothing is posted there on that day: the period is closed, or the books are stopped. For conditions.
CREATE OR REPLACE FUNCTION takes_nothing(p_books books, p_on date) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT COALESCE(p_books.locked_through >= p_on, false) OR p_books.stopped_at IS NOT NULL
$$;

-- refuse_locked(books, day): nothing is posted into a locked period (SPEC A3), nor into books that were found changed.
-- A day that is over somebody may be closing at this moment: that closing waits for this posting (hold_books), or this posting for it.
-- Nobody waits for the books of today (in UTC: nowhere east of it is an earlier day today).
CREATE OR REPLACE FUNCTION refuse_locked(p_operator bigint, p_effective_on date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_locked date;
    v_stopped timestamptz;
BEGIN
    IF p_effective_on < current_date THEN
        SELECT locked_through, stopped_at INTO v_locked, v_stopped FROM books WHERE operator_id = p_operator FOR KEY SHARE;
    ELSE
        SELECT locked_through, stopped_at INTO v_locked, v_stopped FROM books WHERE operator_id = p_operator;
    END IF;
    IF NOT FOUND THEN
        PERFORM refuse('no_books', 'This operator has no books yet; finish its set-up first.');
    ELSIF v_stopped IS NOT NULL THEN
        PERFORM refuse('books_stopped', 'The books of %s do not hold since %s: nothing is posted in them until they were looked at and released (backhaul verify).',
            (SELECT name FROM operator WHERE id = p_operator), v_stopped::date::text);
    ELSIF p_effective_on <= v_locked THEN
        PERFORM refuse('period_closed', 'The books are closed through %s; use a later date or reopen the period.',
            v_locked::text);
    END IF;
END $$;

-- keep_open: the same for many at once: the books of these operators and of all above them are not closed before this transaction ends,
-- on days that are over. What asks takes_nothing afterwards sees what holds.
CREATE OR REPLACE FUNCTION keep_open(p_operators bigint[], p_on date) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF p_on < current_date THEN
        PERFORM 1 FROM books WHERE operator_id IN (SELECT unnest(path) FROM operator WHERE id = ANY (p_operators))
        ORDER BY operator_id FOR KEY SHARE;
    END IF;
END $$;

-- post_event: one entry in one set of books after the template (kind, side); runs as its caller, which is a definer function.
-- p_amounts: {"amount name": minor units}; postings whose amount is absent or zero are left out. No posting = no entry (NULL).
-- p_paid: the account that stands for 'paid'; p_user: whose it is, where an account is kept by person (a collector's drawer);
-- p_chosen: the account that stands for 'chosen', of no party. Returns the entry id. A second call for the same source raises
-- unique_violation.
CREATE OR REPLACE FUNCTION post_event(
    p_operator bigint, p_kind text, p_side text, p_source bigint, p_effective_on date, p_recorded_at timestamptz, p_amounts jsonb,
    p_customer bigint DEFAULT NULL, p_counterparty bigint DEFAULT NULL, p_paid text DEFAULT NULL, p_transfer bigint DEFAULT NULL,
    p_reason text DEFAULT NULL, p_user bigint DEFAULT NULL, p_chosen text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_entry bigint := nextval('entry_id');
    v_paid_by bigint := CASE WHEN p_paid = 'cash_with_collector' THEN p_user END;
BEGIN
    PERFORM refuse_locked(p_operator, p_effective_on);
    INSERT INTO posting (operator_id, entry_id, n, debit_code, credit_code, amount_minor, debit_party, credit_party, effective_on)
    SELECT p_operator, v_entry, t.n,
           CASE t.debit_code WHEN 'paid' THEN p_paid WHEN 'chosen' THEN p_chosen ELSE t.debit_code END,
           CASE t.credit_code WHEN 'paid' THEN p_paid WHEN 'chosen' THEN p_chosen ELSE t.credit_code END,
           (p_amounts ->> t.amount)::bigint,
           CASE t.debit_party WHEN 'customer' THEN p_customer WHEN 'operator' THEN p_counterparty WHEN 'user' THEN p_user
                ELSE CASE t.debit_code WHEN 'paid' THEN v_paid_by END END,
           CASE t.credit_party WHEN 'customer' THEN p_customer WHEN 'operator' THEN p_counterparty WHEN 'user' THEN p_user
                ELSE CASE t.credit_code WHEN 'paid' THEN v_paid_by END END,
           p_effective_on
    FROM posting_template t
    WHERE t.kind = p_kind AND t.side = p_side AND COALESCE((p_amounts ->> t.amount)::bigint, 0) <> 0;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO entry (operator_id, id, kind, source_id, effective_on, recorded_at, actor_id, transfer_id, reason)
    VALUES (p_operator, v_entry, p_kind, p_source, p_effective_on, p_recorded_at, acting_user(), p_transfer, p_reason);
    RETURN v_entry;
END $$;

-- post_reversal: the entry that takes another one back on p_on, its own day or a later one: the same postings with the sides swapped.
-- Runs as its caller. Once: a second call is refused. Returns the new entry's id.
CREATE OR REPLACE FUNCTION post_reversal(p_done entry, p_on date, p_reason text, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE v_entry bigint := nextval('entry_id');
BEGIN
    IF p_on < p_done.effective_on THEN
        PERFORM refuse('invalid_input', 'An entry cannot be taken back before its own day.');
    END IF;
    PERFORM refuse_locked(p_done.operator_id, p_on);
    INSERT INTO entry (operator_id, id, kind, source_id, effective_on, recorded_at, actor_id, reverses_id, reason)
    VALUES (p_done.operator_id, v_entry, 'reversal:' || p_done.kind, p_done.source_id, p_on, p_now, acting_user(), p_done.id, p_reason)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        PERFORM refuse('already_reversed', 'This entry was taken back before.');
    END IF;
    INSERT INTO posting (operator_id, entry_id, n, debit_code, credit_code, amount_minor, debit_party, credit_party, effective_on)
    SELECT operator_id, v_entry, n, credit_code, debit_code, amount_minor, credit_party, debit_party, p_on
    FROM posting WHERE operator_id = p_done.operator_id AND entry_id = p_done.id;
    RETURN v_entry;
END $$;
