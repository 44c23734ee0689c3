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
            "fund_charge_timing_check": Check({"charge_timing": "'weekly'"}, but={"charge_timing": "'daily'"}),
            "fund_trial_customers_check": Check({"trial_customers": "-1"}, but={"trial_customers": "0"}),
            "fund_refund_policy_check": Check({"refund_policy": "'all'"}, but={"refund_policy": "'none'"}),
            "fund_refund_minimum_minor_check": Check({"refund_minimum_minor": "-1"}),
            "fund_release_after_days_check": Check({"release_after_days": "0"}, but={"release_after_days": "1"}),
            "fund_credit_reasons": Check(
                {"credit_days_for": "ARRAY['weather']"}, but={"credit_days_for": "ARRAY['outage']"}
            ),
            "fund_exposure_limit_minor_check": Check({"exposure_limit_minor": "-1"}, but={"exposure_limit_minor": "0"}),
            "fund_min_recharge_minor_check": Check({"min_recharge_minor": "-1"}),
            "fund_minimum_margin_minor_check": Check({"minimum_margin_minor": "-1"}),
            "fund_notice_hours_check": Check({"notice_hours": "721"}, but={"notice_hours": "720"}),
            "fund_step_in_days_check": Check({"step_in_days": "91"}, but={"step_in_days": "90"}),
            "fund_guard_step_check": Check({"guard_step": "'angry'"}, but={"guard_step": "'warned'"}),
            "fund_new_blocked_why_check": Check(
                {"new_blocked_why": "'mood'"}, but={"new_blocked_why": "'recharge_reversed'"}
            ),
            "fund_emergency_days_check": Check({"emergency_days": "32"}, but={"emergency_days": "31"}),
            "fund_emergency_fee_minor_check": Check({"emergency_fee_minor": "-1"}),
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
    edge(
        "volume_slab",
        {"starts_on": "date '2026-01-01'", "from_services": "{k}", "bonus_bp": "100"},
        checks={
            "volume_slab_starts_on_check": Check({"starts_on": "date '2026-01-02'"}),
            "volume_slab_from_services_check": Check({"from_services": "0"}),
            "volume_slab_bonus_bp_check": Check({"bonus_bp": "10001"}, but={"bonus_bp": "0"}),
        },
    ),
    edge(
        "fund_statement",
        {
            "month_on": "(date '2020-01-01' + ({k} - 1) * interval '1 month')::date", "opening_minor": "1",
            "credits_minor": "3", "debits_minor": "2", "closing_minor": "2", "owed_minor": "0", "digest": "'x'",
            "prepared_at": "now()",
        },
        checks={
            "fund_statement_month_on_check": Check({"month_on": "date '2020-01-31'"}),
            "fund_statement_check": Check({"closing_minor": "3"}, but={"closing_minor": "3", "credits_minor": "4"}),
        },
    ),
    edge(
        "fund_dispute",
        {"id": "{n}", "movement_id": "{n}", "said_by_child": "true", "what": "'wrong'", "said_at": "now()"},
        checks={
            "fund_dispute_what_check": Check({"what": "''"}),
            "fund_dispute_check": Check({"settled_at": "now()"}, but={"settled_at": "now()", "settled_how": "'so'"}),
        },
    ),
    edge(
        "fund_request",
        {
            "id": "{n}", "amount_minor": "1", "asked_at": "now()", "by_actor_id": "0", "request_key": "'key-{n}'",
        },
        uniques={"child_id, request_key": {}},
        checks={
            "fund_request_amount_minor_check": Check({"amount_minor": "0"}),
            "fund_request_request_key_check": Check({"request_key": "''"}, but={"request_key": "'x'"}),
        },
    ),
]  # fmt: skip
