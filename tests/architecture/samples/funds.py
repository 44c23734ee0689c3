"""Rows of the prepaid funds."""

from tests.architecture.samples import Check, edge

SAMPLES = [
    edge(
        "fund",
        {"depth": "{depth}"},
        uniques={"parent_id, child_id": {}},
        checks={
            "fund_mode_check": Check({"mode": "'barter'"}, but={"mode": "'postpaid'"}),
            "fund_held_minor_check": Check({"held_minor": "-1"}, but={"held_minor": "1", "posted_minor": "1"}),
            "fund_credit_limit_minor_check": Check({"credit_limit_minor": "-1", "posted_minor": "1"}),
            "fund_low_balance_minor_check": Check({"low_balance_minor": "-1"}),
            "fund_short_days_check": Check({"short_days": "31"}, but={"short_days": "30"}),
            "fund_never_overdrawn": Check(
                {"posted_minor": "-1"}, but={"posted_minor": "-1", "credit_limit_minor": "1"}
            ),
            "fund_owed_within_limit": Check(
                {"mode": "'postpaid'", "owed_minor": "2", "credit_limit_minor": "1"},
                but={"mode": "'postpaid'", "owed_minor": "1", "credit_limit_minor": "1"},
            ),
        },
        one_each=True,
    ),
    edge(
        "fund_movement",
        {
            "id": "{n}", "kind": "'recharge'", "fund_minor": "1", "owed_minor": "0", "moved_on": "current_date",
            "recorded_at": "now()", "actor_id": "0", "request_key": "'key-{n}'",
        },
        uniques={
            "child_id, request_key": {},
            "child_id, reverses_id": {"reverses_id": "7", "kind": "'recharge_reversed'"},
        },
        along={"fund_movement_child_id_reverses_id_fkey": {"kind": "'recharge_reversed'"}},
        checks={
            "fund_movement_kind_check": Check({"kind": "'gift'"}, but={"kind": "'bonus'"}),
            "fund_movement_request_key_check": Check({"request_key": "''"}, but={"request_key": "'x'"}),
            "fund_movement_check": Check({"fund_minor": "0"}, but={"fund_minor": "0", "owed_minor": "1"}),
            "fund_movement_check1": Check({"kind": "'recharge_reversed'"}),
        },
    ),
]  # fmt: skip
