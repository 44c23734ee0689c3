"""Where a rule of the database does not hold, each with its reason. Every entry must still be needed."""

# Nobody but the owner changes or removes a row of these: what is wrong is put right by a further row.
APPEND_ONLY = {
    "entry", "posting", "seal", "daily_head", "verify_answer", "fund_movement", "charge", "charge_refund", "invoice",
    "books_lock", "allocation", "credit_note", "own_event", "deposit", "unearned_month",
    "adjustment", "payment", "shortage_settlement", "drawer_closing", "tariff_price", "vat_setting", "audit_event",
    "run_exception", "radius_accounting_error",
}  # fmt: skip
# App does not write these at all: only functions of *books* do.
MONEY = {
    "entry", "posting", "fund", "fund_movement", "charge", "charge_refund", "invoice", "invoice_open", "allocation",
    "customer_advance", "credit_note", "adjustment", "payment", "hand_over", "shortage_settlement", "drawer",
    "drawer_closing", "seal", "daily_head", "head_mail",
    "books_lock",
    "own_event", "deposit", "unearned_month",
}  # fmt: skip

# App removes rows of these only: what was planned and is given up before its day; nothing names them.
APP_DELETES = {
    "role_permission": "a tick taken away; the trail of the role keeps that it was there",
    "member_permission": "as role_permission",
    "holiday": "a day ahead that is none after all",
    "planned_change": "a package change that does not come",
    "onboarding_draft": "somebody who was not taken on after all",
    "customer_view": "filters under a name that nobody wants any more",
}

# Indexes whose first column does not name an operator.
INDEX_NOT_BY_OPERATOR = {
    "membership_user": "signing in looks for the operators of a user",
    "nas_source_address_key": "a packet is known by its source address alone",
    "disconnect_request_due": "the sender takes what is due in the whole cell",
    "radius_session_history_stopped": "clearing old sessions walks the whole cell by day (BRIN)",
    "payment_day": "payments come in by day, so BRIN finds an operator's days in a few blocks of all operators' rows",
    "customer_search": "trigrams, used by search_customers only, which filters by operator",
}
# Unique rules over more than one operator's rows.
UNIQUE_OVER_OPERATORS = {
    "nas_source_address_key": "two routers of a cell cannot share a source address",
    "radius_login_isp_id_username_key": "user names are unique per ISP",
    "radius_login_static_address": "an address serves one login of an ISP",
    "radius_session_live_nas_operator_id_nas_id_username_acct_se_key": "a session is known by the NAS that reports it",
}
# Columns named like references that are no foreign keys: {table: {column: reason}}; "*" = in every table.
NO_FOREIGN_KEY = {
    "*": {
        "actor_id": "a user, in the shared schema",
        "by_actor_id": "a user, in the shared schema",
        "user_id": "a user, in the shared schema",
        "answered_by_id": "a user, in the shared schema",
        "drawer_user_id": "a drawer, changed by the same function; verify checks it (a row key costs every payment)",
        "impersonation_id": "of the operator in which somebody works; an act there may write rows of others",
        "transfer_id": "the fund movement that ties two entries; verify checks it (row keys cost ×7 in batches)",
        "owner_id": "the operator whose customer was charged: the chain may be longer than the edge",
    },
    "operator": {"isp_id": "the first of the path (CHECK), and the parent's too (key of isp_id, parent_id)"},
    "audit_event": {"subject_id": "any kind of object"},
    "entry": {
        "operator_id": "posting functions check the books (row keys cost ×7 in batches)",
        "source_id": "the event's row, of any table",
        "reverses_id": "reverse_entry checks it",
    },
    "posting": {
        "operator_id": "posting functions check the books (row keys cost ×7 in batches)",
        "entry_id": "as operator_id",
    },
    "account_day": {"operator_id": "a cache that verify rebuilds"},
    "kind_day": {"operator_id": "a cache that verify rebuilds"},
    "verify_answer": {"run_id": "the run of the ISP, whose row this operator does not read"},
    "party_day": {"operator_id": "a cache that verify rebuilds", "party_id": "as operator_id"},
    "party_standing": {"operator_id": "a cache that verify rebuilds", "party_id": "as operator_id"},
    "radius_login": {"subscription_id": "subscribers is a higher context"},
    "disconnect_request": {"subscription_id": "subscribers is a higher context"},
    "radius_session_live": {"acct_session_id": "the NAS's own text"},
    "radius_session_history": {"acct_session_id": "the NAS's own text"},
    "invoice": {"customer_id": "the subscription's customer, copied", "run_id": "the ISP's run; verify checks it"},
    "invoice_open": {
        "operator_id": "a cache that verify rebuilds", "customer_id": "as operator_id", "invoice_id": "as operator_id",
    },
    "allocation": {"payment_id": "payments is a higher context", "customer_id": "the invoice's customer, copied"},
    "credit_note": {"customer_id": "the invoice's customer, copied"},
    "adjustment": {"customer_id": "the invoice's customer, copied"},
    "charge": {
        "child_id": "written beside the invoice by one function; verify checks it (decision 0004)",
        "parent_id": "as child_id", "invoice_id": "as child_id", "subscription_id": "as child_id",
        "movement_id": "the fund movement of a run's slice; verify checks it",
    },
    "charge_refund": {"parent_id": "the charge's parent, copied", "movement_id": "as of a charge"},
    "fund_statement": {"last_movement_id": "the last movement there was, of whatever day"},
    "held_bill": {"short_child_id": "an operator of the chain, written by the run"},
    "billing_state": {"running_invoice_id": "billed in arrears: the bill of that id is made at the period's end"},
    "run_shard": {"top_id": "an operator of the ISP, written by the run"},
    "run_plan_slice": {"top_id": "an operator of the ISP, written by the dry run"},
    "run_exception": {
        "operator_id": "written by the run", "run_id": "as operator_id", "subscription_id": "as operator_id",
    },
}  # fmt: skip
# Text columns named like enumerations that take other values too.
NO_ENUMERATION = {
    "membership.role": "one of the operator's roles (foreign key)",
    "entry.kind": "the kinds of posting_template, and reversals of them",
    "posting_template.kind": "its rows are the list of kinds",
    "operator_block.reason": "each cause that can block an operator names itself",
    "disconnect_request.reason": "told to people, never compared",
    "credit_note.reason": "typed by a person",
    "entry.reason": "typed by a person",
    "drawer_closing.reason": "typed by a person",
    "impersonation.reason": "typed by a person",
    "run_exception.reason": "told to people, never compared",
}

# References that no column's name asks for, or that another one with the same column would hide.
FURTHER_REFERENCES: dict[str, set[tuple[str, ...]]] = {
    "membership": {("operator_id",), ("operator_id", "role")},
    "module_grant": {("operator_id",), ("parent_id", "operator_id"), ("parent_id", "permission")},
}
