"""One act on many customers: the preview is what happens, a job that broke off goes on, nothing is done twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connections

from backhaul.billing import bulk
from backhaul.billing.bulk import PreviewChanged, Seat, TooMany, carry_out_bulk, confirm_bulk, go_on, request_bulk
from backhaul.billing.bulk_acts import BULK_ACTS
from backhaul.billing.finding import CustomerFilter
from backhaul.billing.services import sign_up_customer
from backhaul.common.errors import InvalidInput, NotAllowed, NotFound
from backhaul.funds.queries import get_own_fund
from backhaul.operators.functions import rows
from backhaul.operators.people import change_member
from backhaul.operators.scope import current_scope
from backhaul.subscribers import bulk as kept
from backhaul.subscribers.prices import set_custom_price
from backhaul.subscribers.services import disable_subscription, mark_left, suspend_subscription
from backhaul.subscribers.zones import add_zone
from tests.builders import acting, build_person, new_customer
from tests.cast import Cast, fill_funds

ON = date(2026, 2, 1)
NOW = datetime(2026, 2, 1, 6, tzinfo=UTC)
WHY = {"why": "for a test"}


def add_people(cast: Cast, count: int, *, activate: bool = True, **fields: Any) -> list[int]:
    """Customer ids; services have the same order."""
    people = (new_customer(cast, **fields) for _ in range(count))
    return [sign_up_customer(customer=each, on=ON, now=NOW, activate=activate).customer_id for each in people]


def service_of(customer_id: int) -> int:
    return int(rows("SELECT id FROM subscription WHERE customer_id = %s", [customer_id])[0]["id"])


def work(cast: Cast, run_id: int, user_id: int | None = None, *, now: datetime = NOW) -> None:
    """What the job does, for Riverside."""
    carry_out_bulk(cast.padma, Seat(cast.riverside, user_id), run_id=run_id, now=now)


def ask(cast: Cast, act: str, who: CustomerFilter | list[int], given: dict[str, Any] | None = None) -> int:
    """The preview, made."""
    with acting(cast.padma, cast.riverside):
        run_id = request_bulk(act=act, given=given or {}, who=who, now=NOW)
    work(cast, run_id)
    return run_id


def confirm(cast: Cast, run_id: int) -> None:
    with acting(cast.padma, cast.riverside):
        confirm_bulk(run_id=run_id, digest=kept.get_run(run_id)["digest"], now=NOW)
    work(cast, run_id)


def items(cast: Cast, run_id: int) -> list[dict[str, Any]]:
    with acting(cast.padma, cast.riverside):
        return kept.list_items(run_id, limit=1000)


def everything(cast: Cast) -> list[Any]:
    """All that an act could change."""
    tables = ("block", "subscription", "customer", "invoice", "planned_change", "fund_movement", "audit_event",
              "billing_state", "radius_login", "disconnect_request")  # fmt: skip
    with acting(cast.padma, cast.riverside):
        return [rows(f"SELECT t::text FROM {table} t ORDER BY 1") for table in tables]


def fund(cast: Cast) -> int:
    with acting(cast.padma, cast.riverside):
        found = get_own_fund()
        assert found is not None
        return int(found["posted_minor"])


@pytest.mark.parametrize("act", sorted(BULK_ACTS))
def test_the_preview_changes_nothing_and_is_what_happens(cast: Cast, act: str) -> None:
    fill_funds(cast)
    with acting(cast.padma, cast.riverside):
        people = add_people(cast, 6)
        for_later = {
            "zone_id": add_zone(name="Pallabi"),
            "package": [cast.padma.isp_id, cast.packages["Home 20"]],
            "profile": [cast.padma.isp_id, cast.profiles["Monthly anniversary"]],
            "suspend_on": (ON + timedelta(days=9)).isoformat(),
        }
        suspend_subscription(subscription_id=service_of(people[0]), why="so", on=ON, at=NOW)
        disable_subscription(subscription_id=service_of(people[1]), why="so", on=ON, at=NOW)
        mark_left(subscription_id=service_of(people[2]), why="so", on=ON, at=NOW)
    before = everything(cast)
    run_id = ask(cast, act, CustomerFilter(), WHY | for_later)
    assert everything(cast) == before
    looked_at = items(cast, run_id)
    assert len(looked_at) == 6
    assert {item["state"] for item in looked_at} <= {"would", "would_not"}
    assert any(item["state"] == "would" for item in looked_at)
    confirm(cast, run_id)
    turned = {"would": "done", "would_not": "would_not"}
    assert items(cast, run_id) == [item | {"state": turned[item["state"]]} for item in looked_at]
    assert everything(cast) != before
    with acting(cast.padma, cast.riverside):
        assert kept.get_run(run_id)["state"] == "done"


def test_what_one_costs_leaves_too_little_for_the_next_and_the_preview_says_so(cast: Cast) -> None:
    fill_funds(cast, riverside=1_100_00)  # 450.00 each
    with acting(cast.padma, cast.riverside):
        add_people(cast, 4, activate=False)
    before = fund(cast)
    run_id = ask(cast, "activate", CustomerFilter(status="not_activated"))
    assert [item["state"] for item in items(cast, run_id)] == ["would", "would", "would_not", "would_not"]
    with acting(cast.padma, cast.riverside):
        counts = kept.sum_run(run_id)
    assert counts["fund_minor"] == -2 * 450_00
    assert fund(cast) == before
    confirm(cast, run_id)
    assert fund(cast) == before + counts["fund_minor"]
    with acting(cast.padma, cast.riverside):
        billed = rows("SELECT sum(total_minor)::bigint AS minor FROM invoice")[0]["minor"]
        assert billed == counts["billed_minor"] == 2 * 600_00


def test_a_job_that_is_killed_between_slices_goes_on_and_does_nothing_twice(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_funds(cast)
    monkeypatch.setattr(bulk, "SLICE", 2)
    monkeypatch.setattr(bulk, "LOOKED_AT_ONCE", 2)
    with acting(cast.padma, cast.riverside):
        people = add_people(cast, 7)
        run_id = request_bulk(act="suspend", given=WHY, who=people, now=NOW)
    killing(monkeypatch, after=2)
    with pytest.raises(KeyboardInterrupt):
        work(cast, run_id)
    monkeypatch.undo()
    assert [item["state"] for item in items(cast, run_id)].count("would") == 4
    work(cast, run_id)
    with acting(cast.padma, cast.riverside):
        run = kept.get_run(run_id)
        assert run["state"] == "ready"
        confirm_bulk(run_id=run_id, digest=run["digest"], now=NOW)
    monkeypatch.setattr(bulk, "SLICE", 2)
    killing(monkeypatch, after=1)
    with pytest.raises(KeyboardInterrupt):
        work(cast, run_id)
    monkeypatch.undo()
    assert [item["state"] for item in items(cast, run_id)].count("done") == 2
    with acting(cast.padma, cast.riverside):
        go_on(run_id=run_id, now=NOW)
    work(cast, run_id)
    work(cast, run_id)
    assert {item["state"] for item in items(cast, run_id)} == {"done"}
    with acting(cast.padma, cast.riverside):
        assert rows("SELECT count(*) AS n FROM block WHERE reason = 'by_hand'") == [{"n": 7}]
        assert rows("SELECT count(*) AS n FROM audit_event WHERE verb = 'suspended'") == [{"n": 7}]


def test_a_job_that_comes_late_does_not_open_what_is_done_again(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    with acting(cast.padma, cast.riverside):
        run_id = request_bulk(act="suspend", given=WHY, who=add_people_unbilled(cast, 1), now=NOW)
    take_slice = kept.take_slice

    def others() -> None:
        work(cast, run_id)
        confirm(cast, run_id)
        connections.close_all()

    def meanwhile(*arguments: Any, **named: Any) -> list[dict[str, Any]]:
        """Others look, confirm and do it, while this job has found nothing left."""
        monkeypatch.setattr(kept, "take_slice", take_slice)
        if named["state"] != "looking":
            return take_slice(*arguments, **named)
        with ThreadPoolExecutor(1) as other:
            other.submit(others).result()
        return []

    monkeypatch.setattr(kept, "take_slice", meanwhile)
    work(cast, run_id)
    with acting(cast.padma, cast.riverside):
        assert kept.get_run(run_id)["state"] == "done"


def test_who_may_not_do_it_does_not_begin_it_again_either(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        run_id = request_bulk(act="suspend", given=WHY, who=add_people_unbilled(cast, 1), now=NOW)
        helper = build_person(cast.riverside, "helper", "manager")
        member = rows("SELECT id FROM membership WHERE user_id = %s", [helper])[0]["id"]
        change_member(member_id=member, role="manager", permissions={"customers.bulk"}, at=NOW)
    with acting(cast.padma, cast.riverside, user_id=helper), pytest.raises(NotAllowed):
        go_on(run_id=run_id, now=NOW)
    with pytest.raises(NotAllowed):
        work(cast, run_id, user_id=helper)


def killing(monkeypatch: pytest.MonkeyPatch, *, after: int) -> None:
    """The process ends when so many slices are done, in the middle of the next."""
    done = 0
    note = kept.note

    def dies(*arguments: Any, **named: Any) -> None:
        nonlocal done
        if done == after:
            raise KeyboardInterrupt
        done += 1
        note(*arguments, **named)

    monkeypatch.setattr(kept, "note", dies)


def test_what_changed_since_the_preview_is_left_alone_and_told(cast: Cast) -> None:
    fill_funds(cast)
    with acting(cast.padma, cast.riverside):
        people = add_people(cast, 3, activate=False)
    run_id = ask(cast, "activate", people)
    with acting(cast.padma, cast.riverside):
        mark_left(subscription_id=service_of(people[0]), why="moved", on=ON, at=NOW)
        set_custom_price(subscription_id=service_of(people[1]), price_minor=700_00, starts_on=ON, today=ON, now=NOW)
    confirm(cast, run_id)
    done = items(cast, run_id)
    assert [item["state"] for item in done] == ["refused", "refused", "done"]
    assert "another amount" in done[1]["says"]
    with acting(cast.padma, cast.riverside):
        assert rows("SELECT customer_id FROM invoice") == [{"customer_id": people[2]}]


def test_a_preview_is_confirmed_once_and_by_its_own_digest(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        people = add_people_unbilled(cast, 2)
        run_id = request_bulk(act="suspend", given=WHY, who=people, now=NOW)
        with pytest.raises(PreviewChanged):
            confirm_bulk(run_id=run_id, digest="", now=NOW)
    work(cast, run_id)
    with acting(cast.padma, cast.riverside):
        digest = kept.get_run(run_id)["digest"]
        with pytest.raises(PreviewChanged):
            confirm_bulk(run_id=run_id, digest="0" * 64, now=NOW)
        confirm_bulk(run_id=run_id, digest=digest, now=NOW)
        with pytest.raises(PreviewChanged):
            confirm_bulk(run_id=run_id, digest=digest, now=NOW)


def add_people_unbilled(cast: Cast, count: int) -> list[int]:
    from tests.builders import build_customer

    return [build_customer(cast).customer_id for _ in range(count)]


def test_only_own_customers_are_meant_and_somebody_must_be(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    with acting(cast.padma, cast.rival):
        theirs = add_people_unbilled(cast, 2)
    with acting(cast.padma, cast.riverside):
        own = add_people_unbilled(cast, 3)
        with pytest.raises(InvalidInput):
            request_bulk(act="suspend", given=WHY, who=theirs, now=NOW)
        run_id = request_bulk(act="suspend", given=WHY, who=[*own, *theirs], now=NOW)
        assert kept.get_run(run_id)["customers"] == 3
    with acting(cast.padma, cast.rival), pytest.raises(NotFound):
        kept.get_run(run_id)
    monkeypatch.setattr(bulk, "MOST", 2)
    with acting(cast.padma, cast.riverside), pytest.raises(TooMany):
        request_bulk(act="suspend", given=WHY, who=CustomerFilter(), now=NOW)


def test_the_job_may_what_the_person_may_by_then(cast: Cast) -> None:
    """Who lost the right, or the seat, between the confirmation and the job does nothing any more."""
    owner = cast.owners["riverside"]
    with acting(cast.padma, cast.riverside):
        people = add_people_unbilled(cast, 2)
        collector = build_person(cast.riverside, "collector", "collector")
    with acting(cast.padma, cast.riverside, user_id=collector), pytest.raises(NotAllowed):
        request_bulk(act="suspend", given=WHY, who=people, now=NOW)
    with acting(cast.padma, cast.riverside, user_id=owner):
        run_id = request_bulk(act="suspend", given=WHY, who=people, now=NOW)
        assert Seat.of(current_scope(), NOW) == Seat(cast.riverside, owner)
    work(cast, run_id, owner)
    with acting(cast.padma, cast.riverside, user_id=owner):
        confirm_bulk(run_id=run_id, digest=kept.get_run(run_id)["digest"], now=NOW)
    with pytest.raises(NotAllowed):
        work(cast, run_id, collector)
    with acting(cast.padma, cast.riverside):
        run = kept.get_run(run_id)
        assert (run["state"], "Your role" in run["failed_why"]) == ("failed", True)
        assert rows("SELECT 1 FROM block WHERE reason = 'by_hand'") == []
