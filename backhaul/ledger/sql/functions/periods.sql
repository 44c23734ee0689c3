-- Accounting periods (SPEC A3): books are closed through a day and opened again; a year end moves income and expense to retained
-- earnings. books.locked_through is what every posting asks, books_lock is the history of it.

-- hold_books: the books of the acting operator, locked against postings into past days: those under way are waited for (refuse_locked),
-- so that what a closing adds up is all that there is.
CREATE OR REPLACE FUNCTION hold_books() RETURNS books
LANGUAGE plpgsql AS $$
DECLARE v_books books;
BEGIN
    SELECT * INTO v_books FROM books WHERE operator_id = acting_operator() FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM refuse('no_books', 'This operator has no books yet; finish its set-up first.');
    END IF;
    RETURN v_books;
END $$;

-- lock_through: moves the lock of books that the caller holds and writes down who did. Returns the id of that row.
CREATE OR REPLACE FUNCTION lock_through(p_books books, p_kind text, p_through date, p_why text, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE v_id bigint;
BEGIN
    INSERT INTO books_lock (operator_id, kind, locked_through, locked_before, why, recorded_at, actor_id, xid)
    SELECT p_books.operator_id, p_kind, p_through, p_books.locked_through, p_why, GREATEST(p_now, max(l.recorded_at)), acting_user(),
           current_stamp()
    FROM books_lock l WHERE l.operator_id = p_books.operator_id     -- never before the last one, for which it may have waited
    RETURNING id INTO v_id;
    UPDATE books SET locked_through = p_through WHERE operator_id = p_books.operator_id;
    RETURN v_id;
END $$;

-- refuse_days_to_come: days to come stay open: closed, they would keep the bills of their nights out of the books.
CREATE OR REPLACE FUNCTION refuse_days_to_come(p_through date, p_now timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF p_through > (p_now + interval '14 hours')::date THEN     -- nowhere on earth is it that day yet
        PERFORM refuse('invalid_input', 'Books are closed through today at the latest.');
    END IF;
END $$;

-- Contract (app): closes the acting operator's books through a day: nothing more is posted on or before it. Postings into past days
-- that are under way are waited for. Refused where the books are closed through that day already (already_closed).
-- Returns the id of the closing.
CREATE OR REPLACE FUNCTION close_books(p_through date, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE v_books books := hold_books();
BEGIN
    PERFORM refuse_days_to_come(p_through, p_now);
    IF p_through <= v_books.locked_through THEN
        PERFORM refuse('already_closed', 'The books are closed through %s already.', v_books.locked_through::text);
    END IF;
    PERFORM end_month_before(v_books, p_through, p_now);
    RETURN lock_through(v_books, 'close', p_through, '', p_now);
END $$;

-- Contract (app): opens the acting operator's books again: from now on they are closed through p_through only (NULL = not at all), with
-- the reason. Year ends after that day are taken back, each on its own day. Refused where those days are open (not_closed).
-- Returns the id of the reopening.
CREATE OR REPLACE FUNCTION reopen_books(p_through date, p_why text, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_books books := hold_books();
    v_lock bigint;
BEGIN
    IF COALESCE(p_why, '') = '' THEN
        PERFORM refuse('invalid_input', 'Say why the period is opened again.');
    ELSIF v_books.locked_through IS NULL OR p_through >= v_books.locked_through THEN
        PERFORM refuse('not_closed', 'These days are open already.');
    END IF;
    v_lock := lock_through(v_books, 'reopen', p_through, p_why, p_now);
    PERFORM post_reversal(e, e.effective_on, p_why, p_now) FROM entry e
    WHERE e.operator_id = v_books.operator_id AND e.kind = 'year_close' AND (p_through IS NULL OR e.effective_on > p_through)
      AND NOT EXISTS (SELECT 1 FROM entry r WHERE r.operator_id = e.operator_id AND r.reverses_id = e.id);
    RETURN v_lock;
END $$;

-- is_year_closed: whether the result of the year that ends on a day stands in retained earnings.
CREATE OR REPLACE FUNCTION is_year_closed(p_operator bigint, p_last_on date) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT 1 FROM books_lock l WHERE l.operator_id = p_operator AND l.kind = 'year_close' AND l.locked_through = p_last_on
          AND NOT EXISTS (SELECT 1 FROM books_lock r WHERE r.operator_id = l.operator_id AND r.id > l.id AND r.kind = 'reopen'
                          AND (r.locked_through IS NULL OR r.locked_through < p_last_on)))
$$;

-- Contract (app): the year end of the acting operator's books: closes them through p_last_on, the last day of a year of these books, and
-- moves what income and expense accounts hold then to retained earnings by one entry of that day; what its last month earned of long
-- terms is posted before. Refused before that day is over, where that was done (already_closed) and where later days are closed
-- (period_closed). Returns {"lock_id", "entry_id": NULL where there was nothing to move}.
CREATE OR REPLACE FUNCTION close_year(p_last_on date, p_now timestamptz) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_books books := hold_books();
    v_lock bigint;
BEGIN
    IF extract(day FROM p_last_on + 1) <> 1 OR extract(month FROM p_last_on + 1) <> v_books.year_starts_month THEN
        PERFORM refuse('invalid_input', '%s is not the last day of a year of these books.', p_last_on::text);
    ELSIF p_last_on >= p_now::date THEN     -- what is posted on it, refuse_locked does not make wait
        PERFORM refuse('invalid_input', 'A year is closed once its last day, %s, is over in UTC too.', p_last_on::text);
    ELSIF is_year_closed(v_books.operator_id, p_last_on) THEN
        PERFORM refuse('already_closed', 'The year that ends on %s is closed already.', p_last_on::text);
    ELSIF v_books.locked_through > p_last_on THEN
        PERFORM refuse('period_closed', 'The books are closed through %s; reopen them through %s, close the year, then close the later months again.',
                       v_books.locked_through::text, p_last_on::text);
    END IF;
    PERFORM end_month_before(v_books, p_last_on, p_now);
    v_lock := lock_through(v_books, 'year_close', p_last_on, '', p_now);
    RETURN jsonb_build_object('lock_id', v_lock, 'entry_id', post_year_end(v_books.operator_id, v_lock, p_last_on, p_now));
END $$;

-- post_year_end: what every income and expense account holds at the end of a day, moved to retained earnings. Returns the entry's id.
CREATE OR REPLACE FUNCTION post_year_end(p_operator bigint, p_source bigint, p_last_on date, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE v_entry bigint := nextval('entry_id');
BEGIN
    PERFORM refuse_locked(p_operator, 'infinity');     -- its own day is closed with it; stopped books take nothing at all
    INSERT INTO posting (operator_id, entry_id, n, debit_code, credit_code, amount_minor, debit_party, credit_party, effective_on)
    SELECT p_operator, v_entry, row_number() OVER (ORDER BY h.number, h.code, h.party_id),
           CASE WHEN h.net < 0 THEN h.code ELSE 'retained_earnings' END, CASE WHEN h.net < 0 THEN 'retained_earnings' ELSE h.code END,
           abs(h.net), CASE WHEN h.net < 0 THEN h.party_id END, CASE WHEN h.net > 0 THEN h.party_id END, p_last_on
    FROM (
        SELECT a.number, a.code, n.party_id, sum(n.debit_minor - n.credit_minor) AS net
        FROM account a
        JOIN (SELECT d.code, NULL::bigint AS party_id, d.debit_minor, d.credit_minor FROM account_day d
              JOIN account k ON k.operator_id = d.operator_id AND k.code = d.code AND k.party_kind IS NULL
              WHERE d.operator_id = p_operator AND d.day <= p_last_on
              UNION ALL
              SELECT p.code, p.party_id, p.debit_minor, p.credit_minor FROM party_day p
              WHERE p.operator_id = p_operator AND p.day <= p_last_on
              UNION ALL
              SELECT u.code, u.party_id, u.debit_minor, u.credit_minor FROM unfolded(p_operator, p_last_on) AS u) AS n ON n.code = a.code
        WHERE a.operator_id = p_operator AND a.kind IN ('income', 'expense')
        GROUP BY a.number, a.code, n.party_id) AS h
    WHERE h.net <> 0;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO entry (operator_id, id, kind, source_id, effective_on, recorded_at, actor_id)
    VALUES (p_operator, v_entry, 'year_close', p_source, p_last_on, p_now, acting_user());
    RETURN v_entry;
END $$;
