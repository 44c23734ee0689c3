"""Rows of payments."""

from tests.architecture.samples import Check, own

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
]  # fmt: skip
