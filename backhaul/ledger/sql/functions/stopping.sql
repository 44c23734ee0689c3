-- findings: what `verify` found, one by one, without the figures of kept sums: these go on with every entry.
CREATE OR REPLACE FUNCTION findings(p_why text) RETURNS text[]
LANGUAGE sql IMMUTABLE AS $$ SELECT string_to_array(regexp_replace(p_why, ': (kept|debits) [^;]*', '', 'g'), '; ') $$;

-- Contract (batch): nothing more is posted in these books, for what `verify` found (p_why), until they are released. What was released
-- once does not stop them again. True if they were stopped now.
CREATE OR REPLACE FUNCTION stop_books(p_operator bigint, p_why text, p_at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    UPDATE books SET stopped_at = p_at, stopped_why = p_why
    WHERE operator_id = p_operator AND stopped_at IS NULL AND NOT findings(p_why) <@ findings(COALESCE(excused, ''));
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO audit_event (operator_id, at, actor_id, verb, subject_type, subject_id, detail)
    VALUES (p_operator, p_at, acting_user(), 'books.stopped', 'books', p_operator, jsonb_build_object('why', p_why));
    RETURN true;
END $$;

-- Contract (batch): stopped books take entries again; who looked at what was found says why that is right.
CREATE OR REPLACE FUNCTION release_books(p_operator bigint, p_reason text, p_at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE v_why text;
BEGIN
    SELECT stopped_why INTO v_why FROM books WHERE operator_id = p_operator FOR NO KEY UPDATE;
    IF v_why IS NULL THEN
        PERFORM refuse('not_found', 'These books are not stopped.');
    ELSIF trim(p_reason) = '' THEN
        PERFORM refuse('invalid_input', 'Say why the books may take entries again.');
    END IF;
    UPDATE books SET stopped_at = NULL, stopped_why = NULL, excused = v_why WHERE operator_id = p_operator;
    INSERT INTO audit_event (operator_id, at, actor_id, verb, subject_type, subject_id, detail)
    VALUES (p_operator, p_at, acting_user(), 'books.released', 'books', p_operator,
            jsonb_build_object('why', v_why, 'reason', trim(p_reason)));
END $$;
