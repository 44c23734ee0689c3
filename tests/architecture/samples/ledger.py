"""Rows of the books."""

from tests.architecture.samples import Check, Sample, own

_KINDS = Check({"kind": "'wish'"}, but={"kind": "'liability'"})
_PARTIES = Check({"party_kind": "'cat'"}, but={"party_kind": "'customer'"})

SAMPLES = [
    Sample(
        "chart_template",
        {"code": "'code_{n}'", "number": "'9'", "name": "'Name'", "kind": "'asset'"},
        checks={"chart_template_kind_check": _KINDS, "chart_template_party_kind_check": _PARTIES},
    ),
    Sample(
        "posting_template",
        {
            "kind": "'kind {n}'", "side": "'own'", "n": "{k}", "debit_code": "'a'", "credit_code": "'b'",
            "amount": "'amount'",
        },
        checks={
            "posting_template_side_check": Check({"side": "'uncle'"}, but={"side": "'child'"}),
            "posting_template_check": Check({"credit_code": "'a'"}),
            "posting_template_debit_party_check": Check({"debit_party": "'cat'"}, but={"debit_party": "'operator'"}),
            "posting_template_credit_party_check": Check({"credit_party": "'cat'"}, but={"credit_party": "'operator'"}),
        },
    ),
    own(
        "books",
        {},
        checks={
            "books_year_starts_month_check": Check({"year_starts_month": "13"}, but={"year_starts_month": "12"}),
            "books_stopped": Check({"stopped_at": "now()"}, but={"stopped_at": "now()", "stopped_why": "'changed'"}),
        },
        one_each=True,
    ),
    own(
        "books_lock",
        {
            "id": "{n}", "kind": "'close'", "locked_through": "current_date", "why": "''", "recorded_at": "now()",
            "actor_id": "0", "xid": "'3'",
        },
        checks={
            "books_lock_kind_check": Check({"kind": "'wish'"}, but={"kind": "'year_close'"}),
            "books_lock_check": Check(
                {"locked_through": "NULL"}, but={"locked_through": "NULL", "kind": "'reopen'", "why": "'x'"}
            ),
            "books_lock_check1": Check({"kind": "'reopen'"}, but={"kind": "'reopen'", "why": "'x'"}),
        },
    ),
    own(
        "account",
        {"code": "'code_{n}'", "number": "'9'", "name": "'Name'", "kind": "'asset'"},
        checks={
            "account_code_check": Check({"code": "'Two Words'"}, but={"code": "'one_word'"}),
            "account_name_check": Check({"name": "''"}, but={"name": "'x'"}),
            "account_kind_check": _KINDS,
            "account_party_kind_check": _PARTIES,
        },
    ),
    own(
        "entry",
        {
            "id": "{n}", "kind": "'manual'", "source_id": "{n}", "effective_on": "current_date", "recorded_at": "now()",
            "actor_id": "0",
        },
        uniques={
            "operator_id, kind, source_id": {},
            "operator_id, reverses_id": {"reverses_id": "7", "kind": "'reversal:manual'"},
        },
        checks={
            "entry_check": Check(
                {"kind": "'reversal:manual'"}, but={"kind": "'reversal:manual'", "reverses_id": "{n}"}
            ),
        },
    ),
    own(
        "posting",
        {
            "entry_id": "{n}", "n": "1", "debit_code": "'cash'", "credit_code": "'capital'", "amount_minor": "100",
            "effective_on": "current_date",
        },
        checks={
            "posting_amount_minor_check": Check({"amount_minor": "0"}, but={"amount_minor": "1"}),
            "posting_check": Check(
                {"credit_code": "'cash'"},
                but={"credit_code": "'cash'", "debit_party": "1", "credit_party": "2"},
            ),
        },
    ),
    own(
        "drawer_rule",
        {},
        one_each=True,
        checks={
            "drawer_rule_late_receipts_check": Check({"late_receipts": "'burnt'"}, but={"late_receipts": "'refused'"}),
            "drawer_rule_float_limit_minor_check": Check({"float_limit_minor": "0"}, but={"float_limit_minor": "1"}),
        },
    ),
    own(
        "drawer",
        {"user_id": "{n}", "held_minor": "100"},
        checks={
            "drawer_held_minor_check": Check({"held_minor": "-1"}, but={"held_minor": "0"}),
            "drawer_float_limit_minor_check": Check({"float_limit_minor": "0"}, but={"float_limit_minor": "1"}),
            "drawer_rounds": Check({"handed_through": "1"}, but={"handed_through": "1", "counted_through": "1"}),
            "drawer_waiting": Check({"waiting_minor": "101"}, but={"waiting_minor": "100"}),
        },
    ),
    own("account_day", {"code": "'code_{n}'", "day": "current_date"}),
    own(
        "kind_day",
        {
            "entry_kind": "'kind_{n}'", "day": "current_date", "entries": "1", "amount_minor": "1",
            "receivable_minor": "0",
        },
    ),
    own("party_day", {"code": "'code'", "party_id": "{n}", "day": "current_date"}),
    own(
        "party_standing",
        {"code": "'code'", "party_id": "{n}", "through": "current_date", "net_minor": "0", "crossed": "false"},
    ),
    own(
        "manual_entry",
        {"id": "{n}", "request_key": "'key-{n}'", "effective_on": "current_date", "reason": "'typed'", "lines": "'[]'"},
        uniques={"operator_id, request_key": {}},
        checks={
            "manual_entry_request_key_check": Check({"request_key": "''"}, but={"request_key": "'x'"}),
            "manual_entry_reason_check": Check({"reason": "''"}, but={"reason": "'x'"}),
        },
    ),
    own(
        "own_event",
        {
            "id": "{n}", "request_key": "'key-{n}'", "kind": "'expense'", "effective_on": "current_date",
            "amounts": "'{{}}'", "reason": "'typed'",
        },
        uniques={"operator_id, request_key": {}},
        checks={
            "own_event_kind_check": Check({"kind": "'wish'"}, but={"kind": "'payroll'"}),
            "own_event_request_key_check": Check({"request_key": "''"}, but={"request_key": "'x'"}),
            "own_event_reason_check": Check({"reason": "''"}, but={"reason": "'x'"}),
        },
    ),
    own(
        "seal",
        {
            "no": "{n}", "xid_from": "'3'", "xid_before": "'4'", "entries": "1", "amount_minor": "1",
            "previous_hash": "''", "hash": "''", "sealed_at": "now()",
        },
        checks={
            "seal_check": Check({"xid_before": "'3'"}),
            "seal_entries_check": Check({"entries": "0"}),
        },
    ),
    own(
        "daily_head",
        {
            "on_date": "date '2026-01-01' + {k}", "seal_no": "{n}", "hash": "''", "debits_minor": "1",
            "made_at": "now()",
        },
    ),
    own(
        "head_address",
        {"address": "'me@example.net'"},
        checks={"head_address_address_check": Check({"address": "'nobody'"}, but={"address": "NULL"})},
        one_each=True,
    ),
    own(
        "head_mail",
        {"on_date": "date '2026-01-01' + {k}", "address": "'me@example.net'"},
        checks={"head_mail_address_check": Check({"address": "'nobody'"}, but={"address": "'a@b'"})},
    ),
    own("verify_run", {"id": "{n}", "by_actor_id": "0", "asked_at": "now()"}),
    own("verify_answer", {"run_id": "{n}", "ended_at": "now()", "wrong": "0", "answers": "'[]'"}),
    Sample(
        "xid_epoch",
        {"system_identifier": "{n}", "no": "{n} % 10000 + {k}", "xid_offset": "0", "began_at": "now()"},
        checks={"xid_epoch_xid_offset_check": Check({"xid_offset": "-1"})},
    ),
]  # fmt: skip
