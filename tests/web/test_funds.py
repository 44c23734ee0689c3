"""Pages of an edge: each shows what will happen, moves nothing until it is confirmed, and then once."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backhaul.billing.guards import measure_minimum_balance
from backhaul.common.clock import now
from backhaul.funds.queries import get_fund
from backhaul.funds.services import recharge_fund, set_edge_terms
from backhaul.operators.functions import rows
from backhaul.operators.scope import unit_of_work
from tests.builders import acting, build_operator, request_key
from tests.web.conftest import signed_in
from tests.web.test_actions import form_of, today, typed_in
from tests.web.town import Town, build_town


@pytest.fixture
def seats(db: object) -> tuple[Town, Client]:
    """The town, with North in its seat; a second child of it, Bayside, and a debt of Riverside."""
    town = build_town()
    cast = town.cast
    town.ids["bayside"] = build_operator(cast.padma, cast.north, "bayside", started=False, trial_customers=3)
    with acting(cast.padma, cast.north):
        recharge_fund(
            child_id=cast.riverside, kind="recharge_credit", amount_minor=500_00, on=today(), paid=None,
            request_key=request_key(),
        )  # fmt: skip
    return town, signed_in("north")


def fund_of(town: Town, child: int) -> dict[str, Any]:
    with acting(town.cast.padma, town.cast.north):
        return get_fund(child)


def confirmed(client: Client, path: str, sent: dict[str, str], *, shown: tuple[str, ...]) -> None:
    """Looked at, then sent twice: the preview says `shown`."""
    sent = {**form_of(client, path), **sent}
    page = client.post(path, sent).content.decode()
    for words in ("This is what will happen", *shown):
        assert words in page, words
    for _ in range(2):
        assert client.post(path, {**sent, "confirmed": "1"}).status_code == 303


def test_money_received_pays_the_debt_first_as_the_preview_says(seats: tuple[Town, Client]) -> None:
    town, north = seats
    before = fund_of(town, town.cast.riverside)
    path = reverse("recharge", args=[town.cast.riverside])
    sent = {"kind": "recharge", "amount": "800", "paid": "bank", "to_debt": "", "note": ""}
    confirmed(north, path, sent, shown=("Riverside owes you", "Into your account", "500.00"))
    after = fund_of(town, town.cast.riverside)
    assert (after["owed_minor"], after["posted_minor"] - before["posted_minor"]) == (0, 300_00)


def test_the_split_of_what_was_received_can_be_typed(seats: tuple[Town, Client]) -> None:
    town, north = seats
    path = reverse("recharge", args=[town.cast.riverside])
    sent = {"kind": "recharge", "amount": "800", "paid": "bank", "to_debt": "100", "note": ""}
    confirmed(north, path, sent, shown=())
    assert fund_of(town, town.cast.riverside)["owed_minor"] == 400_00
    assert "for the debt" in north.get(path).content.decode()
    refused = north.post(path, {**sent, **form_of(north, path), "to_debt": "400.01"})
    assert (refused.status_code, 'value="400.01"' in refused.content.decode()) == (422, True)


def test_a_deduction_names_its_reason_and_is_read_by_the_child(seats: tuple[Town, Client]) -> None:
    town, north = seats
    before = fund_of(town, town.cast.riverside)["posted_minor"]
    path = reverse("deduct", args=[town.cast.riverside])
    assert north.post(path, {**form_of(north, path), "amount": "50", "reason": ""}).status_code == 422
    confirmed(north, path, {"amount": "50", "reason": "cable cut"}, shown=("Fund of Riverside",))
    assert fund_of(town, town.cast.riverside)["posted_minor"] == before - 50_00
    assert "cable cut" in signed_in("riverside").get("/funds/").content.decode()


def test_a_transfer_shows_both_funds(seats: tuple[Town, Client]) -> None:
    town, north = seats
    path = reverse("transfer", args=[town.cast.riverside])
    sent = {"to": str(town.ids["bayside"]), "amount": "250", "note": ""}
    confirmed(north, path, sent, shown=("Fund of Riverside", "Fund of Bayside"))
    assert fund_of(town, town.ids["bayside"])["posted_minor"] == 250_00
    for wrong in (town.cast.rival, town.cast.riverside, "x"):
        assert north.post(path, {**form_of(north, path), **sent, "to": str(wrong)}).status_code == 422


def test_a_fund_is_paid_back_no_further_than_its_debt_allows(seats: tuple[Town, Client]) -> None:
    town, north = seats
    path = reverse("pay-back-fund", args=[town.cast.riverside])
    confirmed(north, path, {"amount": "10", "paid": "cash", "note": ""}, shown=("Out of your account",))
    assert north.post(path, {**form_of(north, path), "amount": "9,999,999", "paid": "cash"}).status_code == 422


def test_limits_show_what_changes_and_keep_the_rest(seats: tuple[Town, Client]) -> None:
    town, north = seats
    path = reverse("limits", args=[town.cast.riverside])
    sent = typed_in(north, path) | {
        "credit_limit_minor": "1,000", "exposure_limit_minor": "2,000", "minimum_balance_minor": "100",
        "charge_timing": "daily", "release_after_days": "14", "credit_outage": "on",
    }  # fmt: skip
    page = north.post(path, sent).content.decode()
    for words in ("Credit limit", "1,000.00", "Exposure limit", "Day by day", "network outage", "Set limits"):
        assert words in page, words
    assert "Smallest recharge" not in page
    assert fund_of(town, town.cast.riverside)["credit_limit_minor"] == 0
    assert north.post(path, {**sent, "confirmed": "1"}).status_code == 303
    fund = fund_of(town, town.cast.riverside)
    assert (fund["exposure_limit_minor"], fund["charge_timing"], fund["credit_days_for"]) == (
        2_000_00,
        "daily",
        ["outage"],
    )
    assert (
        "exposure 1,500.00 of 2,000.00" in north.get(reverse("reseller", args=[town.cast.riverside])).content.decode()
    )
    too_little = north.post(path, {**sent, "exposure_limit_minor": "1,499.99"})
    assert (too_little.status_code, "1,499.99" in too_little.content.decode()) == (422, True)


def test_the_start_of_an_edge_is_previewed_and_done_once(seats: tuple[Town, Client]) -> None:
    town, north = seats
    child = town.ids["bayside"]
    page = north.get(reverse("reseller", args=[child])).content.decode()
    assert ("Not started yet" in page, "at most 3 customers" in page) == (True, True)
    path = reverse("start-edge", args=[child])
    assert "Running services below: 0" in north.get(path).content.decode()
    assert not fund_of(town, child)["started"]
    assert north.post(path).status_code == 303
    assert fund_of(town, child)["started"]
    assert north.get(path).headers["Location"] == reverse("reseller", args=[child])
    assert "Not started yet" not in north.get(reverse("reseller", args=[child])).content.decode()


def test_the_unused_part_of_a_bonus_is_taken_back(seats: tuple[Town, Client]) -> None:
    town, north = seats
    with acting(town.cast.padma, town.cast.north):
        movement = recharge_fund(
            child_id=town.cast.riverside,
            kind="bonus",
            amount_minor=70_00,
            on=today(),
            paid=None,
            request_key=request_key(),
        )
    path = reverse("take-back", args=[town.cast.riverside, movement])
    assert "−70.00" in north.get(path).content.decode()
    assert north.post(path, {"why": "target missed"}).status_code == 303
    assert north.post(path, {"why": "again"}).status_code == 422


def test_both_ends_read_where_the_guard_stands_and_what_lifts_it(seats: tuple[Town, Client]) -> None:
    town, north = seats
    cast = town.cast
    with acting(cast.padma, cast.north):
        available = get_fund(cast.riverside)["available_minor"]
        set_edge_terms(child_id=cast.riverside, minimum_balance_minor=available + 900_00, minimum_margin_minor=100_00)
    with unit_of_work(cast.padma, using="batch"):
        measure_minimum_balance(isp=cast.padma, on=today(), now=now())
    for page in (
        north.get(reverse("reseller", args=[cast.riverside])).content.decode(),
        signed_in("riverside").get("/funds/").content.decode(),
    ):
        assert "Warned: below the minimum balance" in page
        assert "A recharge of 1,000.00 lifts it at once" in page
    path = reverse("recharge", args=[cast.riverside])
    sent = {"kind": "recharge", "amount": "1,000", "paid": "cash", "to_debt": "0", "note": ""}
    confirmed(north, path, sent, shown=("“Warned: below the minimum balance” is lifted",))
    with acting(cast.padma, cast.north):
        assert rows("SELECT guard_step FROM fund WHERE child_id = %s", [cast.riverside]) == [{"guard_step": "none"}]
