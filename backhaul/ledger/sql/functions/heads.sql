-- Contract (batch): notes how the chain of one books stood at the end of a day (p_until: that instant) and puts the mail of it into
-- the outbox where the operator has an address: once a day, never for a day before the last. True if it was made now; books without
-- a block by then have no head.
CREATE OR REPLACE FUNCTION make_head(p_operator bigint, p_on date, p_until timestamptz, p_at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_last daily_head%ROWTYPE;
    v_seal seal%ROWTYPE;
BEGIN
    PERFORM 1 FROM books WHERE operator_id = p_operator FOR NO KEY UPDATE;
    SELECT * INTO v_last FROM daily_head WHERE operator_id = p_operator ORDER BY on_date DESC LIMIT 1;
    SELECT * INTO v_seal FROM seal WHERE operator_id = p_operator AND sealed_at < p_until ORDER BY no DESC LIMIT 1;
    IF NOT FOUND OR v_last.on_date >= p_on THEN
        RETURN false;
    END IF;
    INSERT INTO daily_head (operator_id, on_date, seal_no, hash, debits_minor, made_at)
    SELECT p_operator, p_on, v_seal.no, v_seal.hash, COALESCE(v_last.debits_minor, 0) + COALESCE(sum(amount_minor), 0), p_at
    FROM seal WHERE operator_id = p_operator AND no > COALESCE(v_last.seal_no, 0) AND no <= v_seal.no;
    INSERT INTO head_mail (operator_id, on_date, address)
    SELECT p_operator, p_on, address FROM head_address WHERE operator_id = p_operator AND address IS NOT NULL;
    RETURN true;
END $$;
