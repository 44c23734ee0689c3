"""Rows of billing."""

from tests.architecture.samples import Check, edge, own

_NET = Check({"net_minor": "-1"})
_VAT = Check({"vat_minor": "-1"})

SAMPLES = [
    own(
        "billing_state",
        {
            "subscription_id": "{n}", "billed_until": "current_date", "charged_until": "current_date",
            "day_charged_until": "current_date",
        },
    ),
    own("invoice_numbering", {}, one_each=True),
    own(
        "invoice",
        {
            "id": "{n}", "number": "{n}", "kind": "'period'", "customer_id": "{n}", "subscription_id": "{n}",
            "starts_on": "current_date", "ends_on": "current_date + 1", "price_minor": "100", "cycle_days": "30",
            "net_minor": "100", "vat_minor": "5", "total_minor": "105", "issued_on": "current_date",
            "due_on": "current_date", "request_key": "'key-{n}'",
        },
        uniques={
            "operator_id, number": {},
            "operator_id, subscription_id, kind, starts_on, revision": {},
            "operator_id, request_key": {},
        },
        checks={
            "invoice_kind_check": Check({"kind": "'wish'"}, but={"kind": "'opening'"}),
            "invoice_check": Check({"ends_on": "current_date"}, but={"ends_on": "current_date", "kind": "'opening'"}),
            "invoice_check1": Check({"total_minor": "106"}, but={"total_minor": "106", "rounding_minor": "1"}),
            "invoice_discount_minor_check": Check({"discount_minor": "-1", "total_minor": "106"}),
        },
    ),
    own(
        "invoice_open",
        {"customer_id": "{n}", "due_on": "current_date", "number": "{n}", "invoice_id": "{n}", "open_minor": "1"},
        checks={"invoice_open_open_minor_check": Check({"open_minor": "0"})},
    ),
    own(
        "customer_advance",
        {"customer_id": "{n}", "advance_minor": "0"},
        checks={"customer_advance_advance_minor_check": Check({"advance_minor": "-1"})},
    ),
    own(
        "allocation",
        {"id": "{n}", "invoice_id": "{n}", "customer_id": "{n}", "amount_minor": "1", "allocated_on": "current_date"},
        checks={"allocation_amount_minor_check": Check({"amount_minor": "0"}, but={"amount_minor": "-1"})},
    ),
    own(
        "credit_note",
        {
            "id": "{n}", "invoice_id": "{n}", "customer_id": "{n}", "net_minor": "100", "vat_minor": "5",
            "to_invoice_minor": "105", "to_advance_minor": "0", "issued_on": "current_date", "reason": "'left'",
        },
        uniques={"operator_id, request_key": {"request_key": "'once'"}},
        checks={
            "credit_note_check": Check(
                {"to_advance_minor": "1"}, but={"to_advance_minor": "1", "to_invoice_minor": "104"}
            ),
            "credit_note_days": Check(
                {"from_on": "current_date"}, but={"from_on": "current_date", "to_on": "current_date + 1"}
            ),
        },
    ),
    own(
        "planned_change",
        {
            "subscription_id": "{n}", "package_operator_id": "{me}", "package_id": "{n}", "on_date": "current_date",
            "planned_at": "now()", "by_actor_id": "0",
        },
    ),
    own(
        "package_history",
        {
            "subscription_id": "{n}", "package_operator_id": "{me}", "package_id": "{n}", "starts_on": "current_date",
            "changed_at": "now()", "by_actor_id": "0",
        },
    ),
    own(
        "discount",
        {
            "id": "{n}", "subscription_id": "{n}", "amount_minor": "1", "from_on": "current_date", "why": "'a friend'",
            "given_at": "now()", "by_actor_id": "0",
        },
        uniques={"operator_id, subscription_id": {}},
        checks={
            "discount_amount_minor_check": Check({"amount_minor": "0"}),
            "discount_part_bp_check": Check(
                {"amount_minor": "NULL", "part_bp": "10001"}, but={"amount_minor": "NULL", "part_bp": "10000"}
            ),
            "discount_why_check": Check({"why": "''"}),
            "discount_one_kind": Check({"part_bp": "1"}, but={"part_bp": "1", "amount_minor": "NULL"}),
            "discount_lasts": Check({"until_on": "current_date"}, but={"until_on": "current_date + 1"}),
        },
    ),
    own(
        "unearned_month",
        {"month_on": "date '2026-01-01'", "released_minor": "100", "cost_minor": "50", "released_at": "now()"},
        one_each=True,
        checks={
            "unearned_month_month_on_check": Check({"month_on": "'2026-01-02'"}, but={"month_on": "'2026-02-01'"}),
            "unearned_month_released_minor_check": Check({"released_minor": "-1"}, but={"released_minor": "0"}),
            "unearned_month_cost_minor_check": Check({"cost_minor": "-1"}, but={"cost_minor": "0"}),
        },
    ),
    own(
        "adjustment",
        {
            "id": "{n}", "invoice_id": "{n}", "customer_id": "{n}", "kind": "'discount'", "net_minor": "1",
            "vat_minor": "0", "adjusted_on": "current_date", "why": "'slow'", "request_key": "'key-{n}'",
            "recorded_at": "now()", "actor_id": "0",
        },
        uniques={"operator_id, request_key": {}},
        checks={
            "adjustment_kind_check": Check({"kind": "'mood'"}, but={"kind": "'write_off'"}),
            "adjustment_net_minor_check": Check({"net_minor": "-1", "vat_minor": "2"}),
            "adjustment_vat_minor_check": Check({"vat_minor": "-1", "net_minor": "2"}),
            "adjustment_is_something": Check({"net_minor": "0"}),
            "adjustment_paid": Check({"kind": "'recovered'"}, but={"kind": "'recovered'", "paid_code": "'cash'"}),
        },
    ),
    own(
        "promise",
        {
            "id": "{n}", "subscription_id": "{n}", "until_on": "current_date", "why": "'salary'",
            "made_on": "current_date", "made_at": "now()", "by_actor_id": "0",
        },
        uniques={"operator_id, subscription_id": {}},
        checks={"promise_ahead": Check({"until_on": "current_date - 1"})},
    ),
    edge(
        "charge",
        {
            "owner_id": "{me}", "invoice_id": "{n}", "subscription_id": "{n}", "starts_on": "current_date",
            "ends_on": "current_date + 1", "price_minor": "1", "cycle_days": "30", "from_day": "0", "net_minor": "0",
            "vat_minor": "0", "charged_on": "current_date",
        },
        checks={"charge_net_minor_check": _NET, "charge_vat_minor_check": _VAT},
    ),
    edge(
        "charge_refund",
        {
            "owner_id": "{me}", "invoice_id": "{n}", "starts_on": "current_date", "part": "0",
            "from_on": "current_date", "to_on": "current_date + 1", "net_minor": "0", "vat_minor": "0",
            "refunded_on": "current_date", "reason": "'left'",
        },
        checks={
            "charge_refund_net_minor_check": _NET,
            "charge_refund_vat_minor_check": _VAT,
            "charge_refund_reason_check": Check({"reason": "'mood'"}, but={"reason": "'outage'"}),
            "charge_refund_days": Check({"to_on": "current_date"}, but={"to_on": "current_date + 2"}),
        },
    ),
    own(
        "operator_day",
        {
            "on_date": "current_date + {k}", "services": "1", "statuses": "'{{}}'", "due_minor": "0",
            "overdue_minor": "0", "debtors": "0", "ending": "'{{}}'", "counted_at": "now()",
        },
    ),
    own(
        "owed_count",
        {
            "seen_before": "'1'", "by_due": "'{{}}'", "customers": "0", "most": "'{{}}'", "zones": "'[]'",
            "on_date": "current_date", "counted_at": "now()",
        },
        one_each=True,
    ),
    own(
        "held_bill",
        {
            "subscription_id": "{n}", "starts_on": "current_date", "short_child_id": "{me}", "short_minor": "1",
            "since_on": "current_date",
        },
    ),
    own(
        "billing_run",
        {"id": "{n}", "on_date": "current_date + {k}", "kind": "'night'", "started_at": "now()"},
        uniques={"operator_id, on_date": {}},
        checks={"billing_run_kind_check": Check({"kind": "'noon'"}, but={"kind": "'retry'"})},
    ),
    own(
        "outage",
        {
            "id": "{n}", "nas_id": "{n}", "zone_id": "{n}", "from_at": "now() - interval '1 day'", "to_at": "now()",
            "from_on": "current_date - 1", "to_on": "current_date", "why": "'fibre cut'", "recorded_at": "now()",
            "actor_id": "0",
        },
        checks={
            "outage_why_check": Check({"why": "''"}, but={"why": "'x'"}),
            "outage_lasts": Check({"to_on": "current_date - 1"}, but={"to_on": "current_date + 1"}),
        },
    ),
    own("run_shard", {"run_id": "{n}", "top_id": "{me}"}),
    own(
        "run_plan",
        {
            "id": "{n}", "on_date": "current_date", "slice_bills": "1", "report": "'{{}}'", "made_at": "now()",
            "by_actor_id": "1",
        },
        checks={
            "run_plan_slice_bills_check": Check({"slice_bills": "0"}),
            "run_plan_confirmed": Check({"confirmed_by": "1"}, but={"confirmed_by": "1", "confirmed_at": "now()"}),
        },
    ),
    own(
        "run_plan_slice",
        {
            "plan_id": "{n}", "top_id": "{me}", "slice": "1", "digest": "'a'", "bills": "0", "held": "0",
            "lines": "'[]'",
        },
        checks={"run_plan_slice_outcome_check": Check({"outcome": "'odd'"}, but={"outcome": "'same'"})},
    ),
    own(
        "rehearsal",
        {"id": "{n}", "until_on": "current_date", "by_actor_id": "1", "asked_at": "now()"},
        checks={
            "rehearsal_told": Check(
                {"ended_at": "now()", "report": "NULL"}, but={"ended_at": "now()", "report": "'{{}}'"}
            )
        },
    ),
    own(
        "run_exception",
        {"run_id": "{n}", "subscription_id": "{n}", "starts_on": "current_date", "reason": "'no price'"},
    ),
]  # fmt: skip
