"""Taking customers over from a file (SPEC B16): all of them or none, unless the caller says to leave bad rows out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from backhaul.billing.services import issue_opening_dues, start_billing_many
from backhaul.catalog.queries import list_billing_profiles_offered, list_packages_offered
from backhaul.common.errors import NotFound
from backhaul.imports.queries import find_cycle_ends
from backhaul.imports.reader import read_table
from backhaul.imports.rows import ImportRow, Known
from backhaul.imports.validation import Problem, Validated, validate
from backhaul.network.queries import find_taken_addresses, find_taken_usernames
from backhaul.operators.scope import current_scope
from backhaul.subscribers.rules import anchor_day_of
from backhaul.subscribers.services import AddedCustomer, NewCustomer, add_customers, add_zones, refuse_low_fund


@dataclass
class ImportReport:
    """What an import did, or would do. `imported` is 0 where it was refused or only tried."""

    rows: int
    good: int
    imported: int = 0
    dry_run: bool = False
    opening_due_minor: int = 0
    opening_dues: int = 0
    zones_added: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    ignored_columns: list[str] = field(default_factory=list)

    @property
    def bad(self) -> int:
        """How many rows have a problem."""
        return len({problem.row for problem in self.problems})


@dataclass(frozen=True)
class _Plan:
    """One row, decided: the customer, where its billing starts, what it owes and when that is due."""

    customer: NewCustomer
    billed_until: date
    opening_due_minor: int
    due_on: date


def import_customers(
    *,
    content: bytes,
    source: str,
    on: date,
    now: datetime,
    billed_until: date | None = None,
    dry_run: bool = False,
    skip_bad: bool = False,
) -> ImportReport:
    """Import a file's customers for the acting operator: active, with logins, billed from `billed_until` on.

    `on` is the day of the takeover. `billed_until` (default: the end of the cycle running on `on`; a column of that
    name comes first): nothing before it is billed or charged on any edge. Opening dues fall due at `on` + the profile's
    due days. Where a row has a problem nothing is imported, unless `skip_bad`. `source` names the file in the audit.
    Raises FileUnreadable, FundLow, NotFound where nothing is offered.
    """
    current_scope().require("customers.import")
    refuse_low_fund()
    profiles = {row["name"]: row for row in list_billing_profiles_offered()}
    validated = validate(read_table(content), _known(on, profiles))
    _refuse_taken_usernames(validated)
    warnings = _set_taken_addresses_aside(validated)
    good = len(validated.rows)
    report = ImportReport(
        rows=good + len(validated.bad_rows),
        good=good,
        dry_run=dry_run,
        problems=sorted(validated.problems, key=lambda problem: problem.row),
        warnings=warnings,
        ignored_columns=validated.ignored_columns,
    )
    dues = [row.opening_due for row in validated.rows.values() if row.opening_due]
    report.opening_dues, report.opening_due_minor = len(dues), sum(dues)
    if dry_run or not good or (report.problems and not skip_bad):
        return report
    rows = list(validated.rows.values())
    report.zones_added, zones = add_zones({row.zone for row in rows if row.zone})
    plans = _decide(rows, zones, {(row["operator_id"], row["id"]): row for row in profiles.values()}, on, billed_until)
    added = add_customers(customers=[plan.customer for plan in plans], on=on, at=now, source=source)
    start_billing_many([(one.subscription_id, plan.billed_until) for one, plan in zip(added, plans, strict=True)])
    _issue_dues(plans, added, on, now)
    report.imported = len(added)
    return report


def _known(on: date, profiles: dict[str, dict[str, int]]) -> Known:
    packages = {row["name"]: (row["operator_id"], row["id"]) for row in list_packages_offered(on)}
    if not packages or not profiles:
        what = "package" if not packages else "billing profile"
        raise NotFound(
            "%(name)s has no %(what)s to offer yet; add one, or ask your provider for its prices.",
            name=current_scope().name,
            what=what,
        )
    return Known(
        packages=packages,
        profiles={name: (row["operator_id"], row["id"]) for name, row in profiles.items()},
        decimals=current_scope().currency_decimals,
    )


def _refuse_taken_usernames(validated: Validated) -> None:
    """One question to the database for all rows."""
    taken = find_taken_usernames([row.username for row in validated.rows.values()])
    if taken:
        for number, row in list(validated.rows.items()):
            if row.username in taken:
                message = f"“{row.username}” is in use already; remove the row if the customer is here, or rename it."
                validated.refuse(number, "username", "username taken", message)


def _set_taken_addresses_aside(validated: Validated) -> list[Problem]:
    """A static address that serves somebody else is no reason to lose the customer; it is said."""
    asked = [row.static_ip for row in validated.rows.values() if row.static_ip]
    taken = find_taken_addresses(asked) if asked else set()
    warnings = []
    for number, row in validated.rows.items():
        if row.static_ip in taken:
            validated.rows[number] = row.model_copy(update={"static_ip": None})
            message = f"{row.static_ip} serves another customer already; imported without it, give it a free address."
            warnings.append(Problem(number, "static_ip", "ip taken", message))
    return warnings


def _decide(
    rows: list[ImportRow],
    zones: dict[str, int],
    profiles: dict[tuple[int, int], dict[str, int]],
    on: date,
    billed_until: date | None,
) -> list[_Plan]:
    anchors = [
        anchor_day_of(str(profile["cycle"]), profile["cycle_day"], row.joined_on)
        for row in rows
        for profile in (profiles[row.billing_profile],)
    ]
    cycle_ends = find_cycle_ends(set(anchors), on)
    plans = []
    for row, anchor in zip(rows, anchors, strict=True):
        profile = profiles[row.billing_profile]
        until = row.billed_until or billed_until
        if until is None:
            days = profile["validity_days"]
            until = validity_end(row.joined_on, days, on) if days else cycle_ends[anchor]
        plans.append(
            _Plan(
                customer=_customer(row, zones),
                billed_until=max(until, row.joined_on),
                opening_due_minor=row.opening_due or 0,
                due_on=on + timedelta(days=profile["due_days"]),
            )
        )
    return plans


def validity_end(joined_on: date, days: int, on: date) -> date:
    """When the validity that runs on a day ends: whole validities since the customer joined."""
    return joined_on + timedelta(days=days * ((on - joined_on).days // days + 1)) if on >= joined_on else joined_on


def _customer(row: ImportRow, zones: dict[str, int]) -> NewCustomer:
    return NewCustomer(
        name=row.name,
        username=row.username,
        password=row.password,
        joined_on=row.joined_on,
        package=row.package,
        profile=row.billing_profile,
        mobile=row.mobile or "",
        connection_type=row.connection_type or "pppoe",
        zone_id=zones[row.zone] if row.zone else None,
        address=row.address or "",
        mac=row.mac,
        static_ip=row.static_ip,
        custom_price_minor=row.custom_price,
    )


def _issue_dues(plans: list[_Plan], added: list[AddedCustomer], on: date, now: datetime) -> None:
    by_due_day: dict[date, list[tuple[int, int, int]]] = defaultdict(list)
    for plan, one in zip(plans, added, strict=True):
        if plan.opening_due_minor:
            by_due_day[plan.due_on].append((one.customer_id, one.subscription_id, plan.opening_due_minor))
    for due_on, dues in sorted(by_due_day.items()):
        issue_opening_dues(dues, on=on, due_on=due_on, now=now)
