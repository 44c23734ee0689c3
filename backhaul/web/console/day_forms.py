"""Forms of outages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from backhaul.billing.outages import Outage, days_lost
from backhaul.subscribers.queries import list_zones
from backhaul.web.console.customer_forms import offer
from backhaul.web.console.given import as_id
from backhaul.web.forms import DayField

Routers = Sequence[tuple[int, str]]


class InstantField(forms.DateTimeField):
    """A local date and time, to the minute."""

    def __init__(self, **options: Any) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        super().__init__(**{"widget": widget, "input_formats": ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], **options})


class OutageForm(forms.Form):
    """What was down and when; the days to credit are worked out and shown, and may be changed before confirming."""

    what = forms.ChoiceField(label=_("What was down"))
    why = forms.CharField(label=_("What happened"), max_length=200, help_text=_("Customers ask; it stays on record."))
    from_at = InstantField(label=_("From"))
    to_at = InstantField(label=_("Until"))
    from_on = DayField(
        label=_("First day credited"),
        required=False,
        help_text=_("Empty: every day that was without service for twelve hours or more, at least one."),
    )
    last_on = DayField(label=_("Last day credited"), required=False)
    shown = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, time_zone: str, routers: Routers, **options: Any) -> None:
        super().__init__(*args, **options)
        self.time_zone = time_zone
        routed = [(f"router-{pk}", name) for pk, name in routers]
        zones = [(f"zone-{row['id']}", row["name"]) for row in list_zones()]
        self.has_choice = bool(routed or zones)
        groups = [(_("Routers"), routed), (_("Zones"), zones)]
        shown: list[tuple[str, Any]] = [("", _("Choose")), *((str(label), group) for label, group in groups if group)]
        offer(self, "what", shown)

    def outage(self) -> Outage:
        """What was described, with its days."""
        given = self.cleaned_data
        kind, _dash, pk = given["what"].partition("-")
        first, after_last = self._days(given["from_at"], given["to_at"])
        if given["from_on"]:
            first = given["from_on"]
        if given["last_on"]:
            after_last = given["last_on"] + timedelta(days=1)
        return Outage(
            given["from_at"],
            given["to_at"],
            first,
            after_last,
            given["why"],
            nas_id=as_id(pk) if kind == "router" else None,
            zone_id=as_id(pk) if kind == "zone" else None,
        )

    def _days(self, from_at: datetime, to_at: datetime) -> tuple[Any, Any]:
        if to_at <= from_at:
            return from_at.date(), from_at.date()
        return days_lost(from_at, to_at, self.time_zone, least_one=True)

    def was_shown(self, outage: Outage) -> bool:
        """Whether just this was shown before it is confirmed."""
        return bool(self.cleaned_data["shown"] == repr(outage))

    def show_days(self, outage: Outage) -> None:
        """Put the days that were worked out into the form, and note what was shown."""
        last_on = outage.to_on - timedelta(days=1)
        days = {"from_on": outage.from_on.isoformat(), "last_on": last_on.isoformat()}
        self.data = {**self.data.dict(), **days, "shown": repr(outage)}  # type: ignore[attr-defined]
