"""What a person can see and do, module by module in plain sentences, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from backhaul.operators.choices import MODULES
from backhaul.operators.people_queries import list_grants, list_reasons
from backhaul.operators.rules import OWNER


@dataclass(frozen=True)
class Line:
    label: Any
    meaning: Any
    why: str


@dataclass
class Part:
    """A module: what the person may do of it, and what not."""

    label: Any
    may: list[Line] = field(default_factory=list)
    may_not: list[Line] = field(default_factory=list)


def sheet_of(person: dict[str, Any], operator: str, provider: str | None) -> list[Part]:
    """Every permission of the tree for one person, as get_member has it with `role_label`."""
    reasons, granted = list_reasons(person["id"]), list_grants()
    parts = []
    for module in MODULES:
        part = Part(module.label)
        for each in module.permissions:
            if each.name in reasons:
                part.may.append(Line(each.label, each.meaning, _why(person, *reasons[each.name])))
            elif each.name in granted:
                part.may_not.append(Line(each.label, each.meaning, _("neither by the role nor singly")))
            else:
                names = {"operator": operator, "provider": provider or _("the server")}
                why = _("not granted to %(operator)s by %(provider)s") % names
                part.may_not.append(Line(each.label, each.meaning, why))
        parts.append(part)
    return parts


def _why(person: dict[str, Any], by_role: bool, singly: bool) -> str:
    if person["role"] == OWNER:
        return _("as owner")
    names = {"role": person["role_label"]}
    if by_role and singly:
        return _("by the role %(role)s, and singly") % names
    return _("by the role %(role)s") % names if by_role else _("granted singly")
