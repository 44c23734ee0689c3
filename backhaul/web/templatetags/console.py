"""Tags and filters of every console page. Registered as built-ins, so that templates need no {% load %}."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from django import template
from django.forms import BoundField
from django.forms.widgets import CheckboxInput, Select, Textarea
from django.template import defaultfilters
from django.template.base import FilterExpression, Parser, Token
from django.templatetags.i18n import BlockTranslateNode, do_block_translate
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backhaul.common.digits import digits, in_sentence
from backhaul.common.money import format_minor
from backhaul.operators.scope import Scope
from backhaul.web.currency import decimals
from backhaul.web.shell import initials as initials_of
from backhaul.web.words import named

register = template.Library()
register.filter("named", named)
FOR_MACHINES = ("Y-m-d", "Y-m", "c")
AVATAR_TONES = ("blue", "green", "violet", "amber", "teal", "red")


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """An icon of the sprite: {% icon "users" %}. The build fails on a name that does not exist."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        classes,
        _sprite(),
        name,
    )


@cache
def _sprite() -> str:
    return static("dist/sprite.svg")


@register.simple_tag(takes_context=True)
def seat(context: template.Context) -> str:
    """Who looks, and at which operator: what a browser keeps of lists is kept for them (assets/lists.js), and a page
    stands for them as long as they hold (assets/live.js)."""
    request = context.get("request")
    scope = getattr(request, "scope", None)
    return seat_of(scope) if scope else ""


def seat_of(scope: Scope) -> str:
    """A person at an operator, as pages name it."""
    return f"{scope.actor_id}-{scope.operator_id}"


class Spoken(FilterExpression):
    """What stands in a sentence of {% blocktrans %}: whole numbers in the reader's digits. A number that names
    something, such as a bill, is passed as text: number|stringformat:"s"."""

    def __init__(self, expression: FilterExpression) -> None:
        for part in ("token", "filters", "var", "is_var"):
            setattr(self, part, getattr(expression, part))

    def resolve(self, context: template.Context, ignore_failures: bool = False) -> object:
        return in_sentence(super().resolve(context, ignore_failures))


@register.tag("blocktrans")
@register.tag("blocktranslate")
def sentence(parser: Parser, token: Token) -> BlockTranslateNode:
    """Django's own, with the numbers of the sentence in the reader's digits."""
    node = do_block_translate(parser, token)
    node.extra_context = {name: Spoken(value) for name, value in node.extra_context.items()}
    if node.counter:
        node.counter = Spoken(node.counter)
    return node


@register.filter
def money(minor: int | str | None) -> str:
    """Minor units as an amount: 150000000 gives 1,500,000.00 (a true minus sign before negative ones)."""
    if minor is None or minor == "":
        return "–"
    return digits(format_minor(int(minor), decimals=decimals()).replace("-", "−"))


@register.filter
def undo_form(undo: str) -> dict[str, str]:
    """Where the button beside what was done posts to, and what it carries (web/console/undo.py)."""
    action, _hash, kept = undo.partition("#")
    return {"action": action, "kept": kept}


@register.filter
def count(number: int | None) -> str:
    return "–" if number is None else digits(f"{number:,}")


@register.filter
def rounded(number: float) -> str:
    return count(round(number))


@register.filter
def speed(kbps: int | None) -> str:
    """A plan's rate: 10240 gives 10 Mbit/s."""
    if kbps is None:
        return "–"
    return digits(f"{kbps / 1024:g} Mbit/s" if kbps >= 1024 else f"{kbps} kbit/s")


@register.filter
def mac(digits: str | None) -> str:
    """A MAC address as routers write it: AA:BB:CC:DD:EE:FF; what is none stays as it is."""
    text = digits or "–"
    return ":".join(re.findall("..", text.upper())) if re.fullmatch("[0-9a-f]{12}", text) else text


@register.filter
def percent(basis_points: int) -> str:
    return digits(f"{basis_points / 100:g} %")


@register.filter("date", expects_localtime=True)
def dated(value: date | None, form: str = "j M Y") -> str:
    """Django's `date`, in the reader's digits; as it is in the forms that machines read, such as Y-m-d."""
    written = defaultfilters.date(value, form)
    return written if form in FOR_MACHINES else digits(written)


@register.filter("filesizeformat")
def size(count: int) -> str:
    """Django's `filesizeformat`, in the reader's digits."""
    return digits(defaultfilters.filesizeformat(count))


@register.filter
def day(value: date | None) -> str:
    """A local date: 22 Nov 2026."""
    return dated(value, "j M Y") if value else "–"


def fact(value: object) -> object:
    """What stands in a refusal: days and whole numbers as the reader's language writes them, the rest as it is."""
    return day(value) if type(value) is date else in_sentence(value)


@register.filter
def moment(value: datetime | None) -> str:
    """An instant in the ISP's zone: 22 Nov 2026, 14:05."""
    return dated(localtime(value), "j M Y, H:i") if value else "–"


@register.filter
def last_day(ends_on: date | None) -> str:
    """The last day of a period stored half-open: the day before `ends_on`."""
    return day(ends_on - timedelta(days=1)) if ends_on else "–"


@register.simple_tag
def short_months() -> str:
    """The months as days are written with them, for the page to write the day that a field holds (assets/days.js)."""
    return "|".join(defaultfilters.date(date(2000, month, 1), "M") for month in range(1, 13))


@register.simple_tag
def period(starts_on: date, ends_on: date) -> str:
    """A half-open period as people read it: 1 Nov – 30 Nov 2026."""
    last = ends_on - timedelta(days=1)
    if last == starts_on:
        return day(starts_on)
    first = "j M" if starts_on.year == last.year else "j M Y"
    return f"{dated(starts_on, first)} – {day(last)}"


@register.filter
def initials(name: str) -> str:
    return initials_of(str(name))


@register.filter
def tone_of(name: str) -> str:
    """A colour that stays the same for a name."""
    return AVATAR_TONES[sum(map(ord, str(name))) % len(AVATAR_TONES)]


# What each state is called and how it looks, over all contexts. A new state is added here and nowhere else.
STATES: dict[str, tuple[str, Any]] = {
    "active": ("green", _("Active")),
    "online": ("green", _("Online")),
    "offline": ("grey", _("Offline")),
    "pending": ("amber", pgettext_lazy("state", "Pending")),
    "new": ("blue", pgettext_lazy("state", "New")),
    "suspended": ("amber", _("Suspended")),
    "disabled": ("red", _("Disabled")),
    "expired": ("amber", _("Expired")),
    "short": ("red", _("Waiting for funds")),
    "not_activated": ("blue", _("Not activated")),
    "left": ("grey", pgettext_lazy("state", "Left")),
    "free": ("violet", pgettext_lazy("state", "Free")),
    "paid": ("green", pgettext_lazy("state", "Paid")),
    "partial": ("blue", pgettext_lazy("state", "Partly paid")),
    "unpaid": ("amber", pgettext_lazy("state", "Unpaid")),
    "due": ("amber", pgettext_lazy("state", "Due")),
    "overdue": ("red", pgettext_lazy("state", "Overdue")),
    "held": ("red", pgettext_lazy("state", "Held")),
    "credited": ("grey", pgettext_lazy("state", "Credited")),
    "written_off": ("grey", pgettext_lazy("state", "Written off")),
    "cancelled": ("grey", pgettext_lazy("state", "Cancelled")),
    "reversed": ("grey", pgettext_lazy("state", "Reversed")),
    "reversal": ("grey", pgettext_lazy("state", "Reversal")),
    "paid_back": ("amber", pgettext_lazy("state", "Paid back")),
    "posted": ("green", pgettext_lazy("state", "Posted")),
    "verified": ("green", pgettext_lazy("state", "Verified")),
    "prepaid": ("blue", _("Prepaid")),
    "postpaid": ("violet", _("Postpaid")),
    "started": ("green", pgettext_lazy("state", "Started")),
    "trial": ("violet", pgettext_lazy("state", "On trial")),
    "low": ("amber", _("Low balance")),
    "warned": ("amber", _("Below minimum")),
    "blocks_new": ("amber", _("No new customers")),
    "holds_renewals": ("red", _("Renewals wait")),
    "not_started": ("blue", _("Not started")),
    "blocked": ("red", _("Blocked")),
    "access_ended": ("grey", _("Access ended")),
    "first_password": ("blue", _("First password")),
    "ok": ("green", pgettext_lazy("state", "Fine")),
    "rehearsed": ("blue", pgettext_lazy("state", "Rehearsed")),
    "confirmed": ("green", pgettext_lazy("state", "Confirmed")),
    "skipped": ("amber", pgettext_lazy("state", "Left in part")),
    "running": ("blue", pgettext_lazy("state", "Running")),
    "done": ("green", pgettext_lazy("state", "Done")),
    "failed": ("red", pgettext_lazy("state", "Failed")),
    "waiting": ("amber", pgettext_lazy("hand-over", "Waits")),
    "received": ("green", pgettext_lazy("hand-over", "Received")),
    "sent_back": ("red", pgettext_lazy("hand-over", "Sent back")),
    "above_limit": ("amber", pgettext_lazy("drawer", "Above the limit")),
    "late": ("amber", pgettext_lazy("receipt", "Late")),
    "reopened": ("amber", pgettext_lazy("drawer", "Opened again")),
    "not_prepared": ("grey", pgettext_lazy("statement", "Not prepared")),
    "to_confirm": ("amber", pgettext_lazy("statement", "To be confirmed")),
    "signed": ("green", pgettext_lazy("statement", "Confirmed by both")),
    "disputed": ("red", pgettext_lazy("statement", "Disputed")),
    "differs": ("amber", pgettext_lazy("statement", "Moved afterwards")),
    "looking": ("blue", pgettext_lazy("bulk", "Being looked at")),
    "ready": ("amber", pgettext_lazy("bulk", "To be confirmed")),
    "doing": ("blue", pgettext_lazy("bulk", "Being done")),
    "would": ("blue", pgettext_lazy("bulk", "Will be done")),
    "would_not": ("grey", pgettext_lazy("bulk", "Left as it is")),
    "refused": ("amber", pgettext_lazy("bulk", "Left as it was")),
    "closed": ("green", pgettext_lazy("period", "Closed")),
    "part": ("blue", pgettext_lazy("period", "Closed in part")),
    "open": ("amber", pgettext_lazy("period", "Open")),
    "to_come": ("grey", pgettext_lazy("period", "To come")),
    "before": ("grey", pgettext_lazy("period", "Before the books began")),
    "silent": ("amber", pgettext_lazy("session", "Not reporting")),
    "asked": ("amber", pgettext_lazy("disconnect", "Asked")),
    "agreed": ("blue", pgettext_lazy("disconnect", "Agreed")),
    "applied": ("green", pgettext_lazy("disconnect", "New speed in force")),
    "ended": ("green", pgettext_lazy("disconnect", "Seen to end")),
    "required": ("blue", pgettext_lazy("field", "Required")),
    "in_use": ("green", pgettext_lazy("host name", "In use")),
    "not_checked": ("amber", pgettext_lazy("host name", "Not checked yet")),
    "optional": ("grey", pgettext_lazy("field", "Optional")),
    "archived": ("grey", pgettext_lazy("field", "Archived")),
}


@register.filter
def state_tone(state: str) -> str:
    return STATES[state][0] if state in STATES else "grey"


@register.filter
def state_label(state: str) -> Any:
    return STATES[state][1] if state in STATES else str(state).replace("_", " ").capitalize()


@register.simple_tag
def field_input(field: BoundField) -> SafeString:
    """A form field's control in the console's look, tied to its hint and its error for screen readers."""
    widget = field.field.widget
    base = "form-select" if isinstance(widget, Select) else "form-control"
    if isinstance(widget, CheckboxInput):
        base = "form-check-input"
    attrs: dict[str, str | bool] = {"class": f"{base} is-invalid" if field.errors else base}
    if isinstance(widget, Textarea):
        attrs["rows"] = "3"
    return mark_safe(field.as_widget(attrs=attrs))


@dataclass(frozen=True)
class Bar:
    label: str
    first_minor: int
    second_minor: int
    first_height: int
    second_height: int

    @property
    def first_top(self) -> int:
        return 100 - self.first_height

    @property
    def second_top(self) -> int:
        return 100 - self.second_height


@register.inclusion_tag("parts/bars.html")
def bars(points: Sequence[tuple[str, int, int]], first: str, second: str) -> dict[str, Any]:
    """Pairs of upright bars, such as billed and collected a month: points of (label, first, second)."""
    top = max((max(a, b) for _label, a, b in points), default=0) or 1
    drawn = [Bar(label, a, b, round(96 * a / top), round(96 * b / top)) for label, a, b in points]
    return {"bars": drawn, "first": first, "second": second}


@register.inclusion_tag("parts/shares.html")
def shares(parts: Iterable[tuple[str, int, str]]) -> dict[str, Any]:
    """One bar cut into states with a legend that opens each list: parts of (state, count, href)."""
    listed = list(parts)
    whole = sum(n for _state, n, _href in listed)
    drawn, at = [], 0.0
    for state, n, href in listed:
        width = 100 * n / whole if whole else 0.0
        drawn.append(
            {"state": state, "n": n, "href": href, "x": f"{at:.2f}", "width": f"{width:.2f}", "percent": width}
        )
        at += width
    return {"parts": drawn, "whole": whole}
