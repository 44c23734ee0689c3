-- Contract (app): an entry of the acting operator by hand, for what no event posts (SPEC A3).
-- p_lines: [{"debit_code", "credit_code", "amount_minor"}], 1 to 200 of them, amounts more than zero; the accounts exist and are open.
-- Accounts with parties (dues, advances, funds) are kept by their own events and refused here. The same p_request_key again
-- returns the first entry; with other figures it is refused. Returns the entry id.
CREATE OR REPLACE FUNCTION post_manual_entry(p_effective_on date, p_lines jsonb, p_reason text, p_request_key text, p_now timestamptz)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operator bigint := acting_operator();
    v_manual bigint;
    v_known manual_entry%ROWTYPE;
    v_entry bigint := nextval('entry_id');
BEGIN
    INSERT INTO manual_entry (operator_id, request_key, effective_on, reason, lines)
    SELECT b.operator_id, p_request_key, p_effective_on, p_reason, p_lines FROM books b WHERE b.operator_id = v_operator
    ON CONFLICT (operator_id, request_key) DO NOTHING RETURNING id INTO v_manual;
    IF v_manual IS NULL THEN
        SELECT * INTO v_known FROM manual_entry WHERE operator_id = v_operator AND request_key = p_request_key;
        IF v_known.id IS NULL THEN
            PERFORM refuse_locked(v_operator, p_effective_on);    -- no books
        ELSIF (v_known.effective_on, v_known.reason, v_known.lines) IS DISTINCT FROM (p_effective_on, p_reason, p_lines) THEN
            PERFORM refuse('key_reused', 'This form was already sent with other figures; open it again.');
        END IF;
        RETURN (SELECT id FROM entry WHERE operator_id = v_operator AND kind = 'manual' AND source_id = v_known.id);
    END IF;
    PERFORM refuse_locked(v_operator, p_effective_on);
    PERFORM refuse_manual_lines(v_operator, p_effective_on, p_lines);
    INSERT INTO entry (operator_id, id, kind, source_id, effective_on, recorded_at, actor_id, reason)
    VALUES (v_operator, v_entry, 'manual', v_manual, p_effective_on, p_now, acting_user(), p_reason);
    INSERT INTO posting (operator_id, entry_id, n, debit_code, credit_code, amount_minor, effective_on)
    SELECT v_operator, v_entry, l.n, l.line ->> 'debit_code', l.line ->> 'credit_code', (l.line ->> 'amount_minor')::bigint, p_effective_on
    FROM jsonb_array_elements(p_lines) WITH ORDINALITY AS l (line, n);
    RETURN v_entry;
END $$;

-- refuse_manual_lines: says which line of an entry by hand cannot be posted, and why.
CREATE OR REPLACE FUNCTION refuse_manual_lines(p_operator bigint, p_effective_on date, p_lines jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    r record;
    v_account account%ROWTYPE;
    v_code text;
BEGIN
    IF jsonb_array_length(p_lines) NOT BETWEEN 1 AND 200 THEN
        PERFORM refuse('invalid_input', 'An entry has 1 to 200 lines.');
    END IF;
    FOR r IN SELECT line ->> 'debit_code' AS debit, line ->> 'credit_code' AS credit, line -> 'amount_minor' AS amount, n
             FROM jsonb_array_elements(p_lines) WITH ORDINALITY AS l (line, n) LOOP
        IF r.amount IS NULL OR jsonb_typeof(r.amount) <> 'number' OR r.amount::numeric <> trunc(r.amount::numeric)
           OR r.amount::numeric NOT BETWEEN 1 AND 1000000000000000 THEN
            PERFORM refuse('invalid_input', 'Line %s: the amount must be more than zero.', r.n::text);
        ELSIF r.debit = r.credit THEN
            PERFORM refuse('invalid_input', 'Line %s debits and credits the same account.', r.n::text);
        END IF;
        FOREACH v_code IN ARRAY ARRAY[r.debit, r.credit] LOOP
            SELECT * INTO v_account FROM account WHERE operator_id = p_operator AND code = v_code;
            IF NOT FOUND THEN
                PERFORM refuse('unknown_account', 'Line %s: there is no account “%s”.', r.n::text, v_code);
            ELSIF v_account.closed_on <= p_effective_on THEN
                PERFORM refuse('account_closed', 'Line %s: %s was closed on %s.', r.n::text, v_account.name, v_account.closed_on::text);
            ELSIF v_account.party_kind IS NOT NULL THEN
                PERFORM refuse('account_of_parties', 'Line %s: %s is kept by bills, payments and recharges; use one of those.', r.n::text, v_account.name);
            END IF;
        END LOOP;
    END LOOP;
END $$;

-- Contract (app): takes back an entry that was made by hand, once: the same postings with the sides swapped, on p_on.
-- Entries of other events are taken back by their own context (a payment by its reversal …). Returns the new entry's id.
CREATE OR REPLACE FUNCTION reverse_entry(p_entry bigint, p_on date, p_reason text, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operator bigint := acting_operator();
    v_done entry%ROWTYPE;
BEGIN
    SELECT * INTO v_done FROM entry WHERE operator_id = v_operator AND id = p_entry;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such entry.');
    ELSIF v_done.kind <> 'manual' THEN
        PERFORM refuse('not_by_hand', 'Only an entry made by hand can be taken back here; reverse the payment, bill or recharge itself.');
    END IF;
    PERFORM refuse_closed_accounts(v_done, p_on);
    RETURN post_reversal(v_done, p_on, p_reason, p_now);
END $$;
