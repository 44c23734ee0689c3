"""Importing: all or nothing, with logins, billing state and opening dues, for one operator only."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from backhaul.billing.finding import list_customers
from backhaul.common.errors import NotAllowed, NotFound
from backhaul.funds.services import set_edge_terms
from backhaul.imports.services import ImportReport, import_customers
from backhaul.operators.functions import rows
from backhaul.operators.queries import list_audit_events
from backhaul.subscribers.queries import search_customers
from backhaul.subscribers.services import FundLow
from tests.builders import acting, build_customer, build_person
from tests.cast import Cast

DATA = Path(__file__).resolve().parents[3] / "tests" / "data"
NOW = datetime(2026, 10, 29, 6, tzinfo=UTC)
ON = date(2026, 10, 29)
HEADER = "name,username,password,package,billing_profile,joined_on,opening_due,zone,static_ip,billed_until"


def take_over(name: str, **options: Any) -> ImportReport:
    return import_customers(
        content=(DATA / f"customers-{name}.csv").read_bytes(), source=f"{name}.csv", on=ON, now=NOW, **options
    )


def take_over_rows(*lines: str, **options: Any) -> ImportReport:
    content = "\n".join((HEADER, *lines)).encode()
    return import_customers(content=content, source="rows.csv", on=ON, now=NOW, **options)


def count(table: str) -> int:
    return int(rows(f"SELECT count(*) AS n FROM {table}")[0]["n"])


def test_north_and_riverside_are_taken_over_whole(cast: Cast) -> None:
    for operator_id, name, customers, dues in (
        (cast.north, "north", 1500, 590),
        (cast.riverside, "riverside", 300, 113),
    ):
        with acting(cast.padma, operator_id):
            report = take_over(name)
            assert (report.rows, report.good, report.imported, report.bad) == (customers, customers, customers, 0)
            assert sorted(report.zones_added) == [
                "Ibrahimpur", "Kazipara", "Mirpur-10", "Mirpur-11", "Pallabi", "Shewrapara",
            ]  # fmt: skip
            for table in ("customer", "subscription", "radius_login", "radius_password", "billing_state"):
                assert count(table) == customers, table
            assert rows("SELECT DISTINCT access FROM radius_login") == [{"access": "open"}]
            issued = rows("SELECT count(*) AS n, sum(total_minor)::bigint AS minor FROM invoice WHERE kind = 'opening'")
            assert issued == [{"n": dues, "minor": report.opening_due_minor}]
            posted = rows("SELECT debit_code, credit_code, sum(amount_minor)::bigint AS sum FROM posting GROUP BY 1, 2")
            assert posted == [
                {
                    "debit_code": "receivable_customers",
                    "credit_code": "opening_balances",
                    "sum": report.opening_due_minor,
                }
            ]
            codes = rows("SELECT min(code) AS first, max(code) AS last FROM customer")[0]
            assert codes == {"first": f"{name[:3].upper()}-00001", "last": f"{name[:3].upper()}-{customers:05d}"}
            assert list_audit_events("operator", operator_id)[0]["detail"] == {
                "customers": customers, "source": f"{name}.csv",
            }  # fmt: skip


def test_a_row_of_the_file_stands_in_every_place_it_belongs(cast: Cast) -> None:
    """The second row of customers-north.csv, read by eye: Home 50, Monthly anniversary, joined 15 February."""
    with acting(cast.padma, cast.north):
        take_over("north")
        customer = search_customers("north00001")[0]
        assert (customer["name"], customer["mobile"], customer["zone"]) == ("রুপা চৌধুরী", "01699556697", "Ibrahimpur")
        assert (customer["package"], customer["profile"], customer["anchor_day"]) == (
            "Home 50",
            "Monthly anniversary",
            15,
        )
        assert (customer["mac"], customer["status"], customer["joined_on"]) == (
            "ec3bffb926c8",
            "active",
            date(2026, 2, 15),
        )
        state = rows("SELECT billed_until FROM billing_state WHERE subscription_id = %s", [customer["subscription_id"]])
        assert state == [{"billed_until": date(2026, 11, 15)}]


def test_the_dirty_file_refuses_exactly_the_expected_rows_and_imports_nothing(cast: Cast) -> None:
    expected = json.loads((DATA / "customers-dirty.expected.json").read_text())
    with acting(cast.padma, cast.rival):
        report = take_over("dirty")
        assert {str(problem.row): problem.reason for problem in report.problems} == expected["bad"]
        assert (report.rows, report.bad, report.imported) == (1000, 12, 0)
        assert [count(table) for table in ("customer", "zone", "radius_login", "invoice")] == [0, 0, 0, 0]


def test_skip_bad_imports_all_the_others(cast: Cast) -> None:
    with acting(cast.padma, cast.rival):
        report = take_over("dirty", skip_bad=True)
        assert (report.imported, report.bad, count("customer"), count("billing_state")) == (988, 12, 988, 988)
        assert search_customers("dirty00003") == []


def test_a_dry_run_tells_the_same_and_writes_nothing(cast: Cast) -> None:
    with acting(cast.padma, cast.north):
        tried = take_over("north", dry_run=True)
        assert [count(table) for table in ("customer", "zone", "radius_login")] == [0, 0, 0]
        done = take_over("north")
    assert (tried.good, tried.opening_due_minor, tried.imported) == (done.good, done.opening_due_minor, 0)


def test_a_second_import_of_a_file_imports_nobody_twice(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        take_over("riverside")
        again = take_over("riverside")
        assert (again.imported, again.good, again.bad) == (0, 0, 300)
        assert {problem.reason for problem in again.problems} == {"username taken"}
        assert count("customer") == 300


def test_names_taken_elsewhere_in_the_isp_are_refused_without_telling_whose_they_are(cast: Cast) -> None:
    with acting(cast.padma, cast.rival):
        build_customer(cast, username="rahim", name="Secret Rival Customer")
    with acting(cast.padma, cast.riverside):
        report = take_over_rows("A,rahim,p,Home 10,Monthly 1st,2026-01-01,,,,")
    assert [(problem.row, problem.reason) for problem in report.problems] == [(2, "username taken")]
    assert "Rival" not in report.problems[0].message


def test_an_address_that_serves_somebody_else_is_left_out_and_said(cast: Cast) -> None:
    with acting(cast.padma, cast.rival):
        build_customer(cast, static_ip="100.80.0.7")
    with acting(cast.padma, cast.riverside):
        report = take_over_rows("A,a,p,Home 10,Monthly 1st,2026-01-01,,,100.80.0.7,")
        assert (report.imported, report.bad) == (1, 0)
        assert [(warning.row, warning.reason) for warning in report.warnings] == [(2, "ip taken")]
        assert list_customers()[0]["static_ip"] is None


def test_billing_starts_where_it_should(cast: Cast) -> None:
    """On 29 October: the running cycle's end, or the column, or the option; never before the customer joined."""
    with acting(cast.padma, cast.north):
        take_over_rows(
            "A,calendar,p,Home 10,Monthly 1st,2026-01-20,,,,",
            "B,anniversary,p,Home 10,Monthly anniversary,2026-01-31,,,,",
            "C,validity,p,Home 10,Daily 30,2026-10-01,,,,",
            "D,column,p,Home 10,Monthly 1st,2026-01-20,,,,2026-10-15",
            "E,later,p,Home 10,Monthly 1st,2026-12-05,,,,",
        )
        take_over_rows("F,option,p,Home 10,Monthly 1st,2026-01-20,,,,", billed_until=date(2026, 10, 1))
        found = rows(
            "SELECT c.username, b.billed_until FROM billing_state b JOIN subscription s ON s.id = b.subscription_id "
            "JOIN customer c ON c.id = s.customer_id"
        )
    assert {row["username"]: row["billed_until"] for row in found} == {
        "calendar": date(2026, 11, 1),
        "anniversary": date(2026, 10, 31),
        "validity": date(2026, 10, 31),
        "column": date(2026, 10, 15),
        "later": date(2026, 12, 5),
        "option": date(2026, 10, 1),
    }


def test_an_opening_due_falls_due_at_the_takeover_plus_the_profiles_due_days(cast: Cast) -> None:
    with acting(cast.padma, cast.north):
        take_over_rows(
            "A,a,p,Home 10,Monthly 1st,2026-01-20,500,,,",
            "B,b,p,Home 10,Daily 30,2026-01-20,250.50,,,",
            "C,c,p,Home 10,Daily 30,2026-01-20,0,,,",
        )
        open_dues = rows("SELECT open_minor, due_on FROM invoice_open ORDER BY number")
    assert sorted((row["due_on"], row["open_minor"]) for row in open_dues) == [
        (date(2026, 10, 29), 250_50),
        (date(2026, 11, 5), 500_00),
    ]


def test_a_low_fund_refuses_the_import(cast: Cast) -> None:
    with acting(cast.padma):
        set_edge_terms(child_id=cast.north, credit_limit_minor=0, low_balance_minor=1)
    with pytest.raises(FundLow), acting(cast.padma, cast.north):
        take_over("north")


def test_an_operator_with_nothing_to_offer_is_told_so(cast: Cast) -> None:
    with pytest.raises(NotFound, match="no package to offer"), acting(cast.meghna):
        take_over("north")


def test_who_may_not_import_does_not(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        collector = build_person(cast.riverside, "collector", role="collector")
    with pytest.raises(NotAllowed), acting(cast.padma, cast.riverside, user_id=collector):
        take_over("riverside", dry_run=True)


def test_nobody_else_sees_the_imported(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        take_over("riverside")
    for isp, seat in ((cast.padma, None), (cast.padma, cast.north), (cast.padma, cast.rival), (cast.meghna, None)):
        with acting(isp, seat):
            assert [count(table) for table in ("customer", "zone", "radius_login", "billing_state", "invoice")] == [
                0
            ] * 5
            assert search_customers("river00001") == []
