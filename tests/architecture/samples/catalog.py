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
            "plan_connection_types": Check(
                {"connection_types": "ARRAY['fax']"}, but={"connection_types": "ARRAY['static']"}
            ),
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
        checks={
            "package_name_check": _NAMED,
            "package_price_minor_check": Check({"price_minor": "-1"}),
            "package_term_months_check": Check({"term_months": "2"}, but={"term_months": "3"}),
        },
    ),
    own(
        "package_price",
        {
            "package_id": "{n}", "starts_on": "current_date", "price_minor": "0", "handed_down": "true",
            "set_at": "now()", "by_actor_id": "0",
        },
        checks={"package_price_price_minor_check": Check({"price_minor": "-1"})},
    ),
    own(
        "price_band",
        {
            "plan_operator_id": "{me}", "plan_id": "{n}", "starts_on": "current_date", "floor_minor": "0",
            "cap_minor": "0", "set_at": "now()",
        },
        checks={
            "price_band_floor_minor_check": Check({"floor_minor": "-1"}),
            "price_band_cap_minor_check": Check({"cap_minor": "-1", "floor_minor": "NULL"}, but={"cap_minor": "NULL"}),
            "price_band_order": Check({"floor_minor": "1"}, but={"floor_minor": "NULL"}),
        },
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
                {"cycle": "'validity'", "billing_type": "'daily'", "validity_days": "0"},
                but={"cycle": "'validity'", "billing_type": "'daily'", "validity_days": "1"},
            ),
            "billing_profile_due_days_check": Check({"due_days": "91"}, but={"due_days": "90"}),
            "billing_profile_grace_days_check": Check({"grace_days": "-1"}, but={"grace_days": "0"}),
            "billing_profile_on_suspend_check": Check({"on_suspend": "'scold'"}, but={"on_suspend": "'reject'"}),
            "billing_profile_access_check": Check({"access": "'never'"}, but={"access": "'pay_first'"}),
            "billing_profile_billed_check": Check({"billed": "'never'"}, but={"billed": "'arrears'"}),
            "billing_profile_round_bill_to_minor_check": Check(
                {"round_bill_to_minor": "0"}, but={"round_bill_to_minor": "100000"}
            ),
            "billing_profile_credit_reasons": Check(
                {"credit_days_for": "'{{mood}}'"}, but={"credit_days_for": "'{{operator,unpaid,short,outage}}'"}
            ),
            "billing_profile_suspend_if_due_over_minor_check": Check({"suspend_if_due_over_minor": "-1"}),
            "billing_profile_reactivate_when_check": Check(
                {"reactivate_when": "'never'"}, but={"reactivate_when": "'share'"}
            ),
            "billing_profile_reactivate_share_bp_check": Check(
                {"reactivate_share_bp": "0"}, but={"reactivate_share_bp": "1"}
            ),
            "billing_profile_on_late_payment_check": Check(
                {"on_late_payment": "'forgets'"}, but={"on_late_payment": "'keeps_end'"}
            ),
            "billing_profile_late_fee_minor_check": Check({"late_fee_minor": "-1"}),
            "billing_profile_late_fee_after_days_check": Check(
                {"late_fee_after_days": "91"}, but={"late_fee_after_days": "90"}
            ),
            "billing_profile_change_period_check": Check(
                {"change_period": "'never'"}, but={"change_period": "'fresh'"}
            ),
            "billing_profile_change_billed_check": Check(
                {"change_billed": "'never'"}, but={"change_billed": "'with_next'"}
            ),
            "billing_profile_upgrade_fee_minor_check": Check({"upgrade_fee_minor": "-1"}),
            "billing_profile_downgrade_check": Check({"downgrade": "'never'"}, but={"downgrade": "'next_cycle'"}),
            "billing_profile_check": Check(
                {"validity_days": "30"}, but={"cycle": "'validity'", "validity_days": "30", "billing_type": "'daily'"}
            ),
            "billing_profile_daily": Check({"billing_type": "'daily'"}),
            "billing_profile_arrears": Check(
                {"billed": "'arrears'", "access": "'pay_first'"}, but={"billed": "'arrears'"}
            ),
        },
    ),
    own(
        "cut_window",
        {},
        checks={
            "cut_window_weekdays": Check({"spared_weekdays": "'{{8}}'"}, but={"spared_weekdays": "'{{1,7}}'"}),
        },
        one_each=True,
    ),
    own(
        "holiday",
        {"on_date": "current_date + {k}", "name": "'Eid'"},
        checks={"holiday_name_check": Check({"name": "''"})},
    ),
    edge(
        "tariff_price",
        {
            "plan_operator_id": "{me}", "plan_id": "{n}", "starts_on": "current_date", "price_minor": "0",
            "set_at": "now()",
        },
        checks={
            "tariff_price_price_minor_check": Check({"price_minor": "-1"}),
            "tariff_price_validity_days_check": Check({"validity_days": "367"}, but={"validity_days": "366"}),
        },
    ),
    own(
        "vat_setting",
        {"starts_on": "current_date + {k}", "set_at": "now()", "registered": "true", "rate_bp": "500"},
        checks={
            "vat_setting_rate_bp_check": Check({"rate_bp": "10001"}, but={"rate_bp": "10000"}),
            "vat_setting_check": Check({"registered": "false"}, but={"registered": "false", "rate_bp": "0"}),
        },
    ),
]  # fmt: skip
