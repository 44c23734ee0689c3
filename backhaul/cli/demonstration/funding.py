"""The operators' own money: capital, recharges of funds, rent; and the customers that they bring along."""

from __future__ import annotations

from datetime import date

from backhaul.cli.demonstration.cast import VAT_BP
from backhaul.cli.demonstration.founding import Operator
from backhaul.cli.demonstration.people import Person, as_csv, invent
from backhaul.cli.demonstration.script import Script
from backhaul.funds.services import recharge_fund
from backhaul.imports.services import import_customers
from backhaul.ledger.rules import ManualLine
from backhaul.ledger.services import post_manual_entry
from backhaul.operators.scope import unit_of_work
from backhaul.subscribers.queries import get_numbering

OWN_CAPITAL_MINOR = 250_000_00
ROUND_MINOR, LEAST_MINOR = 500_00, 2_000_00
RENT_MINOR, RENT_DAY = 5_000_00, 5
EVERY_MONTH = -1
PAID = ("recharge", "recharge_repaid")
# (month of the story from 0, day of the month, operator, kind of movement, amount in minor units)
MOVES = (
    (0, 20, "rival", "recharge_credit", 40_000_00),
    (1, 12, "rival", "recharge_repaid", 25_000_00),
    (1, 2, "north", "bonus", 5_000_00),
    (EVERY_MONTH, 10, "karnaphuli", "recharge", 30_000_00),
)
# What is missing of the months' charges in a fund that runs short, in hundredths of a month: the last bills are held.
MISSING = 70
Crowd = dict[str, list[Person]]


def take_over(stage: list[Operator], script: Script) -> None:
    """Fill the funds, then import every operator's customers from a file of its own."""
    crowd = {each.slug: invent(each.role.place(each.plans), each.size(script), script.cutover_on) for each in stage}
    for operator in stage:
        _open_accounts(operator, stage, crowd, script)
    for operator in stage:
        _bring(operator, crowd[operator.slug], script)


def move_money(stage: list[Operator], day: date, script: Script) -> None:
    """What goes into funds on that day of the month, and the rent."""
    month = (day.year - script.opens_on.year) * 12 + day.month - script.opens_on.month
    for operator in stage:
        for in_month, on_day, slug, kind, amount_minor in MOVES:
            if slug == operator.slug and day.day == on_day and in_month in (month, EVERY_MONTH):
                _move(operator, stage, kind=kind, amount_minor=amount_minor, day=day, key=f"demo-{kind}-{day}")
                if kind in PAID:
                    why = "Paid to our provider"
                    _post(operator, script, debit="paid_to_provider", amount_minor=amount_minor, why=why, day=day)
        if day.day == RENT_DAY:
            why = f"Office rent for {day:%B}"
            _post(operator, script, debit="office_expense", amount_minor=RENT_MINOR, why=why, day=day)


def _open_accounts(operator: Operator, stage: list[Operator], crowd: Crowd, script: Script) -> None:
    """The owner's capital, and out of it the first recharge of the fund."""
    day, paid = script.cutover_on, 0
    if operator.column is not None:
        paid = _first_recharge(operator, stage, crowd, script)
        _move(operator, stage, kind="recharge", amount_minor=paid, day=day, key="demo-first")
    capital, why = paid + OWN_CAPITAL_MINOR, "Capital paid in"
    _post(operator, script, debit="bank", credit="owner_capital", amount_minor=capital, why=why, day=day)
    if paid:
        _post(operator, script, debit="paid_to_provider", amount_minor=paid, why="First recharge", day=day)


def _move(operator: Operator, stage: list[Operator], *, kind: str, amount_minor: int, day: date, key: str) -> None:
    """Its provider's owner books money into its fund, or what it repays."""
    provider = _provider_of(operator, stage)
    with unit_of_work(operator.isp, provider.id, user_id=provider.owner):
        recharge_fund(
            child_id=operator.id,
            kind=kind,
            amount_minor=amount_minor,
            on=day,
            paid="bank" if kind in PAID else None,
            request_key=key,
        )


def _post(
    operator: Operator, script: Script, *, debit: str, amount_minor: int, why: str, day: date, credit: str = "bank"
) -> None:
    """An entry by hand in its own books."""
    with unit_of_work(operator.isp, operator.id, user_id=operator.owner):
        post_manual_entry(
            effective_on=day,
            lines=[ManualLine(debit, credit, amount_minor)],
            reason=why,
            request_key=f"demo-{debit}-{day}",
            now=script.at(day, 17),
        )


def _provider_of(operator: Operator, stage: list[Operator]) -> Operator:
    return next(each for each in stage if each.id == operator.parent_id)


def _first_recharge(operator: Operator, stage: list[Operator], crowd: Crowd, script: Script) -> int:
    """What its provider puts into its fund: enough for all months, or too little where the story wants it."""
    month = _month_of_charges(operator, stage, crowd)
    if operator.role.runs_short:
        return max(LEAST_MINOR, month * (100 * script.months - MISSING) // 100 // ROUND_MINOR * ROUND_MINOR)
    needed = month * (script.months + 1)
    return max(operator.role.recharge, -(-needed // ROUND_MINOR) * ROUND_MINOR)


def _month_of_charges(operator: Operator, stage: list[Operator], crowd: Crowd) -> int:
    """What its provider charges in a month for its customers and for those below it, with VAT."""
    assert operator.column is not None
    served = [operator.slug, *(each.slug for each in stage if each.parent_id == operator.id)]
    net = sum(operator.plans[person.package][operator.column] for slug in served for person in crowd[slug])
    registered = _provider_of(operator, stage).parent_id is None
    return net * (10_000 + VAT_BP) // 10_000 if registered else net


def _bring(operator: Operator, people: list[Person], script: Script) -> None:
    day = script.cutover_on
    with unit_of_work(operator.isp, operator.id, user_id=operator.owner):
        numbering = get_numbering()
        if numbering is not None and numbering["next_number"] == 1:
            import_customers(
                content=as_csv(people), source=f"{operator.slug}-customers.csv", on=day, now=script.at(day, 15)
            )
