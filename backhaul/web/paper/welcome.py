"""The welcome sheet of an operator that was taken on: where to sign in, what it pays, what to do first (SPEC A37)."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backhaul.operators.scope import current_scope
from backhaul.web.paper.document import Column, Document, Fact, Row, Table
from backhaul.web.paper.sheet import sheet
from backhaul.web.templatetags.console import count, money
from backhaul.web.words import named

Rows = list[dict[str, Any]]


def welcome_document(
    reseller: dict[str, Any],
    *,
    prices: Rows,
    contacts: dict[str, str],
    address: str,
    login: str,
    password: str,
    today: date,
) -> Document:
    """On the letterhead of its provider; `prices` as list_tariff_prices gives them, `contacts`: whom to ask, by what.

    `password` is on the sheet only where it was just made; empty: it is left out.
    """
    facts = [Fact(_("Where to sign in"), address)]
    if login:
        facts.append(Fact(_("Name"), login))
    if password:
        facts.append(Fact(_("First password"), password))
    facts.append(Fact(_("Pays"), str(named(reseller["mode"], "mode"))))
    tables = [_first(bool(password)), _tariff(prices), _guards(reseller)]
    if any(contacts.values()):
        rows = tuple(Row((label, said)) for label, said in contacts.items() if said)
        tables.append(Table((Column(_("Whom to ask")), Column("", share=1)), rows, title=_("Contacts")))
    return sheet(
        _("Welcome, %(name)s") % {"name": reseller["name"]},
        dated_on=today,
        state=str(named(reseller["kind"], "operator")),
        facts=tuple(facts),
        tables=tuple(tables),
    )


def _first(with_password: bool) -> Table:
    steps = [_("Sign in and look at your fund: every movement of money is there.")]
    if with_password:
        steps[0] = _("Sign in with the first password and choose your own.")
    steps += [
        _("Make your packages, or see which ones you may sell."),
        _("Add your first customer; its bill is made at once."),
        _("Take a payment and hand the receipt over."),
        _("Give your people access under Staff, each only what the work needs."),
    ]
    rows = tuple(Row((count(n), said)) for n, said in enumerate(steps, start=1))
    return Table((Column(_("No.")), Column(_("What to do"), share=1)), rows, title=_("What to do first"))


def _tariff(prices: Rows) -> Table:
    sold = [row for row in prices if row["price_minor"] is not None]
    return Table(
        (Column(_("Plan"), share=1), Column(f"{_('Price')} · {current_scope().currency}", figure=True)),
        tuple(Row((row["plan_name"], money(row["price_minor"]))) for row in sold),
        title=_("What you pay, for 30 days or a month, without VAT"),
        empty=_("No prices are set yet; ask your provider."),
    )


def _guards(fund: dict[str, Any]) -> Table:
    hours = fund["notice_hours"]
    told = [
        (_("Charged"), str(named(fund["charge_timing"], "timing"))),
        (_("Credit limit"), money(fund["credit_limit_minor"])),
        (_("Below this, no new customers are added"), money(fund["low_balance_minor"])),
    ]
    if fund["minimum_balance_minor"] is not None:
        told += [
            (_("Below this, night by night: warned, no new customers, renewals wait, then disabled"),
             money(fund["minimum_balance_minor"])),
            (_("Notice before disabling"), ngettext("%(n)s hour", "%(n)s hours", hours) % {"n": count(hours)}),
        ]  # fmt: skip
    if fund["emergency_days"]:
        days = fund["emergency_days"]
        told.append((_("Emergency fund, once a month"), ngettext("%(n)s day", "%(n)s days", days) % {"n": count(days)}))
    rows = tuple(Row(row) for row in told)
    return Table((Column(_("Rule"), share=1), Column(_("What holds"), figure=True)), rows, title=_("Your fund"))
