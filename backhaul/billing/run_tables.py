"""A plan or a run as rows of a spreadsheet: own bills, charges on own edges, what is held, who is put off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from backhaul.common.money import headed
from backhaul.common.spreadsheets import safe_cell

HEAD = ["what", "code", "name", "from", "to", "net", "discount", "vat", "total", "due_on", "count", "note"]
AMOUNTS = ("net", "discount", "vat", "total")
KINDS = ("bill", "charge", "held", "blocked", "not billed")


def table_of(
    *,
    bills: list[dict[str, Any]],
    edges: list[dict[str, Any]],
    short: list[dict[str, Any]],
    blocked: list[dict[str, Any]],
    exceptions: list[dict[str, Any]],
    decimals: int,
    currency: str,
) -> Iterator[Sequence[object]]:
    """Rows under HEAD, the head first, with the currency. Amounts are plain (1500.00), days ISO, `to` the last day of a
    period."""

    def money(minor: int) -> str:
        return str(Decimal(minor).scaleb(-decimals))

    yield [headed(name, currency) if name in AMOUNTS else name for name in HEAD]
    for bill in bills:
        amounts = (money(bill[f"{name}_minor"]) for name in AMOUNTS)
        until = _text(bill["ends_on"] - timedelta(days=1))
        yield _row("bill", bill["code"], bill["name"], _text(bill["starts_on"]), until, *amounts, _text(bill["due_on"]))
    for edge in edges:
        net, vat = edge["net_minor"], edge["vat_minor"]
        yield _row("charge", "", edge["child"], "", "", money(net), "", money(vat), money(net + vat))
    for fund in short:
        needed = money(fund["needed_minor"])
        yield _row("held", "", fund["operator"], "", "", "", "", "", needed, "", str(fund["bills"]))
    for person in blocked:
        yield _row("blocked", person["code"], person["name"], *[""] * 8, person["reason"])
    for item in exceptions:
        yield _row("not billed", item["customer"], item["name"], _text(item["starts_on"]), *[""] * 7, item["reason"])


def _row(*cells: str) -> list[object]:
    return [safe_cell(cell) for cell in (*cells, *[""] * (len(HEAD) - len(cells)))]


def _text(day: date) -> str:
    return day.isoformat()
