"""A rehearsal's report as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from backhaul.common.money import format_minor

WENT_OFF = {"cut": "cut", "suspended": "suspended", "expired": "expired", "below_minimum": "cut below a minimum"}


def lines_of(report: dict[str, Any], decimals: int) -> Iterator[str]:
    """The days on which something happens, the funds, who runs short, the months, and what verify says."""

    def money(minor: int) -> str:
        return format_minor(minor, decimals=decimals)

    yield f"{report['isp']}, {report['from']} to {report['until']}, if nobody pays and none recharge but those given:"
    waited: dict[str, int] = {}
    for day in report["days"]:
        for done in day["operators"]:
            parts = [f"{_bills(done['bills'])}, {money(done['billed_minor'])}"] if done["bills"] else []
            parts += [f"{done[name]} {said}" for name, said in WENT_OFF.items() if done[name]]
            if done["waiting"] != waited.get(done["operator"], 0):
                parts.append(f"waiting for funds: {_bills(done['waiting'])}")
            if parts:
                yield f"{day['on']}  {done['operator']}: {'; '.join(parts)}"
        waited = {done["operator"]: done["waiting"] for done in day["operators"]}
    for fund in report["funds"]:
        yield (
            f"fund of {fund['operator']} with {fund['parent']}: {money(fund['began_minor'])} → "
            f"{money(fund['balance_minor'])}, lowest {money(fund['lowest_minor'])} on {fund['lowest_on']}"
            + (f", owes {money(fund['owed_minor'])}" if fund["owed_minor"] else "")
            + (f", {fund['guard_step'].replace('_', ' ')}" if fund["guard_step"] != "none" else "")
        )
    for short in report["short"]:
        ends = f"until {short['until']}" if short["until"] else "to the end"
        yield (
            f"{short['operator']} runs short on {short['on']}, {ends}: up to {_bills(short['bills'])} "
            f"waiting for {money(short['needed_minor'])}"
        )
    for item in report["not_billed"]:
        yield f"not billed from {item['on']}: {item['customer']} of {item['operator']}: {item['reason']}"
    for month in report["months"]:
        yield (
            f"{month['month']}  {month['operator']}: income {money(month['income_minor'])}, "
            f"costs {money(month['costs_minor'])}"
        )
    yield from (f"WRONG {found['check']}: {found['detail']}" for found in report["verify"]["wrong"])
    yield f"{report['verify']['checks']} checks: " + (
        "something is wrong" if report["verify"]["wrong"] else "everything agrees"
    )
    yield "nothing was changed: this was a rehearsal in a database of its own, which is gone"


def _bills(count: int) -> str:
    return "1 bill" if count == 1 else f"{count} bills"
