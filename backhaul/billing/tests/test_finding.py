"""The list of customers: each filter, alone and with others, against a model in Python; pages both ways."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backhaul.billing import finding
from backhaul.billing.finding import Count, CustomerFilter, count_customers, list_customers
from backhaul.billing.promises import make_promise
from backhaul.billing.services import sign_up_customer
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import InvalidInput
from backhaul.operators.functions import rows
from backhaul.payments.services import record_payment
from backhaul.subscribers.services import disable_subscription, mark_left, suspend_subscription
from backhaul.subscribers.zones import add_zone
from conftest import clean
from tests.builders import NOON, acting, build_customer, new_customer, request_key
from tests.cast import Cast, build_cast, fill_funds

JANUARY = date(2026, 1, 1)
TODAY = date(2026, 2, 1)
ORDERS = {
    "newest": lambda row: -row["customer_id"],
    "name": lambda row: (row["name"], row["customer_id"]),
    "code": lambda row: row["code"],
    "expiry": lambda row: (row["expires_on"], row["subscription_id"]),
    "due": lambda row: (-row["due_minor"], -row["customer_id"]),
}


@pytest.fixture(scope="module")
def town(server: EmbeddedPostgres) -> Iterator[tuple[Cast, list[dict[str, Any]]]]:
    cast = build_cast()
    fill_funds(cast)
    _people(cast)
    with acting(cast.padma):
        everybody = _model(cast)
    yield cast, everybody
    clean(server)


def _people(cast: Cast) -> None:
    """Two dozen customers who differ in everything that can be filtered by."""
    isp = cast.padma.isp_id
    with acting(cast.padma, cast.rival):
        build_customer(cast, name="Rahim Elsewhere")
    with acting(cast.padma):
        dhaka = add_zone(name="Dhaka", level=2)
        zones = [None, dhaka, add_zone(name="Mirpur", parent_id=dhaka), add_zone(name="Sylhet")]
        for n in range(24):
            joined = JANUARY + timedelta(days=n)
            person = new_customer(
                cast,
                name=("Rahim", "Karim", "Nusrat")[n % 3],
                joined_on=joined,
                package=(isp, cast.packages["Home 10" if n % 4 else "Home 20"]),
                profile=(isp, cast.profiles["Monthly 1st" if n % 5 else "Monthly anniversary"]),
                zone_id=zones[n % 4],
                connection_type="hotspot" if n % 6 == 0 else "pppoe",
            )
            at = datetime.combine(joined, NOON.timetz())
            added = sign_up_customer(customer=person, on=joined, now=at, activate=n % 7 != 0)
            _happens(n, added.customer_id, added.subscription_id, joined, at)
    _sessions(cast)


def _happens(n: int, customer_id: int, service: int, on: date, at: datetime) -> None:
    what: dict[str, Any] = {"why": "so", "on": on, "at": at}
    if n % 7 and n % 8 == 1:
        suspend_subscription(subscription_id=service, **what)
    if n % 9 == 2:
        disable_subscription(subscription_id=service, **what)
    if n % 11 == 3:
        mark_left(subscription_id=service, **what)
    if n % 3 == 1:
        record_payment(
            customer_id=customer_id, amount_minor=200_00 * (n % 5 + 1), method="cash", received_on=on, now=at,
            request_key=request_key(),
        )  # fmt: skip
    if n % 5 == 4 and n % 11 != 3:
        make_promise(subscription_id=service, until_on=TODAY if n % 2 else on, why="salary", on=on, now=at)


def _sessions(cast: Cast) -> None:
    from django.db import connections

    from backhaul.network.services import register_nas

    with acting(cast.padma):
        nas = register_nas(name="Tower", source_address="192.0.2.9", secret="not-a-word", at=NOON)
        logins = rows("SELECT id, username, operator_id FROM radius_login WHERE operator_id = %s", [cast.padma.isp_id])
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"SET search_path = {cast.padma.cell}, public, ext")
        for n, login in enumerate(logins):
            if n % 3:
                seen = NOON - timedelta(minutes=1 if n % 2 else 60)
                cursor.execute(
                    "INSERT INTO radius_session_live (operator_id, nas_operator_id, nas_id, username, acct_session_id, "
                    "nonce, login_id, mac, nas_port, started_at, updated_at, interim_seconds, session_seconds, "
                    "input_bytes, output_bytes) VALUES (%s, %s, %s, %s, %s, '', %s, '', '', %s, %s, 300, 60, 0, 0)",
                    [login["operator_id"], cast.padma.isp_id, nas, login["username"], str(n), login["id"], seen, seen],
                )


def _model(cast: Cast) -> list[dict[str, Any]]:
    """Everything that a filter looks at, one plain read each."""
    me = [cast.padma.isp_id]
    people = rows(
        "SELECT c.id AS customer_id, c.name, c.code, c.joined_on, c.zone_id, s.id AS subscription_id, s.package_id, "
        "s.profile_id, s.left_on, s.activated_on, l.connection_type, l.id AS login_id FROM customer c "
        "JOIN subscription s ON s.customer_id = c.id JOIN radius_login l ON l.subscription_id = s.id "
        "WHERE c.operator_id = %s",
        me,
    )
    blocks = rows("SELECT subscription_id, reason FROM block WHERE to_at IS NULL AND operator_id = %s", me)
    bills = rows("SELECT customer_id, open_minor FROM invoice_open WHERE operator_id = %s", me)
    state = {row["subscription_id"]: row for row in rows("SELECT * FROM billing_state WHERE operator_id = %s", me)}
    live = {row["login_id"]: row["updated_at"] for row in rows("SELECT login_id, updated_at FROM radius_session_live")}
    for row in people:
        billed = state[row["subscription_id"]]
        row["reasons"] = {each["reason"] for each in blocks if each["subscription_id"] == row["subscription_id"]}
        row["due_minor"] = sum(each["open_minor"] for each in bills if each["customer_id"] == row["customer_id"])
        row["expires_on"] = max(billed["billed_until"], billed["charged_until"])
        row["online"] = live.get(row["login_id"], NOON - timedelta(days=9)) > NOON - timedelta(minutes=10)
    advances = rows("SELECT customer_id FROM customer_advance WHERE advance_minor > 0 AND operator_id = %s", me)
    promises = rows("SELECT subscription_id FROM promise WHERE withdrawn_at IS NULL AND until_on >= %s", [TODAY])
    for row in people:
        row["advance"] = row["customer_id"] in {each["customer_id"] for each in advances}
        row["promised"] = row["subscription_id"] in {each["subscription_id"] for each in promises}
    return people


def status_of(row: dict[str, Any]) -> str:
    order = [("left", {"left"}), ("disabled", {"disabled"}), ("not_activated", {"not_activated"}),
             ("suspended", {"by_hand", "unpaid"}), ("expired", {"expired"})]  # fmt: skip
    return next((status for status, reasons in order if reasons & row["reasons"]), "active")


def holds(row: dict[str, Any], wanted: CustomerFilter, inside: dict[int | None, set[int]]) -> bool:
    """The model: whether a customer matches."""
    in_use = row["left_on"] is None and row["activated_on"] is not None
    expires = wanted.expires_from or wanted.expires_until
    return all(
        (
            wanted.search.lower() in row["name"].lower() or wanted.search.lower() == row["code"].lower(),
            wanted.status in (None, status_of(row)),
            wanted.zone_id is None or row["zone_id"] in inside[wanted.zone_id],
            wanted.package is None or wanted.package[1] == row["package_id"],
            wanted.profile is None or wanted.profile[1] == row["profile_id"],
            wanted.connection_type in (None, row["connection_type"]),
            (wanted.joined_from or date.min) <= row["joined_on"] <= (wanted.joined_until or date.max),
            not expires
            or (
                in_use and (wanted.expires_from or date.min) <= row["expires_on"] <= (wanted.expires_until or date.max)
            ),
            wanted.online in (None, row["online"]),
            wanted.has != "due" or row["due_minor"] > 0,
            wanted.has != "advance" or row["advance"],
            wanted.promised_on is None or row["promised"],
            not wanted.held,
        )
    )


def filters(cast: Cast, zones: list[int]) -> st.SearchStrategy[CustomerFilter]:
    isp = cast.padma.isp_id
    days = st.none() | st.dates(JANUARY, date(2026, 3, 5))
    rarely = st.sampled_from([None, None, None])

    def or_none(*values: Any) -> st.SearchStrategy[Any]:
        return rarely | st.sampled_from(values)

    return st.builds(
        CustomerFilter,
        search=st.sampled_from(["", "", "", "rahim", "PAD-00007"]),
        status=or_none("active", "suspended", "disabled", "left", "not_activated", "expired"),
        zone_id=or_none(*zones),
        package=or_none(*((isp, key) for key in cast.packages.values())),
        profile=or_none(*((isp, key) for key in cast.profiles.values())),
        connection_type=or_none("pppoe", "hotspot", "static"),
        joined_from=days, joined_until=days, expires_from=days, expires_until=days,
        online=or_none(True, False), seen_at=st.just(NOON),
        has=or_none("due", "advance"), promised_on=or_none(TODAY), held=st.sampled_from([False, False, False, True]),
    )  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_filter_means_what_it_says(
    town: tuple[Cast, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch, data: st.DataObject
) -> None:
    """Combined, in every order, page after page and back, gathered or read along an index."""
    cast, everybody = town
    for name, sizes in (("FEW", [0, 1, 5_000]), ("MANY", [0, 300_000]), ("READ", [1, 6, 3_000])):
        monkeypatch.setattr(finding, name, data.draw(st.sampled_from(sizes), name))
    with acting(cast.padma):
        tree = rows("SELECT id, parent_id FROM zone WHERE operator_id = %s", [cast.padma.isp_id])
        inside = {zone["id"]: {z["id"] for z in tree if zone["id"] in (z["id"], z["parent_id"])} for zone in tree}
        wanted = data.draw(filters(cast, list(inside)), "wanted")
        order = data.draw(st.sampled_from(sorted(ORDERS)), "order")
        turned = data.draw(st.booleans(), "turned")
        matching = [row for row in everybody if holds(row, wanted, inside)]
        if order == "due":
            matching = [row for row in matching if row["due_minor"]]
        expected = [row["customer_id"] for row in sorted(matching, key=ORDERS[order], reverse=turned)]
        asked = f"-{order}" if turned else order
        pages = _walk(wanted, asked)
        assert [row["customer_id"] for page in pages for row in page] == expected
        if len(pages) > 1:
            back = list_customers(wanted, order=asked, before=pages[1][0]["place"], limit=5)
            assert [row["customer_id"] for row in back] == expected[:5]
        assert count_customers(wanted, order=asked) == Count(len(expected))


def _walk(wanted: CustomerFilter, order: str) -> list[list[dict[str, Any]]]:
    pages: list[list[dict[str, Any]]] = []
    while page := list_customers(wanted, order=order, after=pages[-1][-1]["place"] if pages else None, limit=5):
        pages.append(page)
    return pages


def test_the_people_of_the_model_differ(town: tuple[Cast, list[dict[str, Any]]]) -> None:
    """The comparison above says something only where each filter lets some pass and holds some back."""
    _cast, everybody = town
    assert {status_of(row) for row in everybody} >= {"active", "suspended", "disabled", "left", "not_activated"}
    for what in ("online", "advance", "promised"):
        assert {row[what] for row in everybody} == {True, False}, what
    assert len({row["expires_on"] for row in everybody}) > 2
    assert len({row["due_minor"] for row in everybody}) > 2


def test_a_count_beyond_its_limit_does_not_claim_to_be_exact(
    town: tuple[Cast, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    cast, everybody = town
    monkeypatch.setattr(finding, "COUNTED", 10)
    with acting(cast.padma):
        assert count_customers(CustomerFilter()) == Count(len(everybody), "about")
        assert count_customers(CustomerFilter(connection_type="pppoe")) == Count(10, "more")
        assert count_customers(CustomerFilter(search="PAD-00007")) == Count(1)


def test_a_count_that_takes_too_long_is_given_up(
    town: tuple[Cast, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    cast, _everybody = town
    monkeypatch.setattr(finding, "COUNTING_MS", 1)
    slow: tuple[str, dict[str, Any]] = ("SELECT pg_sleep(1)::text AS x, 1 AS customer_id, 1 AS subscription_id", {})
    monkeypatch.setattr(finding._List, "every", lambda _self, _limit: slow)
    with acting(cast.padma):
        assert count_customers(CustomerFilter()) == Count(0, "unknown")
        assert rows("SHOW statement_timeout") == [{"statement_timeout": "0"}]


def test_places_that_are_none_begin_anew(town: tuple[Cast, list[dict[str, Any]]]) -> None:
    cast, everybody = town
    with acting(cast.padma):
        for order, place in (("name", "5"), ("due", "x~5"), ("expiry", "soon~5"), ("newest", "a~5"), ("code", "~")):
            assert list_customers(order=order, after=place) == list_customers(order=order), (order, place)
        with pytest.raises(InvalidInput):
            list_customers(order="shoe size")
        assert len(list_customers()) == len(everybody)
