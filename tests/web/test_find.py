"""What the palette finds: of the own operator only, and only what leads to pages that the person may open."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from backhaul.common import clock
from backhaul.operators.functions import rows
from backhaul.operators.people import change_member, set_child_modules
from backhaul.operators.people_queries import list_child_grants, list_members
from tests.builders import acting
from tests.web.conftest import signed_in
from tests.web.town import Town


def found(client: Client, words: str) -> list[str]:
    """The addresses that the palette offers."""
    answer = client.get("/find/", {"q": words})
    assert answer.status_code == 200, answer.status_code
    return re.findall(r'<a href="([^"]+)"', answer.content.decode())


def numbers(town: Town) -> tuple[str, str]:
    """Of Riverside's bill and of its receipt."""
    with acting(town.cast.padma, town.cast.riverside):
        bill = rows("SELECT number FROM invoice WHERE id = %s", [town.ids["bill"]])[0]["number"]
        receipt = rows("SELECT receipt_number FROM payment WHERE id = %s", [town.ids["payment"]])[0]["receipt_number"]
    return str(bill), str(receipt)


def test_a_customer_is_found_by_name_username_mobile_and_id(town: Town) -> None:
    client, customer = signed_in("riverside"), f"/customers/{town.ids['customer']}/"
    with acting(town.cast.padma, town.cast.riverside):
        row = rows("SELECT name, username, mobile, code FROM customer WHERE id = %s", [town.ids["customer"]])[0]
    for words in ("karim", "ABDUL K", row["username"], row["mobile"], row["code"]):
        assert customer in found(client, words), words
    assert found(client, "abdul karim") == [customer]
    shown = client.get("/find/?q=nusrat").content.decode()
    assert "Nusrat Jahan" in shown
    assert "Suspended" in shown


def test_a_bill_and_a_receipt_are_found_by_their_whole_number_in_either_digits(town: Town) -> None:
    client, (bill, receipt) = signed_in("riverside"), numbers(town)
    for words in (bill, f"#{bill}", bill.translate(str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯"))):
        assert f"/bills/{town.ids['bill']}/" in found(client, words), words
    assert f"/payments/{town.ids['payment']}/" in found(client, receipt)
    assert not [each for each in found(client, "987654") if each.startswith(("/bills/", "/payments/"))]


def test_a_reseller_is_found_by_name_by_whoever_it_buys_from(town: Town) -> None:
    page = f"/resellers/{town.cast.riverside}/"
    assert page in found(signed_in("north"), "rivers")
    assert page not in found(signed_in("padma"), "rivers")


@pytest.mark.parametrize("stranger", ["padma", "north", "rival"])
def test_nothing_of_another_operator_is_ever_found(town: Town, stranger: str) -> None:
    client = signed_in(stranger)
    own = {f"/customers/{town.ids['customer']}/", f"/bills/{town.ids['bill']}/", f"/payments/{town.ids['payment']}/"}
    for words in ("abdul", "karim", *numbers(town)):
        assert not own & set(found(client, words)), words


@pytest.mark.parametrize(
    ("seat", "kinds"),
    [
        ("collector", {"customers", "bills", "payments"}),
        ("accountant", {"customers", "bills", "payments"}),
        ("noc", {"customers"}),
        ("manager", set()),
        ("distributor", set()),
    ],
)
def test_each_seat_finds_what_its_pages_show(town: Town, seat: str, kinds: set[str]) -> None:
    client = signed_in(seat)
    shown = {each.split("/")[1] for words in ("abdul", *numbers(town)) for each in found(client, words)}
    assert shown == kinds


def test_who_only_takes_money_is_led_to_where_it_is_taken(town: Town) -> None:
    client = signed_in("manager")
    with acting(town.cast.padma, town.cast.riverside):
        member = next(row["id"] for row in list_members() if row["role"] == "manager")
        change_member(member_id=member, role="manager", permissions={"payments.collect"}, at=clock.now())
    assert found(client, "abdul") == [f"/collect/{town.ids['customer']}/"]
    with acting(town.cast.padma, town.cast.riverside):
        change_member(member_id=member, role="manager", permissions=set(), at=clock.now())
    assert found(client, "abdul") == []


def test_what_the_provider_withholds_is_not_found(town: Town) -> None:
    client, words = signed_in("riverside"), numbers(town)[0]
    bill = f"/bills/{town.ids['bill']}/"
    with acting(town.cast.padma, town.cast.north):
        granted = set(list_child_grants(town.cast.riverside))
        set_child_modules(
            child_id=town.cast.riverside,
            permissions={each for each in granted if not each.startswith("bill")},
            at=clock.now(),
        )
    assert bill not in found(client, words)
    with acting(town.cast.padma, town.cast.north):
        set_child_modules(child_id=town.cast.riverside, permissions=granted, at=clock.now())
    assert bill in found(client, words)


def test_a_single_letter_finds_nobody_and_junk_nothing(town: Town) -> None:
    client = signed_in("riverside")
    for words in ("", "a", "%", "%%", "\x00", "9" * 30, "-1", "'; --", "<b>"):
        assert found(client, words) == [], words
