"""Rows of payments."""

from tests.architecture.samples import Check, own

_ANSWERED = {"state": "'sent_back'", "answered_at": "now()", "answered_by_id": "1"}
_RECEIVED = {"state": "'received'", "received_on": "current_date", "expected_minor": "100"}

SAMPLES = [
    own("receipt_numbering", {}, one_each=True),
    own(
        "payment",
        {
            "id": "{n}", "receipt_number": "{n}", "customer_id": "{n}", "amount_minor": "100", "method": "'cash'",
            "received_on": "current_date", "recorded_at": "now()", "actor_id": "0", "request_key": "'key-{n}'",
        },
        uniques={
            "operator_id, request_key": {},
            "operator_id, receipt_number": {},
            "operator_id, reverses_id": {"reverses_id": "7", "amount_minor": "-1"},
        },
        along={"payment_operator_id_reverses_id_fkey": {"amount_minor": "-1"}},
        checks={
            "payment_amount_minor_check": Check({"amount_minor": "0"}, but={"amount_minor": "1"}),
            "payment_method_check": Check({"method": "'shells'"}, but={"method": "'bank'"}),
            "payment_request_key_check": Check({"request_key": "''"}, but={"request_key": "'x'"}),
            "payment_check": Check({"amount_minor": "-100"}, but={"amount_minor": "-1", "reverses_id": "{me}"}),
            "payment_back_or_reversed": Check(
                {"amount_minor": "-1", "reverses_id": "{me}", "pays_back": "true"},
                but={"amount_minor": "-1", "pays_back": "true"},
            ),
        },
    ),
    own(
        "deposit",
        {
            "id": "{n}", "customer_id": "{n}", "kind": "'deposit_in'", "amount_minor": "100", "method": "'cash'",
            "moved_on": "current_date", "recorded_at": "now()", "actor_id": "0", "reason": "'typed'",
            "request_key": "'key-{n}'",
        },
        uniques={
            "operator_id, request_key": {},
            "operator_id, reverses_id": {"reverses_id": "7", "amount_minor": "-1"},
        },
        along={"deposit_operator_id_reverses_id_fkey": {"amount_minor": "-1"}},
        checks={
            "deposit_kind_check": Check(
                {"kind": "'deposit_lost'", "amount_minor": "-1"},
                but={"kind": "'deposit_given_back'", "amount_minor": "-1"},
            ),
            "deposit_request_key_check": Check({"request_key": "''"}, but={"request_key": "'x'"}),
            "deposit_reason_check": Check({"reason": "''"}, but={"reason": "'x'"}),
            "deposit_amount": Check({"amount_minor": "-1"}, but={"amount_minor": "1"}),
            "deposit_method": Check({"method": "NULL"}, but={"method": "'bank'"}),
        },
    ),
    own(
        "hand_over",
        {
            "id": "{n}", "user_id": "{n}", "round": "{k}", "counted_minor": "100", "counted_at": "now()",
            "request_key": "'key-{n}'",
        },
        uniques={
            "operator_id, user_id, round": {"user_id": "9", "round": "9", **_ANSWERED},
            "operator_id, request_key": {},
            "operator_id, user_id": {"user_id": "9"},
        },
        checks={
            "hand_over_counted_minor_check": Check({"counted_minor": "-1"}, but={"counted_minor": "0"}),
            "hand_over_request_key_check": Check({"request_key": "''"}, but={"request_key": "'x'"}),
            "hand_over_state_check": Check({**_ANSWERED, "state": "'lost'"}, but=_ANSWERED),
            "hand_over_expected_minor_check": Check(
                {**_ANSWERED, **_RECEIVED, "expected_minor": "-1"}, but={**_ANSWERED, **_RECEIVED}
            ),
            "hand_over_answered": Check({"answered_at": "now()", "answered_by_id": "1"}, but=_ANSWERED),
            "hand_over_received": Check({**_ANSWERED, "state": "'received'"}, but={**_ANSWERED, **_RECEIVED}),
        },
    ),
    own(
        "shortage_settlement",
        {
            "id": "{n}", "user_id": "{n}", "amount_minor": "100", "paid_code": "'cash'", "settled_on": "current_date",
            "request_key": "'key-{n}'", "recorded_at": "now()", "actor_id": "0",
        },
        uniques={"operator_id, request_key": {}},
        checks={
            "shortage_settlement_amount_minor_check": Check({"amount_minor": "0"}, but={"amount_minor": "1"}),
            "shortage_settlement_paid_code_check": Check({"paid_code": "'shells'"}, but={"paid_code": "'bank'"}),
            "shortage_settlement_request_key_check": Check({"request_key": "''"}, but={"request_key": "'x'"}),
            "shortage_settlement_why": Check({"paid_code": "NULL"}, but={"paid_code": "NULL", "why": "'x'"}),
        },
    ),
    own(
        "drawer_closing",
        {"id": "{n}", "user_id": "{n}", "through": "current_date", "actor_id": "0", "at": "now()"},
        checks={
            "drawer_closing_why": Check({"was": "current_date"}, but={"was": "current_date", "reason": "'x'"}),
        },
    ),
    own(
        "receipt_secret",
        {"secret": "decode(repeat('ab', 32), 'hex')"},
        one_each=True,
        checks={
            "receipt_secret_secret_check": Check(
                {"secret": "'short'"}, but={"secret": "decode(repeat('cd', 32), 'hex')"}
            ),
        },
    ),
]  # fmt: skip
