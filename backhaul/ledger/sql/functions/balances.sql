-- What accounts hold, on both axes of time: on a day, and as it was known before an instant (NULL: as known now). Each reads the day nets,
-- adds what is not folded yet and takes away what became known later; asked in one statement, they see the same instant. Planned for the days asked for each time: a plan for any day reads all postings.

-- recorded_since: the sides of what was recorded at p_known or later, of days through p_through, of one account or of all.
CREATE OR REPLACE FUNCTION recorded_since(p_operator bigint, p_known timestamptz, p_through date, p_code text DEFAULT NULL)
RETURNS TABLE (code text, party_id bigint, day date, debit_minor bigint, credit_minor bigint)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    IF p_known IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT s.code, s.party_id, p.effective_on, s.debit, s.credit
    FROM entry e JOIN posting p ON p.operator_id = e.operator_id AND p.entry_id = e.id
    CROSS JOIN LATERAL (VALUES (p.debit_code, p.debit_party, p.amount_minor, 0::bigint), (p.credit_code, p.credit_party, 0::bigint, p.amount_minor))
        AS s (code, party_id, debit, credit)
    WHERE e.operator_id = p_operator AND e.recorded_at >= p_known AND p.effective_on <= p_through AND (p_code IS NULL OR s.code = p_code);
END $$;

-- account_nets: what every account was debited and credited with over days [p_from, p_through].
CREATE OR REPLACE FUNCTION account_nets(p_operator bigint, p_from date, p_through date, p_known timestamptz)
RETURNS TABLE (code text, debit_minor numeric, credit_minor numeric)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    RETURN QUERY
    SELECT s.code, sum(s.debit_minor), sum(s.credit_minor) FROM (
        SELECT d.code, sum(d.debit_minor) AS debit_minor, sum(d.credit_minor) AS credit_minor
        FROM account_day d WHERE d.operator_id = p_operator AND d.day BETWEEN p_from AND p_through GROUP BY d.code
        UNION ALL
        SELECT u.code, u.debit_minor, u.credit_minor FROM unfolded(p_operator, p_through) AS u WHERE u.day >= p_from
        UNION ALL
        SELECT l.code, -l.debit_minor, -l.credit_minor FROM recorded_since(p_operator, p_known, p_through) AS l WHERE l.day >= p_from) AS s
    GROUP BY s.code;
END $$;

-- account_balances: what every account holds at the end of a day: debits less credits, and of one kept by party what stands on the other
-- side than the account's kind (customers in credit, funds below zero). Only parties that ever crossed, and those that what is not
-- folded or was not known yet moves that way, can stand there; each is found from where it stands, less its days after p_through.
CREATE OR REPLACE FUNCTION account_balances(p_operator bigint, p_through date, p_known timestamptz)
RETURNS TABLE (code text, net_minor numeric, wrong_minor numeric)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    RETURN QUERY
    WITH moved AS MATERIALIZED (
        SELECT s.code, s.party_id, sum(s.net) AS net FROM (
            SELECT u.code, u.party_id, u.debit_minor - u.credit_minor AS net FROM unfolded(p_operator, p_through) AS u
            UNION ALL
            SELECT l.code, l.party_id, l.credit_minor - l.debit_minor FROM recorded_since(p_operator, p_known, p_through) AS l) AS s
        GROUP BY s.code, s.party_id),
    looked_at AS MATERIALIZED (    -- plain columns: row-level security keeps any other expression from the index of party_day
        SELECT l.code, l.party_id, sum(l.net) AS net FROM (
            SELECT m.code, m.party_id, m.net FROM moved m WHERE m.party_id IS NOT NULL
            UNION ALL SELECT k.code, k.party_id, 0 FROM party_standing k WHERE k.operator_id = p_operator AND k.crossed) AS l
        GROUP BY l.code, l.party_id),
    suspects AS MATERIALIZED (
        SELECT w.code, w.party_id, a.sign, w.net + COALESCE(k.net_minor, 0) AS net, COALESCE(k.through > p_through, false) AS is_later
        FROM looked_at w
        JOIN (SELECT c.code, CASE WHEN c.kind IN ('asset', 'expense') THEN 1 ELSE -1 END AS sign
              FROM account c WHERE c.operator_id = p_operator) AS a ON a.code = w.code
        LEFT JOIN party_standing k ON k.operator_id = p_operator AND k.code = w.code AND k.party_id = w.party_id
        WHERE k.crossed OR a.sign * w.net < 0),
    stands AS MATERIALIZED (
        SELECT w.code, w.sign * (w.net - CASE WHEN w.is_later THEN COALESCE((
                   SELECT sum(d.debit_minor - d.credit_minor) FROM party_day d
                   WHERE d.operator_id = p_operator AND d.party_id = w.party_id AND d.code = w.code AND d.day > p_through), 0)
                   ELSE 0 END) AS minor
        FROM suspects w)
    SELECT n.code, n.net, COALESCE(w.minor, 0) FROM (
        SELECT b.code, sum(b.net) AS net FROM (
            SELECT d.code, sum(d.debit_minor - d.credit_minor) AS net
            FROM account_day d WHERE d.operator_id = p_operator AND d.day <= p_through GROUP BY d.code
            UNION ALL SELECT m.code, m.net FROM moved m) AS b
        GROUP BY b.code) AS n
    LEFT JOIN (SELECT s.code, -sum(s.minor) AS minor FROM stands s WHERE s.minor < 0 GROUP BY s.code) AS w ON w.code = n.code;
END $$;

-- year_ends: what the entries that close years, and their reversals, moved over days [p_from, p_through]: no income and no expense.
CREATE OR REPLACE FUNCTION year_ends(p_operator bigint, p_from date, p_through date, p_known timestamptz)
RETURNS TABLE (code text, debit_minor numeric, credit_minor numeric)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    RETURN QUERY
    SELECT s.code, sum(s.debit), sum(s.credit)
    FROM entry e JOIN posting p ON p.operator_id = e.operator_id AND p.entry_id = e.id
    CROSS JOIN LATERAL (VALUES (p.debit_code, p.amount_minor, 0::bigint), (p.credit_code, 0::bigint, p.amount_minor)) AS s (code, debit, credit)
    WHERE e.operator_id = p_operator AND e.kind IN ('year_close', 'reversal:year_close') AND e.effective_on BETWEEN p_from AND p_through
      AND (p_known IS NULL OR e.recorded_at < p_known)
    GROUP BY s.code;
END $$;
