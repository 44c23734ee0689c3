-- Books per operator: double entry by construction, append-only (SPEC §3, ARCHITECTURE §4.4–4.6).

-- The chart of accounts that new books start from, and the posting templates; both seeded from backhaul/ledger/choices.py.
CREATE TABLE chart_template (
    code text PRIMARY KEY,
    number text NOT NULL,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('asset', 'liability', 'equity', 'income', 'expense')),
    party_kind text CHECK (party_kind IN ('customer', 'operator'))
);
CREATE TABLE posting_template (
    kind text NOT NULL,
    side text NOT NULL CHECK (side IN ('own', 'parent', 'child')),
    n smallint NOT NULL,
    debit_code text NOT NULL,                   -- 'paid' = the method's account, named by the caller
    credit_code text NOT NULL CHECK (credit_code <> debit_code),
    amount text NOT NULL,                       -- name of one of the event's amounts
    debit_party text CHECK (debit_party IN ('customer', 'operator')),
    credit_party text CHECK (credit_party IN ('customer', 'operator')),
    PRIMARY KEY (kind, side, n)
);

CREATE TABLE books (
    operator_id bigint PRIMARY KEY REFERENCES operator (id),
    locked_through date,                        -- nothing is posted on or before this day
    sealed_before xid8 NOT NULL DEFAULT '0',    -- entries of earlier transactions are folded into account_day
    last_seal_no bigint NOT NULL DEFAULT 0
);

CREATE TABLE account (
    operator_id bigint NOT NULL REFERENCES books (operator_id),
    code text NOT NULL,                         -- never changes; number and name are the operator's
    number text NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    kind text NOT NULL CHECK (kind IN ('asset', 'liability', 'equity', 'income', 'expense')),
    party_kind text CHECK (party_kind IN ('customer', 'operator')),
    closed_on date,
    PRIMARY KEY (operator_id, code)
);

CREATE SEQUENCE entry_id;
CREATE TABLE entry (
    operator_id bigint NOT NULL,
    id bigint NOT NULL DEFAULT nextval('entry_id'),
    kind text NOT NULL,
    source_id bigint NOT NULL,                  -- the event's row: invoice, payment, fund movement …
    effective_on date NOT NULL,
    recorded_at timestamptz NOT NULL,
    actor_id bigint NOT NULL,
    transfer_id bigint,                         -- the fund movement that ties the two entries of an edge
    reverses_id bigint,
    reason text,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (operator_id, id),
    UNIQUE (operator_id, kind, source_id),      -- an event is posted once
    UNIQUE (operator_id, reverses_id),          -- an entry is reversed once
    CHECK ((reverses_id IS NULL) = (kind NOT LIKE 'reversal:%'))
);
CREATE INDEX entry_unsealed ON entry (operator_id, xid);

CREATE TABLE posting (
    operator_id bigint NOT NULL,
    entry_id bigint NOT NULL,
    n smallint NOT NULL,
    debit_code text NOT NULL,
    credit_code text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    debit_party bigint,
    credit_party bigint,
    effective_on date NOT NULL,
    PRIMARY KEY (operator_id, entry_id, n),
    CHECK (debit_code <> credit_code OR debit_party IS DISTINCT FROM credit_party)
);

-- Day nets, folded by the seal job; openings and closings are computed forward from them when read.
CREATE TABLE account_day (
    operator_id bigint NOT NULL,
    code text NOT NULL,
    day date NOT NULL,
    debit_minor bigint NOT NULL DEFAULT 0,
    credit_minor bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (operator_id, code, day)
) WITH (fillfactor = 70);
CREATE TABLE party_day (
    operator_id bigint NOT NULL,
    code text NOT NULL,
    party_id bigint NOT NULL,
    day date NOT NULL,
    debit_minor bigint NOT NULL DEFAULT 0,
    credit_minor bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (operator_id, party_id, code, day)
) WITH (fillfactor = 70);

CREATE TABLE seal (
    operator_id bigint NOT NULL REFERENCES books (operator_id),
    no bigint NOT NULL,
    xid_from xid8 NOT NULL,                     -- the block holds entries with xid_from <= xid < xid_before
    xid_before xid8 NOT NULL,
    cluster_epoch bigint NOT NULL,              -- xids of another cluster are not comparable
    entries bigint NOT NULL,
    amount_minor bigint NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    PRIMARY KEY (operator_id, no)
);
