"""Rows of the audit log as pages and files tell them: what was done, to what by name, and what was written down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.identity.queries import find_staff_names
from backhaul.operators.impersonation import list_below
from backhaul.operators.people_queries import list_members, list_roles
from backhaul.operators.queries import find_operator_names
from backhaul.operators.rules import TREE
from backhaul.payments.subjects import KINDS, OF_CUSTOMERS, Subject, find_subjects
from backhaul.web.console.audit_words import FACTS, NEEDS, PAGES, SUBJECTS, deed_named, kind_of
from backhaul.web.console.pages import PageRequest
from backhaul.web.templatetags.console import day, money
from backhaul.web.words import WORDS, named

# what stands in a row beside its own facts: shown by themselves
FRAME = ("path", "address", "agent", "fields")
_PEOPLE = ("user", "drawer", "member")
_OPERATORS = ("reseller", "below", "edge", "operator")
_MOST_BELOW = 5_000
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def told(request: PageRequest, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with `deed`, `kind` and `kind_key` (what it was done to), `name` (which one; "" where it is told by its
    kind alone) and `href`, the page that shows it. Nobody reads a name here whose page is closed to him."""
    me = request.scope.operator_id
    kinds = [_kind(row, me) for row in rows]
    names = _names(request, {(kind, row["subject_id"]) for kind, row in zip(kinds, rows, strict=True)})
    return [
        row
        | {
            "deed": deed_named(row["verb"]),
            "kind_key": kind_of(row["subject_type"]),
            "kind": str(SUBJECTS.get(kind, kind)),
            "name": "",
        }
        | names.get((kind, row["subject_id"]), {})
        for kind, row in zip(kinds, rows, strict=True)
    ]


def facts_of(detail: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What was written down beside the frame, in words: sums as money, days as days."""
    for key, value in detail.items():
        if key not in FRAME:
            plain = key.removesuffix("_minor").removesuffix("_on")
            yield str(FACTS.get(plain) or plain.replace("_", " ").replace(".", " ").capitalize()), _said(key, value)


def _said(key: str, value: Any) -> str:
    match value:
        case None | "" | []:
            said = "–"
        case dict():
            said = "; ".join(f"{name}: {each}" for name, each in facts_of(value))
        case list() if key == "connection_types":
            said = ", ".join(str(named(each, "connection")) for each in value)
        case list():
            said = ", ".join(str(TREE[each].label) if each in TREE else str(each) for each in value)
        case bool():
            said = _("yes") if value else _("no")
        case int() if key.endswith("_minor"):
            said = money(value)
        case str() if key.endswith("_on") and _DAY.fullmatch(value):
            said = day(date.fromisoformat(value))
        case str() if key in ("role", "was"):
            said = str(WORDS["role"].get(value, value))
        case _:
            said = str(value)
    return said


def _kind(row: dict[str, Any], me: int) -> str:
    kind = kind_of(row["subject_type"])
    return "reseller" if kind == "operator" and row["subject_id"] != me else kind


def _names(request: PageRequest, wanted: set[tuple[str, int]]) -> dict[tuple[str, int], dict[str, str]]:
    may = request.scope.permissions
    open_to = {(kind, pk) for kind, pk in wanted if NEEDS.get(kind, "") in ("", *may)}
    found = find_subjects(open_to)
    found |= {key: Subject(name, None) for key, name in _people_and_operators(request, open_to).items()}
    named_so = {key: {"name": subject.name, "href": _href(key, subject.customer_id)} for key, subject in found.items()}
    unnamed = {key: {"href": _href(key, None)} for key in open_to if key[0] not in KINDS}  # the others are gone
    return unnamed | named_so


def _href(key: tuple[str, int], customer_id: int | None) -> str:
    kind, pk = key
    if kind in PAGES:
        return reverse(PAGES[kind], args=[pk])
    return reverse("customer", args=[customer_id]) if kind in OF_CUSTOMERS and customer_id else ""


def _people_and_operators(request: PageRequest, wanted: set[tuple[str, int]]) -> dict[tuple[str, int], str]:
    scope, by_kind = request.scope, {kind for kind, _pk in wanted}
    found: dict[tuple[str, int], str] = {}
    if by_kind & set(_PEOPLE):
        members = {row["id"]: row["user_id"] for row in list_members()} if "member" in by_kind else {}
        users = {key: members.get(key[1], 0) if key[0] == "member" else key[1] for key in wanted if key[0] in _PEOPLE}
        names = find_staff_names(scope.isp_id, scope.operator_id, set(users.values()))
        found |= {key: names[user] for key, user in users.items() if user in names}
    if "role" in by_kind:
        roles = {row["id"]: row["name"] or str(named(row["key"], "role")) for row in list_roles()}
        found |= {key: roles[key[1]] for key in wanted if key[0] == "role" and key[1] in roles}
    of_operators = {key for key in wanted if key[0] in _OPERATORS and key[1] != scope.operator_id}
    if of_operators:
        operators = find_operator_names(sorted({pk for _kind, pk in of_operators}))
        if any(pk not in operators for _kind, pk in of_operators):
            operators |= {row["id"]: row["name"] for row in list_below(limit=_MOST_BELOW)}
        found |= {key: operators[key[1]] for key in of_operators if key[1] in operators}
    return found
