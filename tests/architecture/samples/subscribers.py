"""Rows of customers and subscriptions."""

from tests.architecture.samples import Check, own

_NAMED = Check({"name": "''"}, but={"name": "'x'"})

SAMPLES = [
    own(
        "zone",
        {"id": "{n}", "name": "'Zone {n}'"},
        uniques={"operator_id, parent_id, name": {}},
        checks={"zone_name_check": _NAMED},
    ),
    own(
        "customer_numbering",
        {},
        checks={
            "customer_numbering_digits_check": Check({"digits": "13"}, but={"digits": "12"}),
            "customer_numbering_next_number_check": Check({"next_number": "0"}, but={"next_number": "1"}),
        },
        one_each=True,
    ),
    own(
        "customer",
        {
            "id": "{n}", "code": "'C-{n}'", "name": "'Customer'", "zone_id": "{n}", "joined_on": "current_date",
            "username": "'user-{n}'", "request_key": "'key-{n}'",
        },
        uniques={"operator_id, code": {}, "operator_id, request_key": {}},
        checks={"customer_name_check": _NAMED},
    ),
    own(
        "subscription",
        {
            "id": "{n}", "customer_id": "{n}", "package_operator_id": "{me}", "package_id": "{n}",
            "profile_operator_id": "{me}", "profile_id": "{n}", "anchor_day": "1",
        },
        checks={
            "subscription_anchor_day_check": Check({"anchor_day": "0"}, but={"anchor_day": "31"}),
            "subscription_custom_price_minor_check": Check(
                {"custom_price_minor": "-1"}, but={"custom_price_minor": "0"}
            ),
        },
    ),
    own(
        "custom_price",
        {
            "subscription_id": "{n}", "starts_on": "current_date", "price_minor": "0", "set_at": "now()",
            "by_actor_id": "0",
        },
        checks={"custom_price_price_minor_check": Check({"price_minor": "-1"}, but={"price_minor": "NULL"})},
    ),
    own(
        "block",
        {
            "id": "{n}", "subscription_id": "{n}", "reason": "'by_hand'", "from_on": "current_date", "from_at": "now()",
            "by_actor_id": "0",
        },
        uniques={"operator_id, subscription_id, reason": {}},
        checks={
            "block_reason_check": Check({"reason": "'mood'"}, but={"reason": "'unpaid'"}),
            "block_check": Check({"to_on": "current_date"}, but={"to_on": "current_date", "to_at": "now()"}),
        },
    ),
]  # fmt: skip
