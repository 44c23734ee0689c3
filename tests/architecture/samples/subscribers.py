"""Rows of customers and subscriptions."""

from tests.architecture.samples import Check, own

_NAMED = Check({"name": "''"}, but={"name": "'x'"})


def _place(table: str) -> dict[str, Check]:
    """What coordinates on the map must be: both or neither, and on the earth."""
    nowhere = {"latitude": "0", "longitude": "0"}
    return {
        f"{table}_latitude_check": Check(nowhere | {"latitude": "90.1"}, but=nowhere | {"latitude": "-90"}),
        f"{table}_longitude_check": Check(nowhere | {"longitude": "-180.1"}, but=nowhere | {"longitude": "180"}),
        f"{table}_place": Check({"latitude": "1"}, but={"latitude": "1", "longitude": "1"}),
    }


SAMPLES = [
    own(
        "zone",
        {"id": "{n}", "name": "'Zone {n}'", "level": "4"},
        uniques={"operator_id, parent_id, name": {}, "operator_id, id, level": {}},
        along={"zone_operator_id_parent_id_parent_level_fkey": {"parent_level": "1"}},
        checks={
            "zone_name_check": _NAMED,
            "zone_level_check": Check({"level": "7"}, but={"level": "6"}),
            "zone_below_its_parent": Check({"parent_level": "4"}, but={"parent_level": "NULL"}),
            **_place("zone"),
        },
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
        checks={"customer_name_check": _NAMED, **_place("customer")},
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
    own(
        "custom_field",
        {"id": "{n}", "label": "'Field {n}'", "kind": "'text'"},
        uniques={"operator_id, label": {}},
        checks={
            "custom_field_label_check": Check({"label": "''"}, but={"label": "'x'"}),
            "custom_field_kind_check": Check({"kind": "'colour'"}, but={"kind": "'date'"}),
            "custom_field_choices": Check({"kind": "'choice'"}, but={"kind": "'choice'", "choices": "ARRAY['a']"}),
        },
    ),
    own(
        "custom_value",
        {"customer_id": "{n}", "field_id": "{n}", "value": "'12'"},
        checks={"custom_value_value_check": Check({"value": "repeat('x', 501)"}, but={"value": "repeat('x', 500)"})},
    ),
    own(
        "customer_document",
        {
            "id": "{n}", "customer_id": "{n}", "title": "'Contract'", "content_type": "'image/png'",
            "content": "'x'::bytea", "added_at": "now()", "by_actor_id": "0", "request_key": "'key-{n}'",
        },
        uniques={"operator_id, request_key": {}},
        checks={
            "customer_document_title_check": Check({"title": "''"}, but={"title": "'x'"}),
            "customer_document_content_type_check": Check(
                {"content_type": "'text/html'"}, but={"content_type": "'application/pdf'"}
            ),
            "customer_document_content_check": Check({"content": "''::bytea"}, but={"content": "'y'::bytea"}),
            "customer_document_withdrawn": Check(
                {"withdrawn_at": "now()"}, but={"withdrawn_at": "now()", "withdrawn_by": "0"}
            ),
        },
    ),
    own(
        "customer_template",
        {
            "id": "{n}", "name": "'Template {n}'", "package_operator_id": "{me}", "package_id": "{n}",
            "profile_operator_id": "{me}", "profile_id": "{n}", "connection_type": "'pppoe'",
        },
        uniques={"operator_id, name": {}},
        checks={
            "customer_template_name_check": _NAMED,
            "customer_template_connection_type_check": Check(
                {"connection_type": "'smoke'"}, but={"connection_type": "'static'"}
            ),
            "customer_template_custom_price_minor_check": Check(
                {"custom_price_minor": "-1"}, but={"custom_price_minor": "0"}
            ),
        },
    ),
    own(
        "customer_view",
        {
            "id": "{n}", "name": "'View {n}'", "is_shared": "false", "query": "'status=active'",
            "columns": "'{{zone}}'", "made_at": "now()", "by_actor_id": "0",
        },
        uniques={"operator_id, by_actor_id, name": {}},
        checks={"customer_view_name_check": _NAMED},
    ),
    own("customer_list_choice", {"user_id": "{n}", "view_id": "{n}"}),
    own(
        "bulk_run",
        {
            "id": "{n}", "act": "'suspend'", "given": "'{{}}'", "customers": "1", "asked_at": "now()",
            "touched_at": "now()", "by_actor_id": "0",
        },
        checks={
            "bulk_run_act_check": Check({"act": "'sing'"}, but={"act": "'zone'"}),
            "bulk_run_state_check": Check(
                {"state": "'odd'", "digest": "'x'"}, but={"state": "'ready'", "digest": "'x'"}
            ),
            "bulk_run_customers_check": Check({"customers": "0"}),
            "bulk_run_looked_at": Check({"state": "'doing'"}, but={"state": "'doing'", "digest": "'x'"}),
        },
    ),
    own(
        "bulk_item",
        {"run_id": "{n}", "subscription_id": "{n}"},
        checks={"bulk_item_state_check": Check({"state": "'odd'"}, but={"state": "'refused'"})},
    ),
    own(
        "customer_export",
        {
            "id": "{n}", "file_type": "'csv'", "wanted": "'{{}}'", "sort": "'newest'", "columns": "'{{zone}}'",
            "language": "'en'", "asked_at": "now()", "by_actor_id": "0",
        },
        checks={
            "customer_export_file_type_check": Check({"file_type": "'doc'"}, but={"file_type": "'xlsx'"}),
            "customer_export_subject_check": Check({"subject": "'payments'"}, but={"subject": "'bills'"}),
        },
    ),
    own("customer_export_part", {"export_id": "{n}", "part": "0", "body": "'x'::bytea"}),
]  # fmt: skip
