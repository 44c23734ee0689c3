-- What only an operator's own books know: its owner's money, expenses, suppliers, assets, VAT returns, opening balances (SPEC §3).

-- Contract (app): records such an event of the acting operator and posts its entry after the template of its kind.
-- p_amounts: {"amount name of the template": minor units}; of opening balances {"account": debits less credits}.
-- p_paid: cash, bank or mobile_wallet, where the kind moves money; p_chosen: the account that the kind leaves open.
-- The same p_request_key again returns the first event; with other figures it is refused. Nobody from above draws an owner's money
-- inside an operator. Returns the event's id.
CREATE OR REPLACE FUNCTION record_own_event(
    p_kind text, p_amounts jsonb, p_on date, p_paid text, p_chosen text, p_reason text, p_request_key text, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_operator bigint := acting_operator();
    v_known own_event%ROWTYPE;
    v_id bigint;
BEGIN
    IF p_kind = 'owner_draws' THEN
        PERFORM refuse_inside();
    END IF;
    INSERT INTO own_event (operator_id, kind, effective_on, amounts, paid_code, chosen_code, reason, request_key)
    SELECT b.operator_id, p_kind, p_on, p_amounts, p_paid, p_chosen, p_reason, p_request_key FROM books b WHERE b.operator_id = v_operator
    ON CONFLICT (operator_id, request_key) DO NOTHING RETURNING id INTO v_id;
    IF v_id IS NULL THEN
        SELECT * INTO v_known FROM own_event WHERE operator_id = v_operator AND request_key = p_request_key;
        IF v_known.id IS NULL THEN
            PERFORM refuse_locked(v_operator, p_on);    -- no books
        ELSIF (v_known.kind, v_known.effective_on, v_known.amounts, v_known.paid_code, v_known.chosen_code, v_known.reason)
           IS DISTINCT FROM (p_kind, p_on, p_amounts, p_paid, p_chosen, p_reason) THEN
            PERFORM refuse('key_reused', 'This form was already sent with other figures; open it again.');
        END IF;
        RETURN v_known.id;
    END IF;
    PERFORM refuse_locked(v_operator, p_on);
    IF p_kind = 'opening_balances' THEN
        PERFORM refuse_opening(v_operator, p_amounts, p_on);
        PERFORM post_opening(v_operator, v_id, p_amounts, p_on, p_reason, p_now);
    ELSE
        PERFORM refuse_own_event(v_operator, p_kind, p_amounts, p_on, p_paid, p_chosen);
        PERFORM post_event(v_operator, p_kind, 'own', v_id, p_on, p_now, p_amounts, p_paid => p_paid, p_reason => p_reason,
                           p_chosen => p_chosen);
    END IF;
    RETURN v_id;
END $$;

-- refuse_own_event: says what of an event cannot be posted: amounts that its template does not know or that are none, an account that
-- does not fit.
CREATE OR REPLACE FUNCTION refuse_own_event(
    p_operator bigint, p_kind text, p_amounts jsonb, p_on date, p_paid text, p_chosen text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_accounts text[];
    v_chosen account%ROWTYPE;
BEGIN
    SELECT array_agg(debit_code) || array_agg(credit_code) INTO v_accounts FROM posting_template WHERE kind = p_kind AND side = 'own';
    IF EXISTS (SELECT 1 FROM jsonb_each(p_amounts) AS a (name, minor) WHERE name NOT IN (
                   SELECT amount FROM posting_template WHERE kind = p_kind AND side = 'own'))
       OR NOT EXISTS (SELECT 1 FROM jsonb_each(p_amounts)) THEN
        PERFORM refuse('invalid_input', 'These are not the amounts of such an entry.');
    END IF;
    PERFORM refuse_figures(p_amounts, 0);
    IF ('paid' = ANY (v_accounts)) <> (p_paid IS NOT NULL) OR p_paid NOT IN ('cash', 'bank', 'mobile_wallet') THEN
        PERFORM refuse('invalid_input', 'Say how the money was paid: cash, bank or mobile wallet.');
    ELSIF ('chosen' = ANY (v_accounts)) <> (p_chosen IS NOT NULL) THEN
        PERFORM refuse('unknown_account', 'Choose the account that it is for.');
    ELSIF p_chosen IS NOT NULL THEN
        v_chosen := own_account(p_operator, p_chosen, p_on);
        IF p_kind = 'money_moved' AND (p_chosen = p_paid OR p_chosen NOT IN ('cash', 'bank', 'mobile_wallet')) THEN
            PERFORM refuse('invalid_input', 'Money is moved from one of cash, bank and mobile wallet into another.');
        ELSIF p_kind <> 'money_moved' AND (v_chosen.kind NOT IN ('expense', 'asset') OR p_chosen IN ('cash', 'bank', 'mobile_wallet')) THEN
            PERFORM refuse('invalid_input', '%s is neither a cost nor something to keep; choose another account.', v_chosen.name);
        END IF;
    ELSIF p_kind = 'vat_return' THEN
        PERFORM refuse_vat_return(p_operator, p_amounts, p_on);
    END IF;
END $$;

-- refuse_vat_return: not more VAT is paid, and set against it, than the books hold on that day and later returns leave of it.
CREATE OR REPLACE FUNCTION refuse_vat_return(p_operator bigint, p_amounts jsonb, p_on date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_input bigint;
    v_paid bigint;
BEGIN
    PERFORM 1 FROM books WHERE operator_id = p_operator FOR NO KEY UPDATE;     -- one at a time
    SELECT (p_amounts ->> 'input_vat')::bigint + COALESCE(sum((o.amounts ->> 'input_vat')::bigint), 0),
           (p_amounts ->> 'vat_paid')::bigint + COALESCE(sum((o.amounts ->> 'vat_paid')::bigint), 0) INTO v_input, v_paid
    FROM own_event o JOIN entry e ON e.operator_id = o.operator_id AND e.kind = o.kind AND e.source_id = o.id
    WHERE o.operator_id = p_operator AND o.kind = 'vat_return' AND o.effective_on > p_on
      AND NOT EXISTS (SELECT 1 FROM entry r WHERE r.operator_id = e.operator_id AND r.reverses_id = e.id);
    IF v_input > balance_on(p_operator, 'input_vat', p_on) OR v_input + v_paid > -balance_on(p_operator, 'vat_payable', p_on) THEN
        PERFORM refuse('more_vat_than_owed', 'That is more VAT than the books hold on that day; look at the accounts VAT payable and Input VAT.');
    END IF;
END $$;

-- balance_on: what an account holds at the end of a day, debits less credits.
CREATE OR REPLACE FUNCTION balance_on(p_operator bigint, p_code text, p_on date) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT COALESCE(sum(debit_minor - credit_minor), 0) FROM account_day
            WHERE operator_id = p_operator AND code = p_code AND day <= p_on)
         + (SELECT COALESCE(sum(debit_minor - credit_minor), 0) FROM unfolded(p_operator, p_on, p_code));
END $$;

-- refuse_figures: amounts are whole minor units from p_least on, and not all of them zero.
CREATE OR REPLACE FUNCTION refuse_figures(p_amounts jsonb, p_least bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM jsonb_each(p_amounts) AS a (name, minor) WHERE jsonb_typeof(minor) <> 'number'
               OR minor::numeric <> trunc(minor::numeric) OR minor::numeric NOT BETWEEN p_least AND 1000000000000000) THEN
        PERFORM refuse('amount_not_positive', 'An amount is less than zero, or far too large.');
    ELSIF NOT EXISTS (SELECT 1 FROM jsonb_each(p_amounts) AS a (name, minor) WHERE minor::numeric <> 0) THEN
        PERFORM refuse('amount_not_positive', 'The amount must be more than zero.');
    END IF;
END $$;

-- own_account: an account of the operator that takes entries on p_on and is not kept by party; refuses any other.
CREATE OR REPLACE FUNCTION own_account(p_operator bigint, p_code text, p_on date) RETURNS account
LANGUAGE plpgsql STABLE AS $$
DECLARE v_account account%ROWTYPE;
BEGIN
    SELECT * INTO v_account FROM account WHERE operator_id = p_operator AND code = p_code;
    IF NOT FOUND THEN
        PERFORM refuse('unknown_account', 'There is no account “%s”.', p_code);
    ELSIF v_account.closed_on <= p_on THEN
        PERFORM refuse('account_closed', '%s was closed on %s.', v_account.name, v_account.closed_on::text);
    ELSIF v_account.party_kind IS NOT NULL THEN
        PERFORM refuse('account_of_parties', '%s is kept by bills, payments and recharges; use one of those.', v_account.name);
    END IF;
    RETURN v_account;
END $$;

-- refuse_opening: opening balances come first in their books and once; neither revenue nor cost is taken over.
CREATE OR REPLACE FUNCTION refuse_opening(p_operator bigint, p_amounts jsonb, p_on date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_first date;
    v_account account%ROWTYPE;
    v_code text;
BEGIN
    PERFORM 1 FROM books WHERE operator_id = p_operator FOR NO KEY UPDATE;     -- one at a time
    IF EXISTS (SELECT 1 FROM entry e WHERE e.operator_id = p_operator AND e.kind = 'opening_balances' AND NOT EXISTS (
                   SELECT 1 FROM entry r WHERE r.operator_id = e.operator_id AND r.reverses_id = e.id)) THEN
        PERFORM refuse('already_opened', 'The opening balances are recorded already; take them back first.');
    END IF;
    SELECT min(effective_on) INTO v_first FROM entry WHERE operator_id = p_operator AND kind NOT LIKE '%opening_balances';
    IF v_first < p_on THEN
        PERFORM refuse('not_first', 'The books have entries from %s on; opening balances come before all of them: date them on that day or earlier.', v_first::text);
    END IF;
    PERFORM refuse_figures(p_amounts, -1000000000000000);
    FOR v_code IN SELECT jsonb_object_keys(p_amounts) LOOP
        v_account := own_account(p_operator, v_code, p_on);
        IF v_account.kind IN ('income', 'expense') OR v_code = 'opening_balances' THEN
            PERFORM refuse('invalid_input', '%s is not taken over: opening balances are what there is and what is owed.', v_account.name);
        END IF;
    END LOOP;
END $$;

-- post_opening: the one entry of all opening balances, line by line after the template 'opening_balances'; runs as its caller.
CREATE OR REPLACE FUNCTION post_opening(p_operator bigint, p_event bigint, p_amounts jsonb, p_on date, p_reason text, p_now timestamptz)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE v_entry bigint := nextval('entry_id');
BEGIN
    INSERT INTO posting (operator_id, entry_id, n, debit_code, credit_code, amount_minor, effective_on)
    SELECT p_operator, v_entry, row_number() OVER (ORDER BY b.code), CASE t.debit_code WHEN 'chosen' THEN b.code ELSE t.debit_code END,
           CASE t.credit_code WHEN 'chosen' THEN b.code ELSE t.credit_code END, abs(b.minor), p_on
    FROM (SELECT code, value::bigint AS minor FROM jsonb_each_text(p_amounts) AS a (code, value)) AS b
    JOIN posting_template t ON t.kind = 'opening_balances' AND t.side = 'own' AND t.amount = CASE WHEN b.minor > 0 THEN 'debit' ELSE 'credit' END
    WHERE b.minor <> 0;
    INSERT INTO entry (operator_id, id, kind, source_id, effective_on, recorded_at, actor_id, reason)
    VALUES (p_operator, v_entry, 'opening_balances', p_event, p_on, p_now, acting_user(), p_reason);
END $$;

-- refuse_closed_accounts: what people recorded is taken back where its accounts take entries on p_on.
CREATE OR REPLACE FUNCTION refuse_closed_accounts(p_done entry, p_on date) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM own_account(p.operator_id, s.code, p_on)
    FROM posting p CROSS JOIN LATERAL (VALUES (p.debit_code), (p.credit_code)) AS s (code)
    WHERE p.operator_id = p_done.operator_id AND p.entry_id = p_done.id;
END $$;

-- Contract (app): takes an event of the acting operator back, once, on its own day or a later one; opening balances on their own day
-- only, so that they do not stand twice before those that are recorded anew. Returns the new entry's id.
CREATE OR REPLACE FUNCTION reverse_own_event(p_event bigint, p_on date, p_reason text, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_event own_event%ROWTYPE;
    v_done entry%ROWTYPE;
BEGIN
    SELECT * INTO v_event FROM own_event WHERE operator_id = acting_operator() AND id = p_event;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such entry.');
    ELSIF v_event.kind = 'opening_balances' AND p_on <> v_event.effective_on THEN
        PERFORM refuse('invalid_input', 'Opening balances are taken back on their own day, %s.', v_event.effective_on::text);
    END IF;
    SELECT * INTO STRICT v_done FROM entry WHERE operator_id = v_event.operator_id AND kind = v_event.kind AND source_id = p_event;
    PERFORM refuse_closed_accounts(v_done, p_on);
    RETURN post_reversal(v_done, p_on, p_reason, p_now);
END $$;
