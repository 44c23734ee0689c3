"""Fields of an operator's own, documents, lookalikes and usernames: what rules and the database say of them."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.common.errors import InvalidInput, NotAllowed, NotFound, Refusal
from backhaul.operators.queries import list_audit_events
from backhaul.subscribers.custom_fields import (
    CustomField,
    FieldExists,
    add_field,
    archive_field,
    change_field,
    list_fields,
    list_values,
    list_values_of,
)
from backhaul.subscribers.documents import (
    MOST_DOCUMENTS,
    MOST_EVER,
    TooMany,
    add_document,
    get_document,
    list_documents,
    withdraw_document,
)
from backhaul.subscribers.lookalikes import Sought, find_free_username, find_lookalikes
from backhaul.subscribers.queries import get_numbering
from backhaul.subscribers.rules import NumberFormat, clean_value, suggest_username, type_of_file
from backhaul.subscribers.services import PrefixFrozen, change_numbering, update_customer
from backhaul.subscribers.zones import add_zone
from tests.builders import NOON, acting, build_customer, build_person
from tests.cast import Cast

PDF = b"%PDF-1.7 ..."


@pytest.mark.parametrize(
    ("kind", "text", "kept"),
    [
        ("text", "  two   words ", "two words"),
        ("number", "1,234.50", "1234.5"),
        ("number", "০১২", "12"),
        ("number", "-0", "0"),
        ("number", "100000", "100000"),
        ("date", "২০২৬-০২-২৮", "2026-02-28"),
        ("yes_no", "yes", "yes"),
        ("choice", "Red", "Red"),
        ("number", "  ", ""),
    ],
)
def test_a_value_is_kept_one_way(kind: str, text: str, kept: str) -> None:
    assert clean_value(kind, ["Red", "Blue"], text, field="x") == kept


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("number", "12a"), ("number", "NaN"), ("number", "Infinity"), ("number", "1e99"), ("date", "2026-02-30"),
        ("date", "28.2.2026"), ("yes_no", "maybe"), ("choice", "Green"), ("text", "x" * 501),
    ],
)  # fmt: skip
def test_what_is_no_value_of_its_kind_is_refused_beside_its_field(kind: str, text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        clean_value(kind, ["Red"], text, field="custom_1")
    assert refused.value.field == "custom_1"


def test_what_is_required_is_asked_of_new_customers_and_of_edits(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        card = add_field(CustomField("Identity card", is_required=True), now=NOON)
        with pytest.raises(InvalidInput, match="Identity card is required"):
            build_customer(cast)
        customer = build_customer(cast, custom={card: "19901"}).customer_id
        with pytest.raises(InvalidInput, match="required"):
            update_customer(customer_id=customer, at=NOON, custom={card: " "})
        update_customer(customer_id=customer, at=NOON, custom={card: "19902"})
        assert [field["value"] for field in list_values(customer)] == ["19902"]
        (last, *_) = list_audit_events("customer", customer)
        assert (last["detail"]["was"], last["detail"]["now"]) == (
            {"Identity card": "19901"},
            {"Identity card": "19902"},
        )
        update_customer(customer_id=customer, at=NOON, custom={card: "19902"})
        assert len(list_audit_events("customer", customer)) == 2  # nothing changed, nothing is told


def test_an_archived_field_keeps_its_values_and_asks_nobody(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        colour = add_field(CustomField("Cable", kind="choice", choices=("Red", "Blue"), is_required=True), now=NOON)
        customer = build_customer(cast, custom={colour: "Red"}).customer_id
        archive_field(colour, archived=True, now=NOON)
        assert list_values(customer) == [] and list_fields() == []
        build_customer(cast)
        add_field(CustomField("Cable"), now=NOON)
        with pytest.raises(FieldExists):
            archive_field(colour, archived=False, now=NOON)
        change_field(colour, CustomField("Old cable", kind="choice", choices=("Blue",)), now=NOON)
        archive_field(colour, archived=False, now=NOON)
        kept = {field["label"]: field["value"] for field in list_values_of([customer])[customer]}
        assert kept == {"Old cable": "Red", "Cable": ""}
        update_customer(customer_id=customer, at=NOON, custom={colour: "Red"})  # no choice any more
        with pytest.raises(InvalidInput):
            change_field(colour, CustomField("Old cable", kind="text"), now=NOON)


def test_no_own_field_hides_a_change_from_the_trail(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        for label in ("mobile", "Address"):
            with pytest.raises(FieldExists, match="already"):
                add_field(CustomField(label), now=NOON)
        kept = add_field(CustomField("Second mobile"), now=NOON)
        with pytest.raises(FieldExists, match="already"):
            change_field(kept, CustomField("mobile"), now=NOON)


def test_fields_are_of_one_operator_and_set_by_who_may(cast: Cast) -> None:
    with acting(cast.padma, cast.north):
        norths = add_field(CustomField("Landlord"), now=NOON)
        noc = build_person(cast.north, "nila", "noc")
    with acting(cast.padma, cast.riverside):
        assert list_fields() == []
        with pytest.raises(NotFound):
            build_customer(cast, custom={norths: "x"})
        with pytest.raises(NotFound):
            archive_field(norths, archived=True, now=NOON)
    with acting(cast.padma, cast.north, user_id=noc), pytest.raises(NotAllowed):
        add_field(CustomField("Mine"), now=NOON)


def test_a_documents_type_is_what_it_begins_with() -> None:
    assert type_of_file(PDF) == "application/pdf"
    assert type_of_file(b"\xff\xd8\xff\xe0") == "image/jpeg"
    assert type_of_file(b"\x89PNG\r\n\x1a\n..") == "image/png"
    for content in (b"", b"<svg>", b" %PDF-", b"GIF89a", b"\x89PNG"):
        assert type_of_file(content) is None


def test_a_document_is_its_operators_own_and_kept_once(cast: Cast) -> None:
    paper: dict[str, Any] = {"title": "Contract", "content": PDF, "request_key": "k", "now": NOON}
    with acting(cast.padma, cast.riverside):
        customer = build_customer(cast).customer_id
        kept = add_document(customer_id=customer, **paper)
        assert add_document(customer_id=customer, **paper) == kept
        assert get_document(kept, customer_id=customer)["content"] == PDF
        assert "content" not in list_documents(customer)[0]
    with acting(cast.padma, cast.north):
        for act in (
            lambda: get_document(kept, customer_id=customer),
            lambda: add_document(customer_id=customer, **paper),
            lambda: withdraw_document(customer_id=customer, document_id=kept, now=NOON),
        ):
            with pytest.raises(NotFound):
                act()
    with acting(cast.padma, cast.riverside):
        withdraw_document(customer_id=customer, document_id=kept, now=NOON)
        with pytest.raises(Refusal):
            get_document(kept, customer_id=customer)
        assert list_documents(customer)[0]["withdrawn_at"] == NOON


def test_a_document_withdrawn_makes_room_for_another_but_not_without_end(cast: Cast) -> None:
    paper: dict[str, Any] = {"title": "Contract", "content": PDF, "now": NOON}
    with acting(cast.padma, cast.riverside):
        customer = build_customer(cast).customer_id
        kept = [add_document(customer_id=customer, request_key=f"k{n}", **paper) for n in range(MOST_DOCUMENTS)]
        with pytest.raises(TooMany, match="withdraw one"):
            add_document(customer_id=customer, request_key="more", **paper)
        for n in range(MOST_EVER - MOST_DOCUMENTS):
            withdraw_document(customer_id=customer, document_id=kept[n], now=NOON)
            kept.append(add_document(customer_id=customer, request_key=f"l{n}", **paper))
        withdraw_document(customer_id=customer, document_id=kept[-1], now=NOON)
        with pytest.raises(TooMany, match="no more are kept"):
            add_document(customer_id=customer, request_key="more", **paper)


def test_alike_are_the_same_mobile_the_same_mac_and_a_similar_name_in_the_zone(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        zone, other = add_zone(name="Harbour"), add_zone(name="Hill")
        known = build_customer(
            cast, name="Abdul Karim", mobile="01711000000", mac="aa:bb:cc:dd:ee:ff", zone_id=zone, key="k"
        ).customer_id

        def why(**sought: Any) -> list[str]:
            return [row["why"] for row in find_lookalikes(Sought(**sought)) if row["customer_id"] == known]

        assert why(name="Abdul Karin", zone_id=zone) == ["name"]
        assert why(name="Abdul Karin", zone_id=other) == []
        assert why(name="abdul  karim") == ["same_name"]
        assert why(mobile="০১৭১১ ০০০-০০০") == ["mobile"]
        assert why(mac="AA-BB-CC-DD-EE-FF") == ["mac"]
        assert why(name="Abdul Karim", mobile="01711000000", zone_id=zone, request_key="k") == []
    with acting(cast.padma, cast.north):
        assert find_lookalikes(Sought("Abdul Karim", "01711000000", None, "aabbccddeeff")) == []


def test_a_free_username_comes_from_the_name_or_the_prefix(cast: Cast) -> None:
    assert suggest_username("Md. Abdul Karim", "", 7) == "md.abdul.karim"
    assert suggest_username("আব্দুল করিম", "", 7) == "user-0007"
    assert suggest_username("Abdul", "rv-", 42) == "rv-0042"
    with acting(cast.padma, cast.north):
        build_customer(cast, username="abdul.karim")
    with acting(cast.padma, cast.riverside):
        assert find_free_username("Abdul Karim") == "abdul.karim2"  # usernames are the provider's, not the operator's


def test_the_first_number_is_chosen_while_nobody_has_one(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        change_numbering(NumberFormat(prefix="R-", digits=3), next_number=500, at=NOON)
        assert build_customer(cast).code == "R-500"
        with pytest.raises(PrefixFrozen):
            change_numbering(NumberFormat(prefix="R-", digits=3), next_number=900, at=NOON)
        change_numbering(NumberFormat(prefix="R-", digits=5), next_number=501, at=NOON)
        assert get_numbering() is not None and build_customer(cast).code == "R-00501"
