"""Adding customers: in one transaction with their login, under the operator's rules."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from django.db import connections

from backhaul.common.errors import InvalidInput, NotAllowed, NotFound
from backhaul.funds.services import set_edge_terms
from backhaul.network.queries import get_login
from backhaul.network.services import AddressTaken, UsernameTaken
from backhaul.operators.functions import rows
from backhaul.operators.queries import list_audit_events
from backhaul.operators.scope import unit_of_work
from backhaul.subscribers.adding import CustomerIdTaken
from backhaul.subscribers.queries import get_customer, get_numbering
from backhaul.subscribers.rules import NumberFormat
from backhaul.subscribers.services import (
    FundLow,
    PrefixFrozen,
    add_zone,
    lift_block,
    reset_password,
    set_numbering,
    update_customer,
)
from tests.builders import NOON, acting, build_customer, build_person
from tests.cast import Cast, fill_funds


def test_a_customer_gets_an_id_a_service_and_an_open_login_with_the_plans_speed(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        zone = add_zone(name="Mirpur-10", code="M10")
        added = build_customer(
            cast,
            name="  রুপা   চৌধুরী ",
            mobile="০১৯৫১-৮৮৮০৪৩",
            zone_id=zone,
            mac="AA-BB-CC-00-11-22",
            static_ip="100.80.0.7",
        )
        customer = get_customer(added.customer_id)
        login = get_login(operator_id=cast.riverside, subscription_id=added.subscription_id)
        events = list_audit_events("customer", added.customer_id)
    assert added.code == "RIV-00001"
    assert (customer["name"], customer["mobile"], customer["zone"]) == ("রুপা চৌধুরী", "01951888043", "Mirpur-10")
    assert (customer["status"], customer["price_minor"], customer["package"]) == ("active", 600_00, "Home 10")
    assert login is not None
    assert (login["access"], login["down_kbps"], login["pool"]) == ("open", 10_240, "home")
    assert (login["mac"], login["static_address"]) == ("aabbcc001122", "100.80.0.7")
    assert [event["verb"] for event in events] == ["added"]


def test_a_customer_not_activated_is_rejected_until_activated(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        added = build_customer(cast, activate=False)
        before = get_login(operator_id=cast.riverside, subscription_id=added.subscription_id)
        assert get_customer(added.customer_id)["status"] == "not_activated"
        lift_block(subscription_id=added.subscription_id, reason="not_activated", on=date(2026, 2, 5), at=NOON)
        after = get_login(operator_id=cast.riverside, subscription_id=added.subscription_id)
        customer = get_customer(added.customer_id)
    assert before is not None
    assert after is not None
    assert (before["access"], before["reject_reason"], after["access"]) == ("reject", "not activated", "open")
    assert (customer["status"], customer["activated_on"]) == ("active", date(2026, 2, 5))


@pytest.mark.parametrize(
    ("profile", "joined_on", "anchor"),
    [("Monthly 1st", date(2026, 1, 31), 1), ("Monthly anniversary", date(2026, 1, 31), 31)],
)
def test_periods_start_on_the_cycles_day(cast: Cast, profile: str, joined_on: date, anchor: int) -> None:
    with acting(cast.padma):
        added = build_customer(cast, profile=(cast.padma.isp_id, cast.profiles[profile]), joined_on=joined_on)
        assert get_customer(added.customer_id)["anchor_day"] == anchor


def test_a_user_name_taken_anywhere_in_the_isp_is_refused_and_nothing_is_left_behind(cast: Cast) -> None:
    with acting(cast.padma, cast.rival):
        build_customer(cast, username="rahim")
    with pytest.raises(UsernameTaken, match="rahim"), acting(cast.padma, cast.riverside):
        build_customer(cast, username="rahim")
    with acting(cast.padma, cast.riverside):
        assert rows("SELECT 1 FROM customer") == []
        assert build_customer(cast, username="karim").code == "RIV-00001"


def test_a_static_address_serves_one_login(cast: Cast) -> None:
    with acting(cast.padma):
        build_customer(cast, static_ip="100.80.0.7")
    with pytest.raises(AddressTaken, match=r"100\.80\.0\.7"), acting(cast.padma):
        build_customer(cast, static_ip="100.80.0.7")


def test_a_second_submit_of_the_form_makes_no_second_customer(cast: Cast) -> None:
    with acting(cast.padma):
        first = build_customer(cast, key="form-1", username="once")
        again = build_customer(cast, key="form-1", username="once")
        assert (again.customer_id, again.repeated) == (first.customer_id, True)
        assert len(rows("SELECT 1 FROM customer")) == 1


def test_two_submits_at_once_make_one_customer(cast: Cast) -> None:
    def submit(_: int) -> tuple[int, bool]:
        try:
            with unit_of_work(cast.padma):
                added = build_customer(cast, key="form-1", username="once")
            return added.customer_id, added.repeated
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(submit, range(4)))
    assert len({customer for customer, _ in outcomes}) == 1
    assert sum(not repeated for _, repeated in outcomes) == 1


def test_customer_ids_have_no_gap_and_no_twin_when_eight_add_at_once(cast: Cast) -> None:
    """Every third one is refused after its number was taken: the number must come back."""

    def add_some(worker: int) -> list[str]:
        codes = []
        try:
            for turn in range(6):
                refused = turn % 3 == 2
                try:
                    with unit_of_work(cast.padma, cast.north):
                        username = f"w{worker}t0" if refused else f"w{worker}t{turn}"
                        codes.append(build_customer(cast, username=username).code)
                except UsernameTaken:
                    assert refused
            return codes
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        codes = sorted(code for part in pool.map(add_some, range(8)) for code in part)
    assert codes == [f"NOR-{number:05d}" for number in range(1, 33)]


def test_a_low_fund_refuses_new_customers_and_first_activations_and_says_what_to_do(cast: Cast) -> None:
    fill_funds(cast, riverside=500_00)
    with acting(cast.padma, cast.riverside):
        waiting = build_customer(cast, activate=False)
    with acting(cast.padma, cast.north):
        set_edge_terms(child_id=cast.riverside, credit_limit_minor=0, low_balance_minor=1_000_00)
    told = r"fund with North has 500\.00 left, below the mark of 1,000\.00: recharge it"
    with pytest.raises(FundLow, match=told), acting(cast.padma, cast.riverside):
        build_customer(cast)
    with pytest.raises(FundLow), acting(cast.padma, cast.riverside):
        lift_block(subscription_id=waiting.subscription_id, reason="not_activated", on=date(2026, 2, 1), at=NOON)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("mobile", "12"),
        ("username", ""),
        ("password", ""),
        ("connection_type", "fibre"),
        ("mac", "ZZ:11"),
        ("static_ip", "300.1.2.3"),
        ("custom_price_minor", -1),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_field(cast: Cast, field: str, value: object) -> None:
    with pytest.raises(InvalidInput) as refusal, acting(cast.padma):
        build_customer(cast, **{field: value})  # type: ignore[arg-type]
    assert refusal.value.field == ("custom_price" if field == "custom_price_minor" else field)
    with acting(cast.padma):
        assert rows("SELECT 1 FROM customer") == []


def test_only_what_is_offered_can_be_chosen(cast: Cast) -> None:
    for field in ("package", "profile"):
        with pytest.raises(NotFound, match="that you can offer: "), acting(cast.padma, cast.rival):
            build_customer(cast, **{field: (cast.meghna.isp_id, 1)})  # type: ignore[arg-type]
    with pytest.raises(NotFound, match="zone"), acting(cast.padma, cast.rival):
        build_customer(cast, zone_id=1)


def test_a_riverside_customer_uses_padmas_plan_without_any_other_row_of_padma_in_sight(cast: Cast) -> None:
    with acting(cast.padma):
        build_customer(cast)
    with acting(cast.padma, cast.riverside):
        added = build_customer(cast)
        customer = get_customer(added.customer_id)
        assert customer["package_operator_id"] == cast.padma.isp_id
        for table in (
            "customer",
            "subscription",
            "radius_login",
            "block",
            "vat_setting",
            "customer_numbering",
            "audit_event",
        ):
            owners = rows(f"SELECT DISTINCT operator_id FROM {table}")
            assert all(row["operator_id"] == cast.riverside for row in owners), table
        assert rows("SELECT DISTINCT child_id FROM tariff_price") == [{"child_id": cast.riverside}]


def test_another_operators_customer_is_not_found_by_anyone(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        added = build_customer(cast)
    for seat in (None, cast.north, cast.rival):
        with pytest.raises(NotFound), acting(cast.padma, seat):
            get_customer(added.customer_id)
        with pytest.raises(NotFound), acting(cast.padma, seat):
            update_customer(customer_id=added.customer_id, at=NOON, name="Mine now")
    with pytest.raises(NotFound), acting(cast.meghna):
        get_customer(added.customer_id)


def test_a_collector_adds_nobody(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        collector = build_person(cast.riverside, "collector", role="collector")
    with pytest.raises(NotAllowed), acting(cast.padma, cast.riverside, user_id=collector):
        build_customer(cast)


def test_changes_reach_the_customer_and_the_login(cast: Cast) -> None:
    with acting(cast.padma):
        added = build_customer(cast)
        update_customer(customer_id=added.customer_id, at=NOON, name="New Name", mac="aabbccddeeff")
        reset_password(customer_id=added.customer_id, password="another1", at=NOON)
        customer = get_customer(added.customer_id)
        events = list_audit_events("customer", added.customer_id)
    assert (customer["name"], customer["mac"]) == ("New Name", "aabbccddeeff")
    assert [event["verb"] for event in events] == ["password_reset", "changed", "added"]
    assert "another1" not in str(events)


def test_ids_follow_the_operators_format_and_the_prefix_freezes_with_the_first_customer(cast: Cast) -> None:
    with acting(cast.padma):
        set_numbering(NumberFormat(prefix="P", infix="{zone}{yyyy}{mm}-", digits=4, postfix="/A"))
        zone = add_zone(name="Pallabi", code="PAL")
        assert build_customer(cast, zone_id=zone, joined_on=date(2026, 3, 9)).code == "PPAL202603-0001/A"
        set_numbering(NumberFormat(prefix="P", digits=6))
        assert build_customer(cast).code == "P000002"
        numbering = get_numbering()
        assert numbering is not None
        assert numbering["next_number"] == 3
    with pytest.raises(PrefixFrozen), acting(cast.padma):
        set_numbering(NumberFormat(prefix="Q"))
    for bad in ("{year}", "{zone"):
        with pytest.raises(InvalidInput):
            NumberFormat(infix=bad)


def test_a_format_that_comes_to_an_id_of_an_earlier_one_is_refused_until_it_is_changed(cast: Cast) -> None:
    with acting(cast.padma):
        set_numbering(NumberFormat(infix="2-", digits=1))
        assert build_customer(cast, joined_on=date(2026, 3, 9)).code == "2-1"
        set_numbering(NumberFormat(infix="", digits=1, postfix="-1"))
        with pytest.raises(CustomerIdTaken, match="2-1 is a customer's id already"):
            build_customer(cast)
        set_numbering(NumberFormat(infix="", digits=2, postfix="-1"))
        assert build_customer(cast).code == "02-1"
