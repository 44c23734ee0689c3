"""What can be done to many customers at once: its names, and what each act asks for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backhaul.billing.bulk import PERMISSION, count_connections
from backhaul.billing.bulk_acts import BULK_ACTS
from backhaul.billing.finding import CustomerFilter
from backhaul.catalog.queries import list_billing_profiles_offered, list_packages_offered
from backhaul.subscribers.zones import list_zone_choices
from backhaul.web.console.customer_forms import WhyForm, offer, package_choice, pair_of
from backhaul.web.forms import DayField
from backhaul.web.templatetags.console import count, day
from backhaul.web.words import named


class ActForm(forms.Form):
    """What an act asks for; `given` as the domain keeps it, `told` as people read it. `who`: to whom it is done."""

    def __init__(self, *args: Any, today: date, who: CustomerFilter | list[int], **options: Any) -> None:
        super().__init__(*args, **options)
        self.today = today
        self.who = who
        self.prepare()

    def prepare(self) -> None:
        """Fill in what there is to choose."""

    def given(self) -> dict[str, Any]:
        return {}

    def chosen(self, name: str) -> str:
        """What a person reads in the select."""
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        return str(dict(field.choices).get(self.cleaned_data[name], ""))  # type: ignore[arg-type]


class WhyActForm(ActForm, WhyForm):
    def given(self) -> dict[str, Any]:
        return {"why": self.cleaned_data["why"], "told": self.cleaned_data["why"]}


class ZoneActForm(ActForm):
    zone = forms.ChoiceField(label=_("Zone"), required=False)

    def prepare(self) -> None:
        offer(self, "zone", [("", _("No zone")), *((str(key), name) for key, name in list_zone_choices())])

    def given(self) -> dict[str, Any]:
        zone = self.cleaned_data["zone"]
        return {"zone_id": int(zone) if zone else None, "told": self.chosen("zone")}


class PackageActForm(ActForm):
    package = forms.ChoiceField(
        label=_("Package"), help_text=_("From the next period of each customer on, at the price of that day.")
    )

    def prepare(self) -> None:
        """Packages that fit some of the chosen; where not all, it says how many, and in which ways they connect."""
        ways = count_connections(self.who)
        chosen = sum(ways.values())
        offered, all_fit = [], True
        for row in list_packages_offered(self.today):
            fits = sum(n for way, n in ways.items() if way in (None, *row["connection_types"]))
            all_fit = all_fit and fits == chosen
            if fits == chosen:
                offered.append(package_choice(row))
            elif fits:
                key, label = package_choice(row)
                told = gettext("fits %(n)s of %(all)s") % {"n": count(fits), "all": count(chosen)}
                offered.append((key, f"{label} · {told}"))
        offer(self, "package", [("", _("Choose a package")), *offered])
        if not all_fit:
            said = ", ".join(f"{named(way, 'connection')} {count(n)}" for way, n in ways.items() if way)
            self.fields["package"].help_text = gettext(
                "From the next period of each customer on, at the price of that day. They connect by: %(ways)s. Whom a "
                "package is not sold for stays as it is."
            ) % {"ways": said}

    def given(self) -> dict[str, Any]:
        return {"package": list(pair_of(self.cleaned_data["package"])), "told": self.chosen("package")}


class ProfileActForm(ActForm):
    profile = forms.ChoiceField(label=_("Billing"), help_text=_("From the next period of each customer on."))

    def prepare(self) -> None:
        found = list_billing_profiles_offered()
        offer(self, "profile", [(f"{row['operator_id']}-{row['id']}", row["name"]) for row in found])

    def given(self) -> dict[str, Any]:
        return {"profile": list(pair_of(self.cleaned_data["profile"])), "told": self.chosen("profile")}


class SuspendDateActForm(ActForm, WhyForm):
    suspend_on = DayField(
        label=_("Suspend on"), help_text=_("Nobody of them is cut for bills due by then before this day.")
    )
    field_order = ("suspend_on", "why")

    def prepare(self) -> None:
        self.fields["suspend_on"].widget.attrs["min"] = (self.today + timedelta(days=1)).isoformat()

    def given(self) -> dict[str, Any]:
        on, why = self.cleaned_data["suspend_on"], self.cleaned_data["why"]
        return {"suspend_on": on.isoformat(), "why": why, "told": f"{day(on)} · {why}"}


@dataclass(frozen=True)
class ActWords:
    """How an act is called, what it means, and what it asks for."""

    label: Any
    meaning: Any
    form: type[ActForm] = ActForm
    tone: str = "primary"


ACTS = {
    "suspend": ActWords(
        _("Suspend"),
        _("They go offline and see the pay page, until a person lifts the suspension. No money moves."),
        WhyActForm,
        tone="warning",
    ),
    "activate": ActWords(
        _("Activate"),
        _("What a person imposed is lifted. Whoever is online again is billed for a new period where one is due."),
    ),
    "disable": ActWords(
        _("Disable"),
        _("They go offline, and logins are refused until a person enables the services again. No money moves."),
        WhyActForm,
        tone="danger",
    ),
    "zone": ActWords(_("Change zone"), _("They live in another zone from now on. No money moves."), ZoneActForm),
    "package": ActWords(
        _("Change package"), _("Agreed for the next period of each. No money moves now."), PackageActForm
    ),
    "profile": ActWords(
        _("Change billing"), _("They are billed by other rules from their next period on."), ProfileActForm
    ),
    "suspend_date": ActWords(
        _("Extend suspend date"), _("They are not cut for unpaid bills before a day of your own."), SuspendDateActForm
    ),
}


def offered_acts(may: Collection[str]) -> list[tuple[str, Any]]:
    """The acts that a person may do to many, with their names."""
    if PERMISSION not in may:
        return []
    return [(key, ACTS[key].label) for key, act in BULK_ACTS.items() if act.permission in may]
