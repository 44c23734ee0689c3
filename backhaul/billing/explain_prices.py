"""Which version of a price held: a package's, a service's own, a tariff's; since when and set by whom (A29).

Everything is read with the rights of the acting operator: what it may not know does not come out of the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from backhaul.billing.explain_rules import Money, Step, Value, Who
from backhaul.identity.queries import find_staff_names
from backhaul.operators.functions import rows
from backhaul.operators.scope import SYSTEM, current_scope

# The package that a service had on a day, as it was known at an instant; two changes of one instant count in order.
_PACKAGE_ON = """
    SELECT k.package_operator_id, k.package_id FROM (
        (SELECT h.package_operator_id, h.package_id, 0 AS rank FROM package_history h
         WHERE h.operator_id = %(owner)s AND h.subscription_id = %(service)s AND h.starts_on <= %(day)s
           AND h.changed_at <= %(known_at)s + interval '1 second' ORDER BY h.starts_on DESC, h.changed_at DESC LIMIT 1)
        UNION ALL
        (SELECT h.package_operator_id, h.package_id, 1 FROM package_history h
         WHERE h.operator_id = %(owner)s AND h.subscription_id = %(service)s ORDER BY h.starts_on, h.changed_at LIMIT 1)
        UNION ALL
        SELECT s.package_operator_id, s.package_id, 2 FROM subscription s
        WHERE s.operator_id = %(owner)s AND s.id = %(service)s
    ) AS k ORDER BY k.rank LIMIT 1
"""


@dataclass(frozen=True)
class Held:
    """The price that held on a day and the sentence about it; the package's plan, for the tariff above."""

    price_minor: int
    step: Step
    term_months: int
    plan: tuple[int, int]


def who(actor_id: int, operator_id: int | None = None, operator: str = "") -> Who:
    """Who set something of an operator: one's own staff by name, others by their operator alone."""
    scope = current_scope()
    if operator_id is not None and operator_id != scope.operator_id:
        return Who("operator", operator)
    if actor_id == SYSTEM:
        return Who("system")
    name = find_staff_names(scope.isp_id, scope.operator_id, {actor_id}).get(actor_id)
    return Who("person", name) if name else Who("provider")


def held_price(subscription_id: int, day: date, known_at: datetime) -> Held | None:
    """The retail price of a service of the acting operator for a period that starts on a day; None: not to be told."""
    asked = {
        "owner": current_scope().operator_id, "service": subscription_id, "day": day, "known_at": known_at,
    }  # fmt: skip
    found = rows(
        f"""
        SELECT p.operator_id, o.name AS operator, p.name, p.term_months, p.plan_operator_id, p.plan_id,
               p.price_minor AS first_minor, v.price_minor, v.starts_on, v.set_at, v.by_actor_id
        FROM ({_PACKAGE_ON}) AS k
        JOIN package p ON p.operator_id = k.package_operator_id AND p.id = k.package_id
        LEFT JOIN operator o ON o.id = p.operator_id
        LEFT JOIN LATERAL (SELECT * FROM package_price n WHERE n.operator_id = p.operator_id AND n.package_id = p.id
                           AND n.starts_on <= %(day)s AND n.set_at <= %(known_at)s
                           ORDER BY n.starts_on DESC LIMIT 1) AS v ON true
        """,
        asked,
    )
    if not found:
        return None
    package = found[0]
    plan = (package["plan_operator_id"], package["plan_id"])
    own = _own_price(asked)
    price, step = own or _package_price(package)
    return Held(price, step, package["term_months"], plan)


def _own_price(asked: dict[str, Any]) -> tuple[int, Step] | None:
    found = rows(
        """
        SELECT s.custom_price_minor AS first_minor, c.starts_on, c.price_minor, c.set_at, c.by_actor_id
        FROM subscription s
        LEFT JOIN LATERAL (SELECT * FROM custom_price n WHERE n.operator_id = s.operator_id AND n.subscription_id = s.id
                           AND n.starts_on <= %(day)s AND n.set_at <= %(known_at)s
                           ORDER BY n.starts_on DESC LIMIT 1) AS c ON true
        WHERE s.operator_id = %(owner)s AND s.id = %(service)s
        """,
        asked,
    )
    version = found[0]
    if version["starts_on"] is None:
        first = version["first_minor"]
        return None if first is None else (first, Step("own_price_first", {"price": Money(first)}))
    if version["price_minor"] is None:
        return None
    return version["price_minor"], Step("own_price", _version(version, who(version["by_actor_id"])))


def _package_price(package: dict[str, Any]) -> tuple[int, Step]:
    mine = package["operator_id"] == current_scope().operator_id
    named: dict[str, Value] = {"package": package["name"], "operator": package["operator"] or ""}
    if package["starts_on"] is None:
        what = "package_first" if mine else "package_first_of"
        return package["first_minor"], Step(what, named | {"price": Money(package["first_minor"])})
    by = who(package["by_actor_id"], package["operator_id"], package["operator"] or "")
    step = Step("package_price" if mine else "package_price_of", named | _version(package, by))
    return package["price_minor"], step


def _version(row: dict[str, Any], by: Who) -> dict[str, Value]:
    return {"price": Money(row["price_minor"]), "day": row["starts_on"], "at": row["set_at"], "who": by}


def next_price_inside(subscription_id: int, first: date, ends_on: date) -> Step | None:
    """A later price of the service that starts inside a period: it does not touch it (SPEC 2.1); or a new package."""
    changed = rows(
        "SELECT min(starts_on) AS day FROM package_history WHERE operator_id = %s AND subscription_id = %s "
        "AND starts_on > %s AND starts_on < %s",
        [current_scope().operator_id, subscription_id, first, ends_on],
    )[0]["day"]
    if changed:
        return Step("package_changed", {"day": changed})
    found = rows(
        "SELECT d.from_on, d.price_minor FROM priced_days(%s, %s, %s, %s) AS d WHERE d.from_on > %s "
        "ORDER BY d.from_on LIMIT 1",
        [current_scope().operator_id, subscription_id, first, ends_on, first],
    )
    if not found or found[0]["price_minor"] is None:
        return None
    return Step("later_price", {"day": found[0]["from_on"], "price": Money(found[0]["price_minor"])})


def tariff_step(charge: dict[str, Any], plan: tuple[int, int] | None, terms: int) -> Step | None:
    """The tariff version behind a charge of an edge of which the acting operator is an end.

    `plan` None: the customer is another operator's, of whose packages nothing is known; then by what the edge's tariff
    says of that price on that day.
    """
    found = rows(
        """
        SELECT DISTINCT ON (t.plan_operator_id, t.plan_id) n.name AS plan, t.price_minor, t.validity_days, t.starts_on,
               t.set_at, t.parent_id, o.name AS parent
        FROM tariff_price t
        LEFT JOIN plan n ON n.operator_id = t.plan_operator_id AND n.id = t.plan_id
        LEFT JOIN operator o ON o.id = t.parent_id
        WHERE t.child_id = %(child)s AND t.starts_on <= %(day)s
          AND (%(plan)s::bigint IS NULL OR (t.plan_operator_id, t.plan_id) = (%(plan_operator)s, %(plan)s))
        ORDER BY t.plan_operator_id, t.plan_id, t.starts_on DESC, t.set_at DESC
        """,
        {
            "child": charge["child_id"], "day": charge["starts_on"],
            "plan": plan and plan[1], "plan_operator": plan and plan[0],
        },
    )  # fmt: skip
    fitting = [row for row in found if row["price_minor"] * terms == charge["price_minor"]]
    if len(fitting) != 1:
        return None
    row = fitting[0]
    by = Who("you") if row["parent_id"] == current_scope().operator_id else Who("operator", row["parent"] or "")
    values = _version(row, by) | {"plan": row["plan"] or "", "terms": terms}
    if terms > 1:
        return Step("tariff_terms", values)
    return (
        Step("tariff_validity", values | {"days": row["validity_days"]})
        if row["validity_days"]
        else Step("tariff", values)
    )


def plan_on(owner_id: int, subscription_id: int, day: date, known_at: datetime) -> tuple[tuple[int, int], int] | None:
    """The plan and the term of the package that a service of the acting operator had on a day; None for others'."""
    found = rows(
        f"SELECT p.plan_operator_id, p.plan_id, p.term_months FROM ({_PACKAGE_ON}) AS k "
        "JOIN package p ON p.operator_id = k.package_operator_id AND p.id = k.package_id",
        {"owner": owner_id, "service": subscription_id, "day": day, "known_at": known_at},
    )
    return ((found[0]["plan_operator_id"], found[0]["plan_id"]), found[0]["term_months"]) if found else None
