"""Signing customers up at several levels at once, while an import and a night's run go on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from backhaul.billing.finding import list_customers
from backhaul.billing.services import FundTooLow, UpstreamShort, sign_up_customer
from backhaul.funds.queries import get_fund
from backhaul.imports.services import import_customers
from backhaul.operators.functions import rows
from tests.builders import NOON, acting, new_customer
from tests.cast import PLANS, Cast, fill_funds

DATA = Path(__file__).resolve().parents[1] / "data"
FEBRUARY = date(2026, 2, 1)


def apart(work: Callable[[], Any]) -> Any:
    """Run in this thread with connections of its own."""
    try:
        return work()
    finally:
        connections.close_all()


def test_sign_ups_at_three_levels_beside_an_import_leave_no_gap_and_charge_every_edge_once(cast: Cast) -> None:
    fill_funds(cast)

    def sign_up(seat: int | None) -> None:
        with acting(cast.padma, seat):
            sign_up_customer(customer=new_customer(cast), on=FEBRUARY, now=NOON)

    def take_over() -> None:
        with acting(cast.padma, cast.riverside):
            content = (DATA / "customers-riverside.csv").read_bytes()
            import_customers(content=content, source="r.csv", on=FEBRUARY, now=NOON)

    seats = [None, cast.north, cast.riverside] * 5
    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(apart, take_over)]
        done += [pool.submit(apart, partial(sign_up, seat)) for seat in seats]
        for one in done:
            one.result()

    counts = {}
    for seat, prefix in ((cast.padma.isp_id, "PAD"), (cast.north, "NOR"), (cast.riverside, "RIV")):
        with acting(cast.padma, seat):
            codes = [row["code"] for row in list_customers(order="code", limit=1000)]
            counts[prefix] = len(codes)
            assert codes == [f"{prefix}-{number:05d}" for number in range(1, len(codes) + 1)]
            numbers = [row["number"] for row in rows("SELECT number FROM invoice ORDER BY number")]
            assert numbers == list(range(1, len(numbers) + 1))
            assert rows("SELECT count(*) AS n FROM invoice WHERE kind = 'period'") == [{"n": 5}]
    assert counts == {"PAD": 5, "NOR": 5, "RIV": 305}
    with acting(cast.padma, cast.north):
        # five of its own and five of Riverside's at 400.00; five of Riverside's at 450.00
        assert get_fund(cast.north)["posted_minor"] == 1_500_000_00 - 10 * PLANS["Home 10"][2]
        assert get_fund(cast.riverside)["posted_minor"] == 300_000_00 - 5 * PLANS["Home 10"][3]


@pytest.mark.parametrize(
    ("north", "riverside", "refusal"), [(399_99, 450_00, UpstreamShort), (400_00, 449_99, FundTooLow)]
)
def test_a_sign_up_that_some_level_cannot_pay_leaves_nothing_at_any_level(
    cast: Cast, north: int, riverside: int, refusal: type[Exception]
) -> None:
    fill_funds(cast, north=north, riverside=riverside)
    with pytest.raises(refusal), acting(cast.padma, cast.riverside):
        sign_up_customer(customer=new_customer(cast), on=FEBRUARY, now=NOON)
    with acting(cast.padma, cast.riverside):
        for table in (
            "customer",
            "subscription",
            "radius_login",
            "radius_password",
            "invoice",
            "billing_state",
            "charge",
        ):
            column = "child_id" if table == "charge" else "operator_id"
            assert rows(f"SELECT {column} FROM {table}") == [], table
        assert get_fund(cast.riverside)["posted_minor"] == riverside
        assert rows("SELECT next_number FROM customer_numbering") == [{"next_number": 1}]


def test_a_form_sent_by_two_hands_at_once_makes_one_customer_and_one_bill(cast: Cast) -> None:
    fill_funds(cast)
    customer = new_customer(cast)

    def send(_: int) -> int:
        with acting(cast.padma, cast.riverside):
            return sign_up_customer(customer=customer, on=FEBRUARY, now=NOON, request_key="form").customer_id

    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(lambda n: apart(partial(send, n)), range(4)))
    assert len(made) == 1
    with acting(cast.padma, cast.riverside):
        assert rows("SELECT count(*) AS n FROM invoice") == [{"n": 1}]
        assert get_fund(cast.riverside)["posted_minor"] == 300_000_00 - 450_00
