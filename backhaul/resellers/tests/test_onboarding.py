"""Founding ISPs and taking operators on: everything an operator needs, at once, and only by who may."""

from __future__ import annotations

from threading import Barrier, Thread
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.db import connections

from backhaul.catalog.queries import get_vat, list_billing_profiles_offered, list_packages_offered
from backhaul.common.errors import InvalidInput, NotAllowed, NotFound, Refusal
from backhaul.funds.queries import get_fund, get_own_fund
from backhaul.identity.models import IspDirectory, User
from backhaul.identity.queries import list_isps
from backhaul.identity.services import NameTaken, SlugTaken
from backhaul.ledger.periods import get_books
from backhaul.operators.functions import rows
from backhaul.operators.queries import list_children
from backhaul.operators.scope import acting_for_child, current_scope, founding_unit
from backhaul.resellers.beginning import (
    Beginning,
    FirstOffer,
    FirstPerson,
    FirstRecharge,
    Identity,
    TariffPrice,
    Terms,
    Vat,
)
from backhaul.resellers.services import AlreadyFounded, add_staff, found_isp, onboard_operator
from backhaul.subscribers.queries import get_numbering
from backhaul.subscribers.rules import NumberFormat
from backhaul.subscribers.zones import add_zone, list_zone_tree
from tests.builders import NOON, PASSWORD, acting, build_customer, build_operator, build_person, request_key
from tests.cast import START, Cast


def everything(operator_id: int) -> dict[str, int]:
    """How many rows of each kind the acting operator has from the start."""
    tables = ("books", "account", "customer_numbering", "invoice_numbering", "receipt_numbering", "brand")
    return {
        table: rows(f"SELECT count(*) AS n FROM {table} WHERE operator_id = %s", [operator_id])[0]["n"]
        for table in tables
    }


def test_an_isp_is_founded_with_books_numbers_brand_and_vat(db: object) -> None:
    isp = found_isp(identity=Identity(slug="delta", name="Delta Net", vat=Vat(START, 500)), currency="KWD")
    assert (isp.slug, isp.cell, isp.currency_decimals) == ("delta", "cell1", 3)
    with acting(isp) as scope:
        counts = everything(isp.isp_id)
        assert counts.pop("account") > 20
        assert set(counts.values()) == {1}
        vat = get_vat(START)
        assert (vat["registered"], vat["rate_bp"], vat["reclaims_input"]) == (True, 500, True)
        assert (scope.name, scope.parent_id, get_own_fund()) == ("Delta Net", None, None)


@pytest.mark.parametrize(
    ("slug", "options", "field"),
    [
        ("Delta Net", {}, "slug"),
        ("delta", {"time_zone": "Asia/Nowhere"}, "time_zone"),
        ("delta", {"currency": "Taka"}, "currency"),
    ],
)
def test_a_founding_that_fails_leaves_nothing(db: object, slug: str, options: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        found_isp(identity=Identity(slug=slug, name="Delta Net"), **options)
    assert refusal.value.field == field
    assert not IspDirectory.objects.exists()


def test_two_isps_do_not_share_a_short_name(cast: Cast) -> None:
    with pytest.raises(SlugTaken, match="padma"):
        found_isp(identity=Identity(slug="padma", name="Another Padma"))
    assert sorted(IspDirectory.objects.values_list("slug", flat=True)) == ["meghna", "padma"]
    with pytest.raises(LookupError), founding_unit("cell1"):
        current_scope()


def test_an_operator_taken_on_has_all_it_needs_to_begin(cast: Cast) -> None:
    with acting(cast.padma):
        south = onboard_operator(
            identity=Identity(
                slug="south", name="South", numbering=NumberFormat(prefix="S"), vat=Vat(START, 500, False)
            ),
            terms=Terms(mode="postpaid", credit_limit_minor=10_000_00, low_balance_minor=500_00),
        )
        assert current_scope().operator_id == cast.padma.isp_id
        fund = get_fund(south)
        assert (fund["mode"], fund["credit_limit_minor"], fund["low_balance_minor"]) == ("postpaid", 10_000_00, 500_00)
    with acting(cast.padma, south) as scope:
        counts = everything(south)
        assert counts.pop("account") > 20
        assert set(counts.values()) == {1}
        assert scope.path == (cast.padma.isp_id, south)
        assert get_vat(START)["reclaims_input"] is False
        numbering = get_numbering()
        assert numbering is not None and numbering["prefix"] == "S"


def beginning(cast: Cast, **change: Any) -> Beginning:
    """Home 10 at 420.00, an owner, and 1,000.00 in cash."""
    usual: dict[str, Any] = {
        "on": START, "at": NOON, "request_key": request_key(),
        "owner": FirstPerson("lipi", "Lipi Akter", PASSWORD),
        "prices": (TariffPrice(cast.padma.isp_id, cast.plans["Home 10"], 420_00),),
        "recharge": FirstRecharge("recharge", 1_000_00, "cash"),
    }  # fmt: skip
    return Beginning(**(usual | change))


def test_an_operator_begins_with_prices_zones_an_owner_and_money(cast: Cast) -> None:
    with acting(cast.padma):
        dhaka = add_zone(name="Dhaka", level=2)
        mirpur = add_zone(name="Mirpur", parent_id=dhaka)
        box = add_zone(name="Box 7", parent_id=mirpur, level=6)
        south = onboard_operator(
            identity=Identity(slug="south", name="South", phone="01711000000", year_starts_month=7),
            terms=Terms(edge={"minimum_balance_minor": 500_00, "charge_timing": "daily"}),
            beginning=beginning(cast, zones=frozenset({dhaka, box})),
        )
        fund = get_fund(south)
        assert (fund["posted_minor"], fund["minimum_balance_minor"]) == (1_000_00, 500_00)
        assert fund["charge_timing"] == "daily"
    with acting(cast.padma, south):
        assert [(row["names"], row["level"]) for row in list_zone_tree()] == [(["Dhaka"], 2), (["Dhaka", "Box 7"], 6)]
        assert get_books()["year_starts_month"] == 7
    signed_in = authenticate(None, username="lipi@padma", password=PASSWORD)
    assert isinstance(signed_in, User) and signed_in.home_operator_id == south


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ({"recharge": FirstRecharge("recharge", 1_000_00, "gold")}, "recharge"),
        ({"owner": FirstPerson("north", "Somebody", PASSWORD)}, "login"),
        ({"prices": (TariffPrice(1, 1, 1),)}, "tariff"),
    ],
)
def test_an_operator_that_cannot_begin_leaves_nothing(cast: Cast, change: dict[str, Any], step: str) -> None:
    with pytest.raises(Refusal) as refusal, acting(cast.padma):
        onboard_operator(
            identity=Identity(slug="south", name="South"), terms=Terms(), beginning=beginning(cast, **change)
        )
    assert refusal.value.step == step
    with acting(cast.padma):
        assert "south" not in [child["slug"] for child in list_children()]
        assert not rows("SELECT 1 FROM fund WHERE parent_id = %s AND posted_minor <> 0", [cast.padma.isp_id])
    assert not User.objects.filter(name="lipi").exists()


def test_who_founds_the_first_isp_signs_in_and_can_sell(db: object) -> None:
    offer = FirstOffer("Home 10", 10_000, 10_000, 600_00, "Monthly", "calendar")
    isp = found_isp(
        identity=Identity(slug="delta", name="Delta"),
        owner=FirstPerson("mina", "Mina", PASSWORD, must_change_password=False),
        offer=offer,
        only_first=True,
    )
    with acting(isp):
        assert [row["name"] for row in list_packages_offered(START)] == ["Home 10"]
        assert [row["name"] for row in list_billing_profiles_offered()] == ["Monthly"]
    assert isinstance(authenticate(None, username="mina@delta", password=PASSWORD), User)
    with pytest.raises(AlreadyFounded):
        found_isp(identity=Identity(slug="second", name="Second"), only_first=True)
    assert found_isp(identity=Identity(slug="second", name="Second")).slug == "second"


def test_a_founding_whose_owner_is_refused_leaves_nothing(db: object) -> None:
    with pytest.raises(InvalidInput) as refusal:
        found_isp(identity=Identity(slug="delta", name="Delta"), owner=FirstPerson("mina", "Mina", "short"))
    assert refusal.value.step == "owner"
    assert not IspDirectory.objects.exists()


def test_of_two_who_found_the_first_isp_at_once_one_succeeds(db: object) -> None:
    done: list[str] = []

    def found(slug: str) -> None:
        try:
            start.wait()
            done.append(found_isp(identity=Identity(slug=slug, name=slug), only_first=True).slug)
        except AlreadyFounded:
            done.append("refused")
        finally:
            connections.close_all()

    start = Barrier(2)
    founders = [Thread(target=found, args=[slug]) for slug in ("delta", "gamma")]
    for founder in founders:
        founder.start()
    for founder in founders:
        founder.join(timeout=30)
    assert len(done) == 2 and "refused" in done
    assert [isp.slug for isp in list_isps()] == [slug for slug in done if slug != "refused"]


def test_a_short_name_is_used_once_in_an_isp_and_again_in_another(cast: Cast) -> None:
    with pytest.raises(SlugTaken), acting(cast.padma, cast.north):
        onboard_operator(identity=Identity(slug="rival", name="R"), terms=Terms())
    with acting(cast.padma, cast.north):
        assert [child["slug"] for child in list_children()] == ["riverside"]
    assert build_operator(cast.meghna, cast.meghna.isp_id, "rival", owner=False)


def test_who_may_not_have_children_takes_nobody_on(cast: Cast) -> None:
    for seat in (cast.riverside, cast.rival):
        with pytest.raises(NotAllowed, match="may not have operators below"), acting(cast.padma, seat):
            onboard_operator(identity=Identity(slug="below", name="Below"), terms=Terms())


def test_a_tree_goes_as_deep_as_it_is_allowed_to(cast: Cast) -> None:
    parent = cast.north
    for depth in range(2, 6):
        parent = build_operator(cast.padma, parent, f"level-{depth}", owner=False, may_have_children=True)
    with acting(cast.padma, parent) as scope:
        assert len(scope.path) == 6
        own = get_own_fund()
        assert own is not None and own["parent_id"] == scope.path[-2]


def test_nobody_sets_up_another_operators_child(cast: Cast) -> None:
    for seat in (None, cast.rival, cast.riverside):
        with pytest.raises(NotFound), acting(cast.padma, seat), acting_for_child(cast.riverside):
            pass
    with pytest.raises(NotFound), acting(cast.meghna), acting_for_child(cast.north):
        pass


def test_staff_sign_in_with_the_role_they_were_given(cast: Cast) -> None:
    with acting(cast.padma, cast.north, user_id=cast.owners["north"]):
        user = add_staff(operator_id=cast.north, role="collector", name="Jamal", full_name="Jamal", password=PASSWORD)
    signed_in = authenticate(None, username="jamal@padma", password=PASSWORD)
    assert isinstance(signed_in, User)
    assert (signed_in.pk, signed_in.must_change_password) == (user, True)
    assert (signed_in.isp_id, signed_in.home_operator_id) == (cast.padma.isp_id, cast.north)
    with acting(cast.padma, cast.north, user_id=user) as scope:
        assert scope.role == "collector"


def test_a_sign_in_name_is_unique_in_the_isp_only(cast: Cast) -> None:
    with pytest.raises(NameTaken, match="north"), acting(cast.padma, cast.riverside):
        build_person(cast.riverside, "north")
    with acting(cast.meghna):
        build_person(cast.meghna.isp_id, "north")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"role": "king"}, "role"),
        ({"role": "system"}, "role"),
        ({"name": "no blanks"}, "name"),
        ({"password": "short"}, "password"),
    ],
)
def test_a_person_is_described_rightly_or_not_added(cast: Cast, change: dict[str, str], field: str) -> None:
    person = {"role": "noc", "name": "somebody", "full_name": "S", "password": PASSWORD} | change
    with pytest.raises(InvalidInput) as refusal, acting(cast.padma):
        add_staff(operator_id=cast.padma.isp_id, **person)
    assert refusal.value.field == field
    assert not User.objects.filter(full_name="S").exists()


@pytest.mark.parametrize("role", ["accountant", "collector", "noc", "manager"])
def test_only_an_owner_manages_people_operators_and_money_below(cast: Cast, role: str) -> None:
    with acting(cast.padma):
        person = build_person(cast.padma.isp_id, "person", role=role)
    for command in (
        lambda: build_person(cast.padma.isp_id, "friend"),
        lambda: build_person(cast.north, "friend"),
        lambda: onboard_operator(identity=Identity(slug="south", name="South"), terms=Terms()),
        lambda: build_customer(cast),
    ):
        with pytest.raises(NotAllowed), acting(cast.padma, user_id=person):
            command()
