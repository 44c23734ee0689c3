"""Lists and search: own customers only, page after page, in every order."""

from __future__ import annotations

from datetime import date

import pytest

from backhaul.common.errors import InvalidInput
from backhaul.subscribers import queries
from backhaul.subscribers.queries import CustomerFilter, list_customers, search_customers
from backhaul.subscribers.services import add_zone, disable_subscription
from tests.builders import NOON, acting, build_customer
from tests.cast import Cast


@pytest.mark.parametrize(
    ("order", "expected"),
    [("newest", [6, 5, 4, 3, 2, 1, 0]), ("name", [0, 2, 4, 6, 1, 3, 5]), ("code", [0, 1, 2, 3, 4, 5, 6])],
)
def test_pages_follow_each_other_without_loss_or_twin(cast: Cast, order: str, expected: list[int]) -> None:
    with acting(cast.padma):
        ids = [build_customer(cast, name="AB"[n % 2]).customer_id for n in range(7)]
        seen: list[int] = []
        while page := list_customers(order=order, after=seen[-1] if seen else None, limit=3):
            seen += [row["customer_id"] for row in page]
    assert seen == [ids[n] for n in expected]


@pytest.mark.parametrize("few", [1, 500])
def test_filters_narrow_and_combine(cast: Cast, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    """Both ways of reading a page: by the ids of the few that are left, and along the order's index."""
    monkeypatch.setattr(queries, "FEW", few)
    office = (cast.padma.isp_id, cast.packages["Office 100"])
    daily = (cast.padma.isp_id, cast.profiles["Daily 30"])
    with acting(cast.padma):
        zone = add_zone(name="Pallabi")
        plain = build_customer(cast, joined_on=date(2026, 1, 5))
        off = build_customer(cast, zone_id=zone, package=office)
        disable_subscription(subscription_id=off.subscription_id, why="", on=date(2026, 2, 2), at=NOON)
        also_off = build_customer(cast, package=office, joined_on=date(2026, 1, 7))
        disable_subscription(subscription_id=also_off.subscription_id, why="", on=date(2026, 2, 2), at=NOON)
        hotspot = build_customer(cast, zone_id=zone, connection_type="hotspot", profile=daily)

        def found(**wanted: object) -> set[int]:
            return {row["customer_id"] for row in list_customers(CustomerFilter(**wanted))}  # type: ignore[arg-type]

        assert found() == {plain.customer_id, off.customer_id, also_off.customer_id, hotspot.customer_id}
        assert found(status="active") == {plain.customer_id, hotspot.customer_id}
        assert found(status="disabled") == {off.customer_id, also_off.customer_id}
        assert found(status="disabled", zone_id=zone) == {off.customer_id}
        assert found(status="suspended") == set()
        assert found(zone_id=zone, status="active") == {hotspot.customer_id}
        assert found(package=office) == {off.customer_id, also_off.customer_id}
        assert found(profile=daily) == {hotspot.customer_id}
        assert found(connection_type="hotspot") == {hotspot.customer_id}
        assert found(connection_type="pppoe", status="active") == {plain.customer_id}
        assert found(joined_until=date(2026, 1, 31)) == {plain.customer_id, also_off.customer_id}
        assert found(search=hotspot.code.lower()) == {hotspot.customer_id}
    with pytest.raises(InvalidInput), acting(cast.padma):
        list_customers(order="shoe size")


def test_search_finds_own_customers_by_id_name_mobile_and_user_name(cast: Cast) -> None:
    with acting(cast.padma, cast.rival):
        build_customer(cast, name="Rahim Sarker")
    with acting(cast.padma):
        rahim = build_customer(cast, name="Rahim Sarker", mobile="01711223344", username="rahim.mirpur")
        rupa = build_customer(cast, name="রুপা চৌধুরী", username="50%_off")

        def found(text: str) -> list[int]:
            return [row["customer_id"] for row in search_customers(text)]

        for text in ("rahim", "SARK", "0171122", "3344", "mirpur", rahim.code, rahim.code.lower()):
            assert found(text) == [rahim.customer_id], text
        assert found("চৌধু") == found("%_o") == [rupa.customer_id]
        assert found("") == found("   ") == found("100%") == found("nobody") == []


def test_an_exact_match_comes_first_however_many_contain_it(cast: Cast) -> None:
    with acting(cast.padma):
        exact = build_customer(cast, username="ali")
        for n in range(12):
            build_customer(cast, username=f"ali{n}")
        assert search_customers("ALI", 5)[0]["customer_id"] == exact.customer_id
