-- block_facts: what is in a block, and its hash: SHA-256 over the hash before, the block's own line (whose, which, from and before which
-- transaction, sealed when) and the canonical lines, each entry in order of id, its postings after it. Text is ASCII-separated and
-- independent of the session: ISO dates, microseconds since 1970, JSON strings, empty = NULL. backhaul/ledger/seal_text.py says the
-- same in Python, for who has no database.
CREATE OR REPLACE FUNCTION block_facts(
    p_operator bigint, p_no bigint, p_from xid8, p_before xid8, p_sealed_at timestamptz, p_previous bytea,
    OUT entries bigint, OUT amount_minor bigint, OUT hash bytea)
LANGUAGE plpgsql STABLE AS $$
DECLARE v_lines text;
BEGIN
    SELECT string_agg(line, E'\n' ORDER BY entry_id, n, line), count(*) FILTER (WHERE amount IS NULL), COALESCE(sum(amount), 0)
    INTO v_lines, entries, amount_minor FROM (
        SELECT e.id AS entry_id, 0 AS n, NULL::bigint AS amount, concat(
            'entry|', e.id, '|', e.kind, '|', e.source_id, '|', to_char(e.effective_on, 'YYYY-MM-DD'), '|',
            (extract(epoch FROM e.recorded_at) * 1000000)::bigint, '|', e.actor_id, '|', e.transfer_id, '|', e.reverses_id, '|',
            to_json(e.reason), '|', e.xid) AS line
        FROM entry e WHERE e.operator_id = p_operator AND e.xid >= p_from AND e.xid < p_before
        UNION ALL
        SELECT p.entry_id, p.n, p.amount_minor, concat(
            'posting|', p.n, '|', p.debit_code, '|', p.debit_party, '|', p.credit_code, '|', p.credit_party, '|', p.amount_minor, '|',
            to_char(p.effective_on, 'YYYY-MM-DD'))
        FROM entry e JOIN posting p ON p.operator_id = e.operator_id AND p.entry_id = e.id
        WHERE e.operator_id = p_operator AND e.xid >= p_from AND e.xid < p_before) AS lines;
    hash := sha256(p_previous || convert_to(concat('books|', p_operator, '|', p_no, '|', p_from, '|', p_before, '|',
        (extract(epoch FROM p_sealed_at) * 1000000)::bigint, E'\n', v_lines), 'UTF8'));
END $$;

-- Contract (batch): seals the next block of one set of books and folds it into the day nets: entries of transactions that have all
-- ended, about p_entries of them, never part of a transaction. Returns how many it sealed; 0 = nothing is left to seal.
CREATE OR REPLACE FUNCTION seal_books(p_operator bigint, p_at timestamptz, p_entries integer DEFAULT 20000) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_books books%ROWTYPE;
    v_final xid8;
    v_before xid8;
    v_previous bytea;
    v_block record;
BEGIN
    SELECT * INTO v_books FROM books WHERE operator_id = p_operator FOR NO KEY UPDATE;
    v_final := finished_before();      -- a statement of its own: all below it have ended, so the statements after it see them whole
    SELECT xid_after(xid, 1) INTO v_before FROM (
        SELECT xid FROM entry WHERE operator_id = p_operator AND xid >= v_books.sealed_before AND xid < v_final
        ORDER BY xid LIMIT p_entries) AS block
    ORDER BY xid DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    PERFORM fold_block(p_operator, v_books.sealed_before, v_before);
    SELECT hash INTO v_previous FROM seal WHERE operator_id = p_operator AND no = v_books.last_seal_no;
    v_previous := COALESCE(v_previous, ''::bytea);
    SELECT * INTO v_block
    FROM block_facts(p_operator, v_books.last_seal_no + 1, v_books.sealed_before, v_before, p_at, v_previous);
    INSERT INTO seal (operator_id, no, xid_from, xid_before, entries, amount_minor, previous_hash, hash, sealed_at)
    VALUES (p_operator, v_books.last_seal_no + 1, v_books.sealed_before, v_before, v_block.entries, v_block.amount_minor, v_previous,
            v_block.hash, p_at);
    UPDATE books SET sealed_before = v_before, last_seal_no = last_seal_no + 1 WHERE operator_id = p_operator;
    RETURN v_block.entries;
END $$;

-- fold_block: adds the entries of a block to the day nets of accounts and of parties; runs as its caller.
CREATE OR REPLACE FUNCTION fold_block(p_operator bigint, p_from xid8, p_before xid8) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO account_day AS d (operator_id, code, day, debit_minor, credit_minor)
    SELECT p_operator, s.code, p.effective_on, sum(s.debit), sum(s.credit)
    FROM entry e JOIN posting p ON p.operator_id = e.operator_id AND p.entry_id = e.id
    CROSS JOIN LATERAL (VALUES (p.debit_code, p.amount_minor, 0), (p.credit_code, 0, p.amount_minor)) AS s (code, debit, credit)
    WHERE e.operator_id = p_operator AND e.xid >= p_from AND e.xid < p_before
    GROUP BY s.code, p.effective_on ORDER BY s.code, p.effective_on
    ON CONFLICT (operator_id, code, day) DO UPDATE
    SET debit_minor = d.debit_minor + EXCLUDED.debit_minor, credit_minor = d.credit_minor + EXCLUDED.credit_minor;

    INSERT INTO party_day AS d (operator_id, code, party_id, day, debit_minor, credit_minor)
    SELECT p_operator, s.code, s.party_id, p.effective_on, sum(s.debit), sum(s.credit)
    FROM entry e JOIN posting p ON p.operator_id = e.operator_id AND p.entry_id = e.id
    CROSS JOIN LATERAL (VALUES (p.debit_code, p.debit_party, p.amount_minor, 0), (p.credit_code, p.credit_party, 0, p.amount_minor))
        AS s (code, party_id, debit, credit)
    WHERE e.operator_id = p_operator AND e.xid >= p_from AND e.xid < p_before AND s.party_id IS NOT NULL
    GROUP BY s.party_id, s.code, p.effective_on ORDER BY s.party_id, s.code, p.effective_on
    ON CONFLICT (operator_id, party_id, code, day) DO UPDATE
    SET debit_minor = d.debit_minor + EXCLUDED.debit_minor, credit_minor = d.credit_minor + EXCLUDED.credit_minor;
    PERFORM fold_standings(p_operator, p_from, p_before);

    INSERT INTO kind_day AS d (operator_id, entry_kind, day, entries, amount_minor, receivable_minor)
    SELECT p_operator, k.entry_kind, k.day, sum(k.entries), sum(k.amount_minor), sum(k.receivable_minor)
    FROM kinds_between(p_operator, p_from, p_before, '-infinity') AS k GROUP BY k.entry_kind, k.day ORDER BY k.day, k.entry_kind
    ON CONFLICT (operator_id, day, entry_kind) DO UPDATE
    SET entries = d.entries + EXCLUDED.entries, amount_minor = d.amount_minor + EXCLUDED.amount_minor,
        receivable_minor = d.receivable_minor + EXCLUDED.receivable_minor;
END $$;

-- kinds_between: what entries of some transactions, of days from p_since on, add to kind_day; runs as its caller.
CREATE OR REPLACE FUNCTION kinds_between(p_operator bigint, p_from xid8, p_before xid8, p_since date)
RETURNS TABLE (entry_kind text, day date, entries bigint, amount_minor bigint, receivable_minor bigint)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    RETURN QUERY
    SELECT e.kind, e.effective_on, count(DISTINCT e.id), sum(p.amount_minor)::bigint,
           sum(CASE 'receivable_customers' WHEN p.debit_code THEN p.amount_minor WHEN p.credit_code THEN -p.amount_minor ELSE 0 END)::bigint
    FROM entry e JOIN posting p ON p.operator_id = e.operator_id AND p.entry_id = e.id
    WHERE e.operator_id = p_operator AND e.xid >= p_from AND (p_before IS NULL OR e.xid < p_before) AND e.effective_on >= p_since
    GROUP BY e.kind, e.effective_on;
END $$;

-- kinds_since: kind_day from a day on, with what is not folded yet, in one statement.
CREATE OR REPLACE FUNCTION kinds_since(p_operator bigint, p_since date)
RETURNS TABLE (entry_kind text, day date, entries bigint, amount_minor bigint, receivable_minor bigint)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
DECLARE v_sealed xid8;
BEGIN
    SELECT sealed_before INTO v_sealed FROM books WHERE operator_id = p_operator;
    RETURN QUERY
    SELECT s.entry_kind, s.day, sum(s.entries)::bigint, sum(s.amount_minor)::bigint, sum(s.receivable_minor)::bigint FROM (
        SELECT d.entry_kind, d.day, d.entries, d.amount_minor, d.receivable_minor
        FROM kind_day d WHERE d.operator_id = p_operator AND d.day >= p_since
        UNION ALL SELECT k.* FROM kinds_between(p_operator, v_sealed, NULL, p_since) AS k) AS s
    GROUP BY s.entry_kind, s.day;
END $$;

-- fold_standings: where the parties of a block stand after it, once the block is in party_day; runs as its caller. What is dated after all
-- that a party had is added to where it stood; what is dated back makes it look at all of its days again.
CREATE OR REPLACE FUNCTION fold_standings(p_operator bigint, p_from xid8, p_before xid8) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    WITH moved AS (
        SELECT s.code, s.party_id, p.effective_on AS day, sum(s.net) AS net
        FROM entry e JOIN posting p ON p.operator_id = e.operator_id AND p.entry_id = e.id
        CROSS JOIN LATERAL (VALUES (p.debit_code, p.debit_party, p.amount_minor), (p.credit_code, p.credit_party, -p.amount_minor))
            AS s (code, party_id, net)
        WHERE e.operator_id = p_operator AND e.xid >= p_from AND e.xid < p_before AND s.party_id IS NOT NULL
        GROUP BY 1, 2, 3),
    stood AS (
        SELECT m.code, m.party_id, m.day, m.net, COALESCE(k.through > min(m.day) OVER w, false) AS dated_back,
               CASE WHEN a.kind IN ('asset', 'expense') THEN 1 ELSE -1 END
               * (COALESCE(k.net_minor, 0) + sum(m.net) OVER (w ORDER BY m.day)) AS stands
        FROM moved m JOIN account a ON a.operator_id = p_operator AND a.code = m.code
        LEFT JOIN party_standing k ON k.operator_id = p_operator AND k.code = m.code AND k.party_id = m.party_id
        WINDOW w AS (PARTITION BY m.code, m.party_id))
    INSERT INTO party_standing AS k (operator_id, code, party_id, through, net_minor, crossed)
    SELECT p_operator, code, party_id, max(day), sum(net),
           CASE WHEN bool_or(dated_back) THEN has_crossed(p_operator, code, party_id) ELSE bool_or(stands < 0) END
    FROM stood GROUP BY code, party_id ORDER BY code, party_id
    ON CONFLICT (operator_id, code, party_id) DO UPDATE
    SET through = GREATEST(k.through, EXCLUDED.through), net_minor = k.net_minor + EXCLUDED.net_minor,
        crossed = k.crossed OR EXCLUDED.crossed;
END $$;

-- has_crossed: whether a party ended one of its folded days on the other side than its account's kind.
CREATE OR REPLACE FUNCTION has_crossed(p_operator bigint, p_code text, p_party bigint) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (
        SELECT 1 FROM (
            SELECT CASE WHEN a.kind IN ('asset', 'expense') THEN 1 ELSE -1 END
                   * sum(d.debit_minor - d.credit_minor) OVER (ORDER BY d.day) AS stands
            FROM party_day d JOIN account a ON a.operator_id = d.operator_id AND a.code = d.code
            WHERE d.operator_id = p_operator AND d.code = p_code AND d.party_id = p_party) AS days
        WHERE stands < 0);
END $$;

-- unfolded: the sides of what is not in the day nets yet, through a day, of one account or of all. Day nets + these = the balance:
-- in one statement, since both are then seen at the same instant. (plpgsql: planned for the actual watermark, not for any.)
CREATE OR REPLACE FUNCTION unfolded(p_operator bigint, p_through date, p_code text DEFAULT NULL)
RETURNS TABLE (code text, party_id bigint, day date, debit_minor bigint, credit_minor bigint)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
DECLARE v_sealed xid8;
BEGIN
    SELECT sealed_before INTO v_sealed FROM books WHERE operator_id = p_operator;
    RETURN QUERY
    SELECT s.code, s.party_id, p.effective_on, s.debit, s.credit
    FROM entry e JOIN posting p ON p.operator_id = e.operator_id AND p.entry_id = e.id
    CROSS JOIN LATERAL (VALUES (p.debit_code, p.debit_party, p.amount_minor, 0::bigint), (p.credit_code, p.credit_party, 0::bigint, p.amount_minor))
        AS s (code, party_id, debit, credit)
    WHERE e.operator_id = p_operator AND e.xid >= v_sealed AND p.effective_on <= p_through AND (p_code IS NULL OR s.code = p_code);
END $$;
