"""Log in as reseller (SPEC A31): down the tree only, for a time, looking until stepped up, and never everything."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from django.db import DatabaseError

from backhaul.common.errors import InvalidInput, NotAllowed, NotFound
from backhaul.funds.services import pay_back_fund
from backhaul.identity.models import IspDirectory
from backhaul.network.services import reveal_password
from backhaul.operators.functions import execute, is_read_only, rows
from backhaul.operators.impersonation import (
    end_impersonation,
    enter_operator,
    list_below,
    list_came_in,
    list_entered,
    step_up,
)
from backhaul.operators.rules import NOT_INSIDE
from backhaul.operators.scope import EntryOver, Inside, NotInside, Scope, unit_of_work
from backhaul.operators.services import add_operator, record_audit
from backhaul.resellers.services import add_staff
from tests.builders import acting, build_customer, build_person
from tests.cast import Cast

NOW = datetime(2026, 2, 3, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def go_in(cast: Cast, subject: int, *, home: int | None = None, user: int | None = None, minutes: int = 30) -> int:
    home = home or cast.padma.isp_id
    with acting(cast.padma, home, user_id=user or cast.owners["padma"]):
        return enter_operator(operator_id=subject, reason="his router", now=NOW, minutes=minutes)


@contextmanager
def inside(cast: Cast, subject: int, entry: int, *, at: datetime = NOW, writes: bool = False) -> Iterator[Scope]:
    """A unit of work of Padma's owner inside an operator."""
    seat = Inside(subject, entry, at, writes)
    with unit_of_work(cast.padma, cast.padma.isp_id, user_id=cast.owners["padma"], inside=seat) as scope:
        yield scope


def stepped_up(cast: Cast, subject: int) -> int:
    entry = go_in(cast, subject)
    with inside(cast, subject, entry, writes=True):
        step_up(now=NOW)
    return entry


def may_be_entered(isp: IspDirectory, home: int, person: int, subject: int) -> bool:
    try:
        with acting(isp, home, user_id=person):
            enter_operator(operator_id=subject, reason="a look", now=NOW, minutes=15)
    except NotFound:
        return False
    return True


@dataclass
class Node:
    id: int
    above: frozenset[int]
    person: int


@pytest.mark.parametrize("seed", range(3))
def test_in_any_tree_the_way_in_leads_down_only(cast: Cast, seed: int) -> None:
    """For every two operators of a random tree, and one of another ISP: in exactly where the other is below."""
    chance = random.Random(seed)
    nodes = [Node(cast.padma.isp_id, frozenset(), cast.owners["padma"])]
    for n in range(7):
        parent = chance.choice(nodes)
        with acting(cast.padma, parent.id):
            child = add_operator(slug=f"op-{n}", name=f"Op {n}", kind="reseller", may_have_children=True)
            person = build_person(child, f"person-{n}")
        nodes.append(Node(child, parent.above | {parent.id}, person))
    strangers = [cast.meghna.isp_id, 1]
    for one in nodes:
        reached = {
            other for other in [*(node.id for node in nodes), *strangers]
            if may_be_entered(cast.padma, one.id, one.person, other)
        }  # fmt: skip
        assert reached - {cast.north, cast.riverside, cast.rival} == {n.id for n in nodes if one.id in n.above}
        with acting(cast.padma, one.id, user_id=one.person):
            assert {row["id"] for row in list_below()} >= reached


def test_the_list_of_those_below_is_searched_and_paged(cast: Cast) -> None:
    with acting(cast.padma, user_id=cast.owners["padma"]):
        assert [row["slug"] for row in list_below()] == ["north", "rival", "riverside"]
        assert [row["provider"] for row in list_below(search="RIVERS")] == ["North"]
        first = list_below(limit=1)[0]["id"]
        assert [row["slug"] for row in list_below(after=first)] == ["rival", "riverside"]
    with acting(cast.padma, cast.north, user_id=cast.owners["north"]):
        assert [row["slug"] for row in list_below()] == ["riverside"]


def test_a_reason_and_a_time_of_at_most_four_hours_are_asked_for(cast: Cast) -> None:
    with acting(cast.padma, user_id=cast.owners["padma"]):
        for reason, minutes, field in (("  ", 15, "reason"), ("why", 0, "minutes"), ("why", 241, "minutes")):
            with pytest.raises(InvalidInput) as refused:
                enter_operator(operator_id=cast.north, reason=reason, now=NOW, minutes=minutes)
            assert refused.value.field == field


def test_only_who_may_log_in_as_a_reseller_goes_in(cast: Cast) -> None:
    with acting(cast.padma):
        noc = build_person(cast.padma.isp_id, "noc", "noc")
    with acting(cast.padma, user_id=noc), pytest.raises(NotAllowed):
        enter_operator(operator_id=cast.north, reason="why", now=NOW, minutes=15)


def test_inside_the_person_acts_for_the_other_operator_and_only_looks(cast: Cast) -> None:
    entry = go_in(cast, cast.riverside)
    with inside(cast, cast.riverside, entry) as scope:
        assert (scope.operator_id, scope.actor_id) == (cast.riverside, cast.owners["padma"])
        assert scope.path == (cast.padma.isp_id, cast.north, cast.riverside)
        assert rows("SELECT name FROM operator WHERE id = %s", [cast.riverside])[0]["name"] == "Riverside"
    with pytest.raises(DatabaseError) as refused, inside(cast, cast.riverside, entry):
        record_audit(verb="tried", subject_type="operator", subject_id=1, at=NOW)
    assert is_read_only(refused.value)


def test_the_database_refuses_a_write_even_by_a_function_of_books(cast: Cast) -> None:
    entry = go_in(cast, cast.north)
    with pytest.raises(DatabaseError) as refused, inside(cast, cast.north, entry):
        execute("SELECT ask_for_recharge(1, 'note', now(), 'k')")
    assert is_read_only(refused.value)


def test_stepped_up_each_row_says_who_wrote_it_and_in_which_visit(cast: Cast) -> None:
    entry = stepped_up(cast, cast.riverside)
    with inside(cast, cast.riverside, entry):
        added = build_customer(cast)
        told = rows("SELECT actor_id, impersonation_id FROM audit_event WHERE subject_type = 'customer'")
    assert told == [{"actor_id": cast.owners["padma"], "impersonation_id": entry}]
    with acting(cast.padma, cast.riverside, user_id=cast.owners["riverside"]):
        assert rows("SELECT operator_id FROM customer WHERE id = %s", [added.customer_id])
        build_customer(cast)
        assert rows("SELECT count(*) AS own FROM audit_event WHERE impersonation_id IS NULL")[0]["own"] >= 1


def test_what_it_may_change_it_may_for_a_quarter_of_an_hour_and_again_after_another_step(cast: Cast) -> None:
    entry = stepped_up(cast, cast.riverside)
    last = NOW + timedelta(minutes=15) - timedelta(seconds=1)
    with inside(cast, cast.riverside, entry, at=last) as scope:
        assert scope.entry and scope.entry.changes_until == NOW + timedelta(minutes=15)
        execute("UPDATE operator SET name = name WHERE id = %s", [cast.riverside])
    late = NOW + timedelta(minutes=15)
    with pytest.raises(DatabaseError) as refused, inside(cast, cast.riverside, entry, at=late):
        execute("UPDATE operator SET name = name WHERE id = %s", [cast.riverside])
    assert is_read_only(refused.value)
    with inside(cast, cast.riverside, entry, at=late, writes=True):
        step_up(now=late)
    with inside(cast, cast.riverside, entry, at=late) as scope:
        assert scope.entry and scope.entry.changes_until == NOW + timedelta(minutes=30)  # no later than the visit
        assert list_came_in()[0]["stepped_up_at"] == NOW


def test_it_ends_by_itself(cast: Cast) -> None:
    entry = go_in(cast, cast.north, minutes=60)
    with inside(cast, cast.north, entry, at=NOW + HOUR - timedelta(seconds=1)):
        pass
    with pytest.raises(EntryOver), inside(cast, cast.north, entry, at=NOW + HOUR):
        pass


def test_it_ends_when_the_person_goes_back(cast: Cast) -> None:
    entry = go_in(cast, cast.north)
    with inside(cast, cast.north, entry, writes=True):
        end_impersonation(now=NOW)
    with pytest.raises(EntryOver), inside(cast, cast.north, entry):
        pass


def test_it_ends_with_the_persons_right_and_with_its_membership(cast: Cast) -> None:
    with acting(cast.padma):
        build_person(cast.padma.isp_id, "second")
    entry = go_in(cast, cast.north)
    with acting(cast.padma):
        execute("UPDATE membership SET role = 'manager' WHERE user_id = %s", [cast.owners["padma"]])
    with pytest.raises(EntryOver), inside(cast, cast.north, entry):
        pass
    with acting(cast.padma):
        execute("UPDATE membership SET role = 'owner', ended_at = now() WHERE user_id = %s", [cast.owners["padma"]])
    with pytest.raises(NotFound), inside(cast, cast.north, entry):
        pass


def test_an_entry_is_for_one_person_and_one_operator(cast: Cast) -> None:
    entry = go_in(cast, cast.north)
    with acting(cast.padma):
        other = build_person(cast.padma.isp_id, "second")
    seat = Inside(cast.north, entry, NOW)
    for user, seat_of in ((other, seat), (cast.owners["padma"], Inside(cast.rival, entry, NOW))):
        with (
            pytest.raises(EntryOver),
            unit_of_work(cast.padma, cast.padma.isp_id, user_id=user, inside=seat_of),
        ):
            pass


def test_what_stays_with_an_operators_own_people_is_refused_after_stepping_up(cast: Cast) -> None:
    entry = stepped_up(cast, cast.north)
    with inside(cast, cast.north, entry) as scope:
        assert not scope.permissions & NOT_INSIDE
        assert scope.permissions >= {"customers.edit", "books.view", "resellers.view"}
    tried: dict[str, Callable[[], object]] = {
        "password": lambda: reveal_password(login_id=1, at=NOW),
        "payout": lambda: pay_back_fund(
            child_id=cast.riverside, amount_minor=1, on=date(2026, 2, 3), paid="cash", request_key="k"
        ),
        "staff": lambda: add_staff(
            operator_id=cast.north, role="owner", name="me", full_name="Me", password="long enough"
        ),
        "further in": lambda: enter_operator(operator_id=cast.riverside, reason="why", now=NOW, minutes=15),
        "further in, by the function": lambda: execute(
            "SELECT enter_operator(%s, 'why', %s, %s)", [cast.riverside, NOW, NOW + HOUR]
        ),
    }
    for name, act in tried.items():
        with pytest.raises(NotInside), inside(cast, cast.north, entry):
            act()
        assert name


def test_both_ends_have_it_in_writing_and_nobody_else(cast: Cast) -> None:
    entry = stepped_up(cast, cast.riverside)
    with acting(cast.padma, cast.riverside):
        (row,) = list_came_in()
        assert (row["id"], row["actor_id"], row["actor_operator_id"]) == (
            entry, cast.owners["padma"], cast.padma.isp_id,
        )  # fmt: skip
        assert (row["reason"], row["stepped_up_at"], row["acts"]) == ("his router", NOW, 1)
    with acting(cast.padma):
        assert [(each["operator"], each["reason"]) for each in list_entered()] == [("Riverside", "his router")]
    for other in (cast.north, cast.rival):
        with acting(cast.padma, other):
            assert list_came_in() == list_entered() == []


def test_nobody_but_the_owner_of_the_tables_changes_or_removes_what_was_written_down(cast: Cast) -> None:
    go_in(cast, cast.north)
    for statement in (
        "UPDATE audit_event SET verb = 'nothing'", "DELETE FROM audit_event", "TRUNCATE audit_event",
        "UPDATE impersonation SET reason = 'another'", "DELETE FROM impersonation",
    ):  # fmt: skip
        with pytest.raises(DatabaseError) as refused, acting(cast.padma, cast.north):
            execute(statement)
        assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege)
