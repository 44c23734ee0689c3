"""Rows of the catalogue."""

from tests.architecture.samples import Check, edge, own

_NAMED = Check({"name": "''"}, but={"name": "'x'"})

SAMPLES = [
    own(
        "plan",
        {
            "id": "{n}", "name": "'Plan {n}'", "down_kbps": "1", "up_kbps": "1", "pool_operator_id": "{me}",
            "pool_id": "{n}",
        },
        uniques={"operator_id, name": {}},
        checks={
            "plan_name_check": _NAMED,
            "plan_down_kbps_check": Check({"down_kbps": "0"}),
            "plan_up_kbps_check": Check({"up_kbps": "0"}),
            "plan_check": Check({"pool_id": "NULL"}, but={"pool_id": "NULL", "pool_operator_id": "NULL"}),
        },
    ),
    own(
        "package",
        {
            "id": "{n}", "name": "'Package {n}'", "plan_operator_id": "{me}", "plan_id": "{n}", "price_minor": "0",
            "handed_down": "true",
        },
        uniques={"operator_id, name": {}},
        checks={"package_name_check": _NAMED, "package_price_minor_check": Check({"price_minor": "-1"})},
    ),
    own(
        "billing_profile",
        {
            "id": "{n}", "name": "'Profile {n}'", "billing_type": "'monthly'", "cycle": "'calendar'",
            "handed_down": "true",
        },
        uniques={"operator_id, name": {}},
        checks={
            "billing_profile_name_check": _NAMED,
            "billing_profile_billing_type_check": Check({"billing_type": "'hourly'"}, but={"billing_type": "'free'"}),
            "billing_profile_cycle_check": Check({"cycle": "'moon'"}, but={"cycle": "'anniversary'"}),
            "billing_profile_cycle_day_check": Check({"cycle_day": "32"}, but={"cycle_day": "31"}),
            "billing_profile_validity_days_check": Check(
                {"cycle": "'validity'", "validity_days": "0"}, but={"cycle": "'validity'", "validity_days": "1"}
            ),
            "billing_profile_due_days_check": Check({"due_days": "91"}, but={"due_days": "90"}),
            "billing_profile_grace_days_check": Check({"grace_days": "-1"}, but={"grace_days": "0"}),
            "billing_profile_on_suspend_check": Check({"on_suspend": "'scold'"}, but={"on_suspend": "'reject'"}),
            "billing_profile_check": Check({"cycle": "'validity'"}),
        },
    ),
    edge(
        "tariff_price",
        {
            "plan_operator_id": "{me}", "plan_id": "{n}", "starts_on": "current_date", "price_minor": "0",
            "set_at": "now()",
        },
        checks={"tariff_price_price_minor_check": Check({"price_minor": "-1"})},
    ),
    own(
        "vat_setting",
        {"starts_on": "current_date + {k}", "registered": "true", "rate_bp": "500"},
        checks={
            "vat_setting_rate_bp_check": Check({"rate_bp": "10001"}, but={"rate_bp": "10000"}),
            "vat_setting_check": Check({"registered": "false"}, but={"registered": "false", "rate_bp": "0"}),
        },
    ),
]  # fmt: skip
