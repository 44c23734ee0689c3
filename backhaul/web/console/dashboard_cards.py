"""The cards of the dashboard: who sees each, which topics make it ask for itself again, and what it needs to be drawn.

What a person may do says which cards there are, so every role finds what its own work needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format

from backhaul.billing.owed import sum_dues_by_zone
from backhaul.billing.promises import list_promises
from backhaul.billing.queries import count_held, get_held_for_own_fund, list_held_bills
from backhaul.billing.standing import Standing, count_expiring, get_standing
from backhaul.ledger.day_sums import DaySum, sum_days, sum_months
from backhaul.ledger.heads import get_stop
from backhaul.ledger.periods import get_books
from backhaul.network.health import get_health
from backhaul.network.presence import Presence, get_presence
from backhaul.operators.rules import OWNER
from backhaul.payments.alerts import count_own_receipts, find_alerts
from backhaul.payments.drawer_queries import get_own_drawer, list_drawers
from backhaul.payments.queries import list_payments
from backhaul.resellers.planner import find_own_run_out, list_short_children
from backhaul.resellers.verification import list_own_verifications
from backhaul.web.console.first_steps import FIRST_STEPS_OVER, first_steps
from backhaul.web.console.list_sums import sees_sums
from backhaul.web.console.pages import PageRequest
from backhaul.web.console.run_nights import nights_to_tell

MONTHS = 6
DAYS = 30
MONEY = frozenset({"bills.view", "payments.view"})


class Figures:
    """What several cards show, asked for once a page."""

    def __init__(self, request: PageRequest) -> None:
        self.request, self.today, self.now = request, request.today, request.now
        self.may = request.scope.permissions

    @cached_property
    def standing(self) -> Standing:
        return get_standing(self.today, dues=self.may >= MONEY)

    @cached_property
    def presence(self) -> Presence:
        return get_presence(now=self.now)

    @cached_property
    def days(self) -> dict[date, DaySum]:
        return sum_days(months_until(self.today)[0])


Build = Callable[[Figures], dict[str, Any]]


@dataclass(frozen=True)
class Card:
    """`needs`: permissions, all of them. `place`: top, main or side. `later`: drawn after the page, by itself."""

    key: str
    topics: str
    needs: frozenset[str]
    place: str
    build: Build
    later: bool = False
    only: Callable[[PageRequest], bool] = lambda request: True

    @property
    def template(self) -> str:
        return f"parts/cards/{self.key}.html"

    def is_for(self, request: PageRequest) -> bool:
        return self.needs <= request.scope.permissions and self.only(request)


def cards_of(request: PageRequest) -> list[Card]:
    """The cards that a person has, in their order."""
    return [card for card in CARDS if card.is_for(request)]


# -- what each card shows ------------------------------------------------------------------------------------------


def alerts(figures: Figures) -> dict[str, Any]:
    may, told = figures.may, nights_to_tell(figures.request)
    found = find_alerts(today=figures.today, now=figures.now)
    if "books.view" in may:
        told |= {"stop": get_stop(), "verify_run_id": found.verify_run_id}
    if "bills.view" in may:
        told["held_count"] = count_held()["own"]
        told["held_for_fund"] = get_held_for_own_fund() if told["held_count"] else None
    if "billing.promise" in may:
        told["broken_promises"] = found.broken_promises
    if "drawers.receive" in may:
        told |= {"drawers_above": found.drawers_above, "hand_overs": found.hand_overs}
    if "network.view" in may:
        told["disconnects"] = found.disconnects
        if "customers.view" in may and figures.presence.drop_percent >= 20:
            told["drop"] = figures.presence
    return told


def figures_of(figures: Figures) -> dict[str, Any]:
    """The row of large figures."""
    shown: dict[str, Any] = {}
    if "customers.view" in figures.may:
        standing = figures.standing
        shown |= {
            "standing": standing,
            "active": standing.statuses["active"],
            "since_yesterday": standing.change("active", 1),
            "since_last_week": standing.change("active", 7),
            "presence": figures.presence,
            "offline": max(standing.statuses["active"] - figures.presence.online, 0),  # who is cut off is not missed
        }
    if figures.may >= MONEY and sees_sums(figures.may):
        shown |= {"dues": figures.standing.dues, **_month(figures)}
    return shown


def money(figures: Figures) -> dict[str, Any]:
    months = sum_months(figures.days)
    shown = [months.get(month, DaySum()) for month in months_until(figures.today)]
    names = [date_format(month, "M") for month in months_until(figures.today)]
    pairs = zip(names, shown, strict=True)
    return {"months": [(name, month.billed_minor, month.collected_minor) for name, month in pairs]}


def daily(figures: Figures) -> dict[str, Any]:
    """Collected on each of the last thirty days."""
    days = [figures.today - timedelta(days=ago) for ago in range(DAYS - 1, -1, -1)]
    sums = [max(figures.days[day].collected_minor, 0) if day in figures.days else 0 for day in days]
    top = max(sums) or 1
    bars = []
    for n, (day, minor) in enumerate(zip(days, sums, strict=True)):
        height = round(96 * minor / top)
        href = f"{reverse('payments')}?from={day}&to={day}"
        bars.append({"day": day, "minor": minor, "x": 10 * n + 1, "height": height, "top": 100 - height, "href": href})
    return {
        "bars": bars,
        "first": days[0],
        "last": days[-1],
        "sum_minor": sum(sums),
        "average_minor": sum(sums) // DAYS,
    }


def recent(figures: Figures) -> dict[str, Any]:
    return {"recent": [row | {"href": reverse("payment", args=[row["id"]])} for row in list_payments(limit=6)]}


def statuses(figures: Figures) -> dict[str, Any]:
    address, counts = reverse("customers"), figures.standing.statuses
    return {"statuses": [(key, n, f"{address}?status={key}") for key, n in counts.items() if n or key == "active"]}


def expiring(figures: Figures) -> dict[str, Any]:
    days = count_expiring(figures.today)
    today = sum(row["services"] for row in days if row["ends_on"] == figures.today)
    top = max((row["services"] for row in days), default=0) or 1
    shown = [row | {"href": _customers(f"expires_from={row['ends_on']}&expires_until={row['ends_on']}"),
                    "width": round(100 * row["services"] / top)} for row in days]  # fmt: skip
    week = _customers(f"expires_from={figures.today}&expires_until={figures.today + timedelta(days=6)}&sort=expiry")
    return {"days": shown, "today": today, "week": sum(row["services"] for row in days), "week_href": week}


def held(figures: Figures) -> dict[str, Any]:
    return {"held": list_held_bills(limit=5)}


def fund(figures: Figures) -> dict[str, Any]:
    return {"runs_out_on": find_own_run_out(today=figures.today), "soon_on": figures.today + timedelta(days=4)}


def children(figures: Figures) -> dict[str, Any]:
    return {"children": list_short_children(today=figures.today)[:6]}


def mine(figures: Figures) -> dict[str, Any]:
    """A collector's own day."""
    promised = [row for row in list_promises(figures.today, broken=False) if row["until_on"] == figures.today]
    return {"receipts": count_own_receipts(figures.today), "drawer": get_own_drawer(), "promised": promised[:8]}


def due(figures: Figures) -> dict[str, Any]:
    zones, counted_at = sum_dues_by_zone(figures.today)
    top = max((row["due_minor"] for row in zones), default=0) or 1
    for row in zones:
        row["href"] = _customers(f"has=due&zone={row['zone_id'] or ''}")
        row["width"] = round(100 * row["due_minor"] / top)
    return {"zones": zones, "counted_at": counted_at}


def books(figures: Figures) -> dict[str, Any]:
    locked = get_books()["locked_through"]
    past = [month for month in months_until(figures.today)[:-1] if locked is None or month > locked]
    verified = list_own_verifications(limit=1)
    shown: dict[str, Any] = {
        "open_months": [m for m in past if m >= min(figures.days, default=figures.today).replace(day=1)]
    }
    shown |= {
        "by_hand": figures.days.get(figures.today, DaySum()).by_hand,
        "verified": verified[0] if verified else None,
    }
    if "drawers.receive" in figures.may:
        drawers = list_drawers()
        shown["drawers"] = {
            "people": sum(1 for drawer in drawers if drawer["held_minor"]),
            "held_minor": sum(drawer["held_minor"] for drawer in drawers),
        }
    return shown


def network(figures: Figures) -> dict[str, Any]:
    return {"health": get_health(now=figures.now)}


def months_until(today: date) -> list[date]:
    """The first days of this month and those before it, oldest first."""
    count = today.year * 12 + today.month - 1
    return [date(month // 12, month % 12 + 1, 1) for month in range(count - MONTHS + 1, count + 1)]


def _month(figures: Figures) -> dict[str, Any]:
    """This month so far, with what the one before had by the same day: in percent, None where there was nothing."""
    before, this = DaySum(), DaySum()
    first, first_before = months_until(figures.today)[-1], months_until(figures.today)[-2]
    for on, day in figures.days.items():
        if first <= on <= figures.today:
            this.add(day)
        elif first_before <= on < first and on.day <= figures.today.day:
            before.add(day)
    today = figures.days.get(figures.today, DaySum())
    return {
        "month": this,
        "billed_change": _percent(this.billed_minor, before.billed_minor),
        "collected_change": _percent(this.collected_minor, before.collected_minor),
        "collected_today": today,
    }


def _percent(now: int, before: int) -> int | None:
    return round(100 * (now - before) / before) if before > 0 else None


def _customers(query: str) -> str:
    return f"{reverse('customers')}?{query}"


def _has_provider(request: PageRequest) -> bool:
    return request.scope.parent_id is not None


def _sees_sums(request: PageRequest) -> bool:
    return sees_sums(request.scope.permissions)


def _only_collects(request: PageRequest) -> bool:
    return not _sees_sums(request)


def _may(*permissions: str) -> frozenset[str]:
    return frozenset(permissions)


def _may_be_new(request: PageRequest) -> bool:
    """An owner, unless this session has seen that nothing is left to do first: so established ones are not asked."""
    return request.scope.role == OWNER and FIRST_STEPS_OVER not in request.session


def first(figures: Figures) -> dict[str, Any]:
    steps = first_steps(figures.today)
    if not steps:
        figures.request.session[FIRST_STEPS_OVER] = True
    return {"steps": steps}


CARDS = (
    Card("first", "customers network funds", _may(), "top", first, later=True, only=_may_be_new),
    Card("alerts", "bills payments drawers books billing network funds online", _may(), "top", alerts),
    Card("figures", "customers bills billing payments online funds", _may(), "top", figures_of),
    Card("mine", "payments drawers billing", _may("payments.collect", "bills.view"), "main", mine, only=_only_collects),
    Card("due", "payments bills", _may("payments.collect", "bills.view"), "main", due, later=True, only=_only_collects),
    Card("money", "bills billing payments", MONEY, "main", money, only=_sees_sums),
    Card("daily", "payments", MONEY, "main", daily, only=_sees_sums),
    Card("recent", "payments", _may("payments.view"), "main", recent, later=True),
    Card("network", "network online", _may("network.view"), "main", network, later=True),
    Card("fund", "funds bills", _may("funds.view"), "side", fund, later=True, only=_has_provider),
    Card("books", "books drawers", _may("books.view", "books.post"), "side", books, later=True),
    Card("statuses", "customers bills payments", _may("customers.view"), "side", statuses),
    Card("expiring", "bills customers", _may("customers.view", "bills.view"), "side", expiring, later=True),
    Card("held", "bills funds", _may("bills.view"), "side", held, later=True),
    Card("children", "funds bills", _may("resellers.view", "funds.recharge"), "side", children, later=True),
)
BY_KEY = {card.key: card for card in CARDS}
