"""What narrows the list of customers, as it stands in an address: read, offered, and written again."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from backhaul.billing.finding import CustomerFilter
from backhaul.billing.finding_conditions import MONEY
from backhaul.catalog.queries import list_billing_profiles_offered, list_packages_offered
from backhaul.network.services import CONNECTION_TYPES
from backhaul.subscribers.rules import STATUSES
from backhaul.subscribers.zones import list_zone_choices
from backhaul.web.console import given
from backhaul.web.console.pages import PageRequest
from backhaul.web.templatetags.console import state_label
from backhaul.web.words import choices

# What is kept of an address where the same customers are meant: by saved views, files, and acts on all that match.
KEPT = (
    "q", "status", "package", "profile", "zone", "connection", "expiry", "expires_from", "expires_until", "online",
    "has", "joined_from", "joined_until", "promised", "held",
)  # fmt: skip
SORTS = ("newest", "name", "code", "expiry", "due")
_EXPIRY = {"expired": (None, -1), "today": (0, 0), "3": (0, 3), "7": (0, 7), "15": (0, 15)}


def read_filter(request: PageRequest) -> CustomerFilter:
    """What the list of this address is narrowed to; junk is ignored."""
    expires_from, expires_until = _expiry(request)
    online = given.one_of(request, "online", ("online", "offline"))
    sees_money = "bills.view" in request.scope.permissions
    return CustomerFilter(
        search=given.text(request, "q"),
        status=given.one_of(request, "status", STATUSES),
        zone_id=given.number(request, "zone"),
        package=given.pair(request, "package"),
        profile=given.pair(request, "profile"),
        connection_type=given.one_of(request, "connection", CONNECTION_TYPES),
        joined_from=given.day(request, "joined_from"),
        joined_until=given.day(request, "joined_until"),
        expires_from=expires_from,
        expires_until=expires_until,
        online=None if online is None else online == "online",
        seen_at=request.now if online else None,
        has=given.one_of(request, "has", MONEY) if sees_money else None,
        promised_on=request.today if sees_money and request.GET.get("promised") else None,
        held=sees_money and bool(request.GET.get("held")),
    )


def read_sort(request: PageRequest) -> str:
    """The order that the address asks for: one of SORTS, with a dash in front the other way round."""
    known = [sort for sort in SORTS if sort != "due" or "bills.view" in request.scope.permissions]
    return given.one_of(request, "sort", [*known, *(f"-{sort}" for sort in known)]) or "newest"


def kept_query(request: PageRequest, *also: str) -> str:
    """The filters of this address, written as they are kept."""
    pairs = [(name, request.GET.get(name, "")[:100]) for name in (*KEPT, *also)]
    return urlencode([(name, value) for name, value in pairs if value])


def filter_choices(request: PageRequest) -> dict[str, Any]:
    """What each filter offers, with its names."""
    may = request.scope.permissions
    return {
        "status": [(status, state_label(status)) for status in STATUSES],
        "package": [(f"{row['operator_id']}-{row['id']}", row["name"]) for row in list_packages_offered(request.today)],
        "profile": [(f"{row['operator_id']}-{row['id']}", row["name"]) for row in list_billing_profiles_offered()],
        "zone": list_zone_choices(),
        "connection": choices("connection"),
        "expiry": [
            ("expired", _("Expired")),
            ("today", _("Expires today")),
            ("3", _("Expires within 3 days")),
            ("7", _("Expires within 7 days")),
            ("15", _("Expires within 15 days")),
        ],
        "online": choices("session"),
        "promised": [("1", _("Has promised to pay"))] if "bills.view" in may else [],
        "held": [("1", _("Waits for a fund"))] if "bills.view" in may else [],
        "has": [("due", _("Has a due")), ("advance", _("Has an advance"))] if "bills.view" in may else [],
        "sort": [
            ("name", _("By name")),
            ("code", _("By customer id")),
            ("expiry", _("Expires soonest")),
            *([("due", _("Owes the most"))] if "bills.view" in may else []),
        ],
    }


def _expiry(request: PageRequest) -> tuple[date | None, date | None]:
    """A named span, or the days that were given."""
    named = given.one_of(request, "expiry", _EXPIRY)
    if named is None:
        return given.day(request, "expires_from"), given.day(request, "expires_until")
    first, last = _EXPIRY[named]
    today = request.today
    return (None if first is None else today + timedelta(days=first)), today + timedelta(days=last)
