"""Explain this amount: a bill or a credit note of the acting operator, from its price to its entry (issue 4).

Facts are read here, with the rights of the acting operator; what they mean is said by the rules beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from backhaul.billing.days import list_bill_days
from backhaul.billing.explain_back_rules import Note, destination_of, sum_of_note
from backhaul.billing.explain_bill_rules import Bill, DiscountRule, Stretch, days_of_bill, sum_of_bill
from backhaul.billing.explain_edges import edge_section
from backhaul.billing.explain_prices import held_price, next_price_inside
from backhaul.billing.explain_rules import (
    DayRun,
    Explanation,
    Money,
    Section,
    Span,
    Step,
    Word,
    runs_of,
)
from backhaul.billing.queries import find_customer_names
from backhaul.common.errors import NotFound
from backhaul.ledger.queries import list_entries_of
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

BILL_ENTRIES = ("retail_invoice", "one_off_invoice", "late_fee", "opening_due")
_BILL = """
    SELECT i.*, e.recorded_at, e.recorded_at IS NOT NULL AS has_entry, c.name AS customer, c.joined_on, s.activated_on,
           COALESCE(e.recorded_at, (i.issued_on + 1)::timestamptz) AS known_at, vat.starts_on AS rate_since,
           vat_rate_on(i.operator_id, i.issued_on) AS rate_bp, bp.name AS profile, bp.billing_type, bp.validity_days,
           COALESCE(bp.round_bill_to_minor, 1) AS round_to_minor,
           COALESCE(bp.prices_include_vat, false) AS includes_vat, bp.credit_days_for,
           late.number AS late_number, o.open_minor
    FROM invoice i
    JOIN customer c ON c.operator_id = i.operator_id AND c.id = i.customer_id
    JOIN subscription s ON s.operator_id = i.operator_id AND s.id = i.subscription_id
    LEFT JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
    LEFT JOIN entry e ON e.operator_id = i.operator_id AND e.source_id = i.id AND e.kind = ANY (%(entries)s)
    LEFT JOIN invoice late ON late.operator_id = i.operator_id AND i.request_key = 'late_fee:' || late.id
    LEFT JOIN invoice_open o ON o.operator_id = i.operator_id AND o.customer_id = i.customer_id
        AND o.due_on = i.due_on AND o.number = i.number
    LEFT JOIN LATERAL (SELECT v.starts_on FROM vat_setting v WHERE v.operator_id = i.operator_id
                       AND v.starts_on <= i.issued_on ORDER BY v.starts_on DESC LIMIT 1) AS vat ON true
    WHERE i.operator_id = %(me)s AND i.id = %(bill)s
"""


def explain_bill(bill_id: int, *, books: bool = True, edges: bool = True) -> Explanation:
    """How a bill came about. `books`, `edges`: whether the reader may see entries and what the provider charged.

    Raises NotFound.
    """
    row = _bill_row(bill_id)
    bill = _bill(row)
    subject = Step("bill", {"number": row["number"], "customer": row["customer"], "day": row["issued_on"]})
    sections: list[Section] = []
    runs: list[DayRun] = []
    if bill.kind == "period":
        runs = runs_of([(day["day"], day["state"], day["reason"]) for day in list_bill_days(bill_id)])
        sections += [_price_section(row, bill), days_of_bill(bill, runs)]
    sections += [sum_of_bill(bill), *_change_section(row), _due_section(row)]
    if edges and bill.kind == "period":
        sections += edge_section(current_scope().operator_id, current_scope().operator_id, bill_id)
    entries = entries_of([(kind, bill_id) for kind in BILL_ENTRIES]) if books else []
    return Explanation(subject, row["total_minor"], sections, runs, entries)


def find_bill_id(number: int) -> int:
    """The id of the acting operator's bill of that number; raises NotFound."""
    found = rows("SELECT id FROM invoice WHERE operator_id = %s AND number = %s", [_me(), number])
    if not found:
        raise NotFound("There is no bill of that number.", field="invoice")
    return int(found[0]["id"])


def explain_credit_note(note_id: int, *, books: bool = True) -> Explanation:
    """How a credit note of days came about; raises NotFound."""
    found = rows(
        "SELECT n.*, i.number, COALESCE(e.recorded_at, (n.issued_on + 1)::timestamptz) AS known_at "
        "FROM credit_note n JOIN invoice i ON i.operator_id = n.operator_id AND i.id = n.invoice_id "
        "LEFT JOIN entry e ON e.operator_id = n.operator_id AND e.kind = 'credit_note' AND e.source_id = n.id "
        "WHERE n.operator_id = %s AND n.id = %s AND n.from_on IS NOT NULL",
        [_me(), note_id],
    )
    if not found:
        raise NotFound("There is no such credit note.")
    row = found[0]
    bill_row = _bill_row(row["invoice_id"])
    bill = _bill(bill_row)
    note = _note(bill, row)
    subject = Step("credit_note", {"number": row["number"], "customer": bill_row["customer"], "day": row["issued_on"]})
    runs = [DayRun(note.span, "credited", note.reason)]
    sections = [sum_of_note(bill, note), destination_of(note)]
    entries = entries_of([("credit_note", note_id)]) if books else []
    return Explanation(subject, row["net_minor"] + row["vat_minor"], sections, runs, entries)


def entries_of(sources: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    """Entries of the acting operator's books by their events, with its customers' names in the lines."""
    entries = list_entries_of(sources)
    lines = [line for entry in entries for line in entry["lines"] if line["party_kind"] == "customer"]
    names = find_customer_names([line["party_id"] for line in lines if line["party_id"]])
    for line in lines:
        line["party"] = names.get(line["party_id"], "")
    return entries


def _bill_row(bill_id: int) -> dict[str, Any]:
    found = rows(_BILL, {"me": _me(), "bill": bill_id, "entries": list(BILL_ENTRIES)})
    if not found:
        raise NotFound("There is no such bill.")
    return found[0]


def _bill(row: dict[str, Any]) -> Bill:
    in_arrears = row["billed_days"] is not None
    span = Span(row["starts_on"], row["ends_on"])
    return Bill(
        kind=row["kind"], span=span, price_minor=row["price_minor"], cycle_days=row["cycle_days"],
        from_day=row["from_day"], net_minor=row["net_minor"], discount_minor=row["discount_minor"],
        vat_minor=row["vat_minor"], rounding_minor=row["rounding_minor"], total_minor=row["total_minor"],
        rate_bp=row["rate_bp"], rate_since=row["rate_since"],
        includes_vat=row["includes_vat"], round_to_minor=row["round_to_minor"],
        in_arrears=in_arrears, credits=row["credit_days_for"] or (), title=row["title"], late_number=row["late_number"],
        stretches=_stretches(row) if in_arrears else (), off=_off(row) if in_arrears else (),
        discount=_discount(row) if row["discount_minor"] else None,
    )  # fmt: skip


def _stretches(row: dict[str, Any]) -> list[Stretch]:
    found = rows(
        "SELECT from_on, to_on, price_minor FROM priced_days(%s, %s, %s, %s) ORDER BY from_on",
        [_me(), row["subscription_id"], row["starts_on"], row["ends_on"]],
    )
    return [Stretch(Span(piece["from_on"], piece["to_on"]), piece["price_minor"]) for piece in found]


def _off(row: dict[str, Any]) -> list[DayRun]:
    found = rows(
        "SELECT day, reason FROM off_days(%s, %s, %s, %s) ORDER BY day",
        [_me(), row["subscription_id"], row["starts_on"], row["ends_on"]],
    )
    return runs_of([(day["day"], "off", day["reason"]) for day in found])


def _discount(row: dict[str, Any]) -> DiscountRule | None:
    """The standing discount as it was when the bill was made."""
    found = rows(
        "SELECT amount_minor, part_bp, why, from_on FROM discount WHERE operator_id = %(me)s "
        "AND subscription_id = %(service)s AND from_on <= %(day)s AND (until_on IS NULL OR until_on > %(day)s) "
        "AND given_at <= %(at)s AND (ended_at IS NULL OR ended_at >= %(at)s) ORDER BY id DESC LIMIT 1",
        {"me": _me(), "service": row["subscription_id"], "day": row["starts_on"], "at": row["known_at"]},
    )
    return DiscountRule(**found[0]) if found else None


def _price_section(row: dict[str, Any], bill: Bill) -> Section:
    """Which version of which price held, since when, who set it."""
    steps: list[Step] = []
    held = held_price(row["subscription_id"], row["starts_on"], row["known_at"])
    free = row["billing_type"] == "free" and not bill.price_minor
    if free:
        steps.append(Step("free_profile", {"profile": row["profile"]}))
    elif held is None:
        steps.append(Step("price_unknown", {"price": Money(bill.price_minor)}))
    else:
        steps.append(held.step)
        if held.price_minor != bill.price_minor:
            steps.append(Step("price_moved", {"price": Money(bill.price_minor), "now": Money(held.price_minor)}))
    if row["validity_days"] and row["validity_days"] == bill.cycle_days:
        steps.append(Step("by_validity", {"days": bill.cycle_days}))
    elif held and held.term_months > 1 and not bill.in_arrears:
        steps.append(Step("by_term", {"months": held.term_months, "days": bill.cycle_days}))
    if bill.in_arrears:
        for stretch in bill.stretches[1:]:
            steps.append(Step("price_from", {"day": stretch.span.from_on, "price": Money(stretch.price_minor)}))
    elif not free and (later := next_price_inside(row["subscription_id"], row["starts_on"], row["ends_on"])):
        steps.append(later)
    return Section("price", [*steps, *_why_begins(row)])


def _why_begins(row: dict[str, Any]) -> list[Step]:
    """Why a period begins inside a cycle, where a fact says so."""
    first: date = row["starts_on"]
    if not row["from_day"]:
        return []
    if first in (row["joined_on"], row["activated_on"]):
        return [Step("joined_inside", {"day": first})]
    came_back = rows(
        "SELECT 1 FROM block WHERE operator_id = %s AND subscription_id = %s AND to_on = %s LIMIT 1",
        [_me(), row["subscription_id"], first],
    )
    return [Step("came_back", {"day": first})] if came_back else []


def _change_section(row: dict[str, Any]) -> list[Section]:
    """A change of package: what the old one was credited for the same days, and the net of both (SPEC 2.7)."""
    notes = rows(
        "SELECT n.net_minor + n.vat_minor AS minor, i.number, n.from_on, n.to_on FROM credit_note n "
        "JOIN invoice i ON i.operator_id = n.operator_id AND i.id = n.invoice_id "
        "WHERE n.operator_id = %s AND i.subscription_id = %s AND n.reason = 'changed' AND n.issued_on = %s "
        "AND n.from_on = %s AND i.id < %s ORDER BY n.id",
        [_me(), row["subscription_id"], row["issued_on"], row["starts_on"], row["id"]],
    )
    if not notes or row["kind"] != "period":
        return []
    steps = [Step("new_package", {"number": row["number"]}, minor=row["total_minor"])]
    for note in notes:
        span = Span(note["from_on"], note["to_on"])
        values = {"number": note["number"], "span": span, "days": span.days}
        steps.append(Step("old_package", values, minor=-note["minor"]))
    return [Section("change", steps, row["total_minor"] - sum(note["minor"] for note in notes))]


def _due_section(row: dict[str, Any]) -> Section:
    """What happened to the bill since, down to what is still due."""
    steps = [Step("billed", {"number": row["number"]}, minor=row["total_minor"])]
    for event in _events_of(row["id"]):
        what, word = event["what"], event["word"]
        word_of = {"credited": "reason", "adjusted": "adjustment"}.get(what)
        values = {"day": event["day"], **({"kind": Word(word_of, word)} if word_of else {})}
        steps.append(Step(what, values, minor=-event["minor"]))
    return Section("due", steps, row["open_minor"] or 0)


def _events_of(bill_id: int) -> list[dict[str, Any]]:
    """Payments, credits and adjustments of a bill by their day; taken back ones are negative."""
    return rows(
        """
        SELECT * FROM (
            SELECT CASE WHEN payment_id IS NULL AND amount_minor > 0 THEN 'from_advance'
                        WHEN payment_id IS NULL THEN 'advance_back'
                        WHEN amount_minor > 0 THEN 'paid' ELSE 'paid_back' END AS what,
                   '' AS word, allocated_on AS day, amount_minor AS minor, 1 AS rank, id
            FROM allocation WHERE operator_id = %(me)s AND invoice_id = %(bill)s
            UNION ALL
            SELECT 'credited', reason, issued_on, to_invoice_minor, 2, id
            FROM credit_note WHERE operator_id = %(me)s AND invoice_id = %(bill)s
            UNION ALL
            SELECT 'adjusted', kind, adjusted_on, net_minor + vat_minor, 3, id
            FROM adjustment WHERE operator_id = %(me)s AND invoice_id = %(bill)s AND kind <> 'recovered'
        ) AS events ORDER BY day, rank, id
        """,
        {"me": _me(), "bill": bill_id},
    )


def _note(bill: Bill, row: dict[str, Any]) -> Note:
    """A note with what was taken off its bill before: of notes made at the same instant, those of earlier days."""
    others = rows(
        """
        SELECT n.from_on, n.to_on, n.net_minor, n.vat_minor, e.recorded_at = %(at)s AS together
        FROM credit_note n
        JOIN entry e ON e.operator_id = n.operator_id AND e.kind = 'credit_note' AND e.source_id = n.id
        WHERE n.operator_id = %(me)s AND n.invoice_id = %(bill)s AND n.id <> %(note)s
          AND (e.recorded_at < %(at)s OR e.recorded_at = %(at)s AND n.from_on < %(from)s)
        """,
        {
            "me": _me(), "bill": row["invoice_id"], "note": row["id"], "at": row["known_at"], "from": row["from_on"],
        },
    )  # fmt: skip
    later = rows(
        "SELECT COALESCE(sum(net_minor), 0)::bigint AS net, COALESCE(sum(vat_minor), 0)::bigint AS vat FROM adjustment "
        "WHERE operator_id = %s AND invoice_id = %s AND kind <> 'recovered' AND recorded_at < %s",
        [_me(), row["invoice_id"], row["known_at"]],
    )[0]
    earlier = [other for other in others if not other["together"]]
    return Note(
        span=Span(row["from_on"], row["to_on"]), reason=row["reason"], net_minor=row["net_minor"],
        vat_minor=row["vat_minor"], to_invoice_minor=row["to_invoice_minor"], to_advance_minor=row["to_advance_minor"],
        given_net_minor=sum(other["net_minor"] for other in others),
        given_vat_minor=sum(other["vat_minor"] for other in earlier),
        later_net_minor=later["net"], later_vat_minor=later["vat"],
        weighed=sum(bill.cost_of(Span(other["from_on"], other["to_on"])) for other in others if other["from_on"]),
    )  # fmt: skip


def _me() -> int:
    return current_scope().operator_id
