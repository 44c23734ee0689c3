"""What a change of terms does before it is saved: whose bills, from which day, from how much to how much (SPEC C5).

`measured` asks what is billed next, lets the change happen and asks again. Both answers come from the functions by
which the run bills, so there is no second reading of the rules; services that cost the same are counted together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from backhaul.catalog.guards import own_costs
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

SHOWN = 50
DATES = 12
_KEY = ("package_operator_id", "package_id", "profile_operator_id", "profile_id", "anchor_day", "due_on", "service_id")

# Why a service is off so that no period begins; what waits for money alone begins once it is there.
_OFF = """EXISTS (SELECT 1 FROM block b WHERE b.operator_id = s.operator_id AND b.subscription_id = s.id
        AND b.to_at IS NULL AND b.reason NOT IN ('fund_short', 'upstream_short', 'expired'))"""
# Own services, each with what it shares with others that cost the same. `service_id`: alone, with terms of its own.
# Those that are off are billed once they come back: they are counted, and asked for singly only.
_SERVICE = f"""
    SELECT s.id, s.customer_id, COALESCE(pc.package_operator_id, s.package_operator_id) AS package_operator_id,
           COALESCE(pc.package_id, s.package_id) AS package_id, s.profile_operator_id, s.profile_id, s.anchor_day,
           CASE WHEN bp.billed = 'arrears' THEN bs.billed_until ELSE GREATEST(bs.billed_until, bs.charged_until) END
           AS due_on, pc.on_date AS changes_on,
           CASE WHEN s.custom_price_minor IS NOT NULL OR pc.on_date IS NOT NULL OR d.id IS NOT NULL
                  OR own.subscription_id IS NOT NULL OR %(service)s IS NOT NULL THEN s.id END AS service_id
    FROM subscription s
    JOIN billing_state bs ON bs.operator_id = s.operator_id AND bs.subscription_id = s.id
    JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
    LEFT JOIN planned_change pc ON pc.operator_id = s.operator_id AND pc.subscription_id = s.id
    LEFT JOIN discount d ON d.operator_id = s.operator_id AND d.subscription_id = s.id AND d.ended_at IS NULL
    LEFT JOIN (SELECT DISTINCT operator_id, subscription_id FROM custom_price WHERE operator_id = %(me)s) AS own
        ON own.operator_id = s.operator_id AND own.subscription_id = s.id
    WHERE s.operator_id = %(me)s AND s.left_on IS NULL AND (%(service)s IS NOT NULL OR %(off)s = {_OFF})
      AND (%(service)s IS NULL OR s.id = %(service)s)
      AND (%(package)s IS NULL OR s.package_operator_id = %(me)s AND s.package_id = %(package)s
           OR pc.package_operator_id = %(me)s AND pc.package_id = %(package)s)
      AND (%(profile)s IS NULL OR s.profile_operator_id = %(me)s AND s.profile_id = %(profile)s)
"""

# The first bill of each class from %(from)s on: of periods that start then, or, `by_issue`, of bills made then.
_BILLS = f"""
    SELECT v.*, n.starts_on, n.issued_on, n.issued_on + bp.due_days AS falls_due_on, k.plan_operator_id, k.plan_id,
           price.minor AS price_minor, t.months,
           bill_total(%(me)s, v.service_id, price.minor, n.starts_on, c.cycle_on, v.anchor_day, bp.validity_days,
                      t.months, bp.prices_include_vat, bp.round_bill_to_minor, n.issued_on) AS total_minor,
           bill_total(%(me)s, v.service_id, price.minor, c.cycle_on, c.cycle_on, v.anchor_day, bp.validity_days,
                      t.months, bp.prices_include_vat, bp.round_bill_to_minor, n.issued_on)
               * CASE WHEN bp.validity_days IS NULL THEN 1 ELSE 30 END
               / COALESCE(bp.validity_days, t.months) AS month_minor
    FROM (SELECT package_operator_id, package_id, profile_operator_id, profile_id, anchor_day, due_on, service_id,
                 max(changes_on) AS changes_on, count(*) AS services
          FROM ({_SERVICE}) AS s GROUP BY 1, 2, 3, 4, 5, 6, 7) AS v
    JOIN package k ON k.operator_id = v.package_operator_id AND k.id = v.package_id
    JOIN billing_profile bp ON bp.operator_id = v.profile_operator_id AND bp.id = v.profile_id
    CROSS JOIN LATERAL (SELECT bp.billed = 'arrears' AS in_arrears, CASE WHEN bp.billed = 'arrears'
        OR bp.validity_days IS NOT NULL THEN 1 ELSE k.term_months END AS months) AS t
    CROSS JOIN LATERAL (
        SELECT first_start(v.due_on, CASE WHEN t.in_arrears AND %(by_issue)s AND v.due_on < %(from)s
            THEN last_anchor(%(from)s - 1, v.anchor_day) ELSE %(from)s END, v.anchor_day, bp.validity_days, t.months)
        AS starts_on) AS f
    CROSS JOIN LATERAL cycle_of(f.starts_on, v.anchor_day, bp.validity_days, f.starts_on) AS c
    CROSS JOIN LATERAL (
        SELECT f.starts_on, CASE WHEN t.in_arrears THEN c.ends_on ELSE f.starts_on END AS issued_on) AS n
    CROSS JOIN LATERAL (SELECT CASE WHEN bp.billing_type = 'free' THEN 0
        WHEN v.service_id IS NULL THEN package_price_on(v.package_operator_id, v.package_id, f.starts_on)
        WHEN v.changes_on <= f.starts_on THEN package_price_on(v.package_operator_id, v.package_id, f.starts_on)
        ELSE price_on(%(me)s, v.service_id, f.starts_on) END AS minor) AS price
"""


@dataclass(frozen=True)
class Reach:
    """What a change may touch: own services (of a package, of a profile, one alone; `bills` False: none) whose first
    bill from `from_on` on is looked at, and the charges of direct children (None: all of them)."""

    from_on: date
    package_id: int | None = None
    profile_id: int | None = None
    service_id: int | None = None
    by_issue: bool = False
    bills: bool = True
    children: tuple[int, ...] | None = ()


@dataclass(frozen=True)
class Change:
    """Sums before and after. `first`: of the first bills or charges; `month`: of a month of them; VAT included."""

    services: int = 0
    first_on: date | None = None
    last_on: date | None = None
    old_minor: int = 0
    new_minor: int = 0
    month_old_minor: int = 0
    month_new_minor: int = 0

    @property
    def month_minor(self) -> int:
        """What a month changes by."""
        return self.month_new_minor - self.month_old_minor


@dataclass(frozen=True)
class Impact:
    """What a change comes to. `later` services keep what they have until a period that runs on `from_on` has ended,
    the last of them until `kept_until`. `off`: services of its reach that are off now. `turning`: sold above cost
    before and below it then. `due_moves`: bills that fall due on another day. `dates`, `edges`, `customers`: lists that
    are cut at a length, the counts are whole."""

    from_on: date
    own: Change = Change()
    below: Change = Change()
    later: int = 0
    kept_until: date | None = None
    off: int = 0
    turning: int = 0
    due_moves: int = 0
    dates: list[dict[str, Any]] = field(default_factory=list)
    edges: list[dict[str, Any]] = field(default_factory=list)
    customers: list[dict[str, Any]] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """Stands for all that is shown: what is confirmed by it must come out the same."""
        return hashlib.sha256(json.dumps(asdict(self), default=str, sort_keys=True).encode()).hexdigest()[:32]


def measured(reach: Reach, change: Callable[[], object]) -> Impact:
    """Carry out a change of terms and return what it comes to; whoever only looks undoes it afterwards."""
    bills, charges = _bills(reach), _charges(reach)
    change()
    moved = list(_moved(bills, _bills(reach)))
    edges = list(_moved(charges, _charges(reach)))
    priced = [pair for pair in moved if pair[0]["total_minor"] != pair[1]["total_minor"] or _month_moves(pair)]
    later = [new for _old, new in priced if new["starts_on"] > reach.from_on]
    costs = own_costs(reach.from_on) if priced else {}
    return Impact(
        reach.from_on,
        own=_summed(priced, "total_minor"),
        below=_summed(edges, "first_minor"),
        later=sum(row["services"] for row in later),
        kept_until=max((row["starts_on"] for row in later), default=None),
        off=_off(reach),
        turning=sum(new["services"] for old, new in priced if _below(new, costs) and not _below(old, costs)),
        due_moves=sum(new["services"] for old, new in moved if old["falls_due_on"] != new["falls_due_on"]),
        dates=_by_date(priced),
        edges=_by_edge(edges),
        customers=_customers(reach, moved),
    )


def _bills(reach: Reach) -> Keyed:
    if not reach.bills:
        return {}
    return {tuple(row[name] for name in _KEY): row for row in rows(_BILLS, _given(reach))}


def _off(reach: Reach) -> int:
    if not reach.bills or reach.service_id is not None:
        return 0
    return int(rows(f"SELECT count(*) AS n FROM ({_SERVICE}) AS s", _given(reach) | {"off": True})[0]["n"])


def _charges(reach: Reach) -> Keyed:
    if reach.children == ():
        return {}
    children = None if reach.children is None else list(reach.children)
    found = rows("SELECT * FROM edge_charges_from(%s, %s)", [children, reach.from_on])
    return {tuple(row[name] for name in ("child_id", "plan_operator_id", "plan_id", "starts_on")): row for row in found}


Keyed = dict[tuple[Any, ...], dict[str, Any]]
Pair = tuple[dict[str, Any], dict[str, Any]]


def _moved(before: Keyed, after: Keyed) -> Iterable[Pair]:
    """What is different afterwards, the first to come first. A service that got terms of its own is found by itself."""
    for key, new in sorted(after.items(), key=lambda item: (item[1]["starts_on"], str(item[0]))):
        old = before.get(key)
        if old is not None and old != new:
            yield old, new


def _month_moves(pair: Pair) -> bool:
    return bool(pair[0]["month_minor"] != pair[1]["month_minor"])


def _summed(pairs: list[Pair], first: str) -> Change:
    if not pairs:
        return Change()
    days = [new["starts_on"] for _old, new in pairs]
    each = "services" if first == "total_minor" else None  # charges are sums already

    def total(name: str, side: int) -> int:
        return sum(pair[side][name] * (pair[side][each] if each else 1) for pair in pairs)

    return Change(
        sum(new["services"] for _old, new in pairs), min(days), max(days), total(first, 0), total(first, 1),
        total("month_minor", 0), total("month_minor", 1),
    )  # fmt: skip


def _by_date(pairs: list[Pair]) -> list[dict[str, Any]]:
    """The first days on which bills change: starts_on, services, old_minor and new_minor of all of them."""
    days: dict[date, dict[str, Any]] = {}
    for old, new in pairs:
        day = days.setdefault(
            new["starts_on"], {"starts_on": new["starts_on"], "services": 0, "old_minor": 0, "new_minor": 0}
        )
        day["services"] += new["services"]
        day["old_minor"] += old["total_minor"] * old["services"]
        day["new_minor"] += new["total_minor"] * new["services"]
    return [days[day] for day in sorted(days)][:DATES]


def _by_edge(pairs: list[Pair]) -> list[dict[str, Any]]:
    """Per child: child_id and its Change, the dearest first."""
    children: dict[int, list[Pair]] = {}
    for pair in pairs:
        children.setdefault(pair[1]["child_id"], []).append(pair)
    found: list[dict[str, Any]] = [
        {"child_id": child, "change": _summed(mine, "first_minor")} for child, mine in children.items()
    ]
    return sorted(found, key=lambda row: (-abs(row["change"].month_minor), row["child_id"]))[:SHOWN]


def _below(row: dict[str, Any], costs: dict[tuple[int, int], int]) -> bool:
    cost = costs.get((row["plan_operator_id"], row["plan_id"]))
    return cost is not None and row["price_minor"] < cost * row["months"]


def _customers(reach: Reach, pairs: list[Pair]) -> list[dict[str, Any]]:
    """The first customers whom it reaches, soonest first: name, code, starts_on, falls_due_on, old_minor, new_minor."""
    wanted: list[Pair] = []
    for pair in pairs:  # no more classes than may be shown: each has one service at least
        wanted.append(pair)
        if len(wanted) == SHOWN:
            break
    if not wanted:
        return []
    columns = [[new[name] for _old, new in wanted] for name in _KEY]
    found = rows(
        f"SELECT c.id AS customer_id, c.name, c.code, w.place FROM ({_SERVICE}) AS s "
        "JOIN unnest(%(k0)s::bigint[], %(k1)s::bigint[], %(k2)s::bigint[], %(k3)s::bigint[], %(k4)s::int[], "
        "%(k5)s::date[], %(k6)s::bigint[]) WITH ORDINALITY AS w (po, p, fo, f, anchor, due, service, place) "
        "ON w.po = s.package_operator_id AND w.p = s.package_id AND w.fo = s.profile_operator_id "
        "AND w.f = s.profile_id AND w.anchor = s.anchor_day AND w.due = s.due_on "
        "AND w.service IS NOT DISTINCT FROM s.service_id "
        "JOIN customer c ON c.operator_id = %(me)s AND c.id = s.customer_id ORDER BY w.place, c.id LIMIT %(limit)s",
        {**_given(reach), **{f"k{n}": column for n, column in enumerate(columns)}, "limit": SHOWN},
    )
    return [_shown(row, wanted[row["place"] - 1], reach.from_on) for row in found]


def _shown(row: dict[str, Any], pair: Pair, from_on: date) -> dict[str, Any]:
    old, new = pair
    return {
        "customer_id": row["customer_id"],
        "name": row["name"],
        "code": row["code"],
        "starts_on": new["starts_on"],
        "old_minor": old["total_minor"],
        "new_minor": new["total_minor"],
        "old_due_on": old["falls_due_on"],
        "falls_due_on": new["falls_due_on"],
        "keeps": new["starts_on"] > from_on,
    }


def _given(reach: Reach) -> dict[str, Any]:
    return {
        "me": current_scope().operator_id,
        "from": reach.from_on,
        "package": reach.package_id,
        "profile": reach.profile_id,
        "service": reach.service_id,
        "by_issue": reach.by_issue,
        "off": False,
    }


def list_cuts(since: date, until: date) -> list[dict[str, Any]]:
    """The days of [since, until) on which the ISP cuts, and how many own services with an overdue bill each of them
    would suspend by what is owed today: on_date, services."""
    scope = current_scope()
    return rows(
        "SELECT d.on_date, GREATEST(0, d.owing - COALESCE(lag(d.owing) OVER (ORDER BY d.on_date), 0)) AS services "
        "FROM (SELECT n::date AS on_date, (SELECT count(DISTINCT o.subscription_id) "
        "FROM overdue_services(%(isp)s, %(me)s, n::date) AS o WHERE o.operator_id = %(me)s) AS owing "
        "FROM generate_series(%(since)s::date, %(until)s::date - 1, interval '1 day') AS n "
        "WHERE is_cut_day(%(isp)s, n::date)) AS d ORDER BY d.on_date",
        {"isp": scope.isp_id, "me": scope.operator_id, "since": since, "until": until},
    )
