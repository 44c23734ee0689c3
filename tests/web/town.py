"""A small town for tests of pages: the cast with money, customers, bills and payments, built through services."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from backhaul.billing.bulk import request_bulk
from backhaul.billing.changes import plan_change
from backhaul.billing.rehearsals import request_rehearsal
from backhaul.billing.run_plans import plan_run
from backhaul.billing.runs import start_run
from backhaul.billing.services import sign_up_customer
from backhaul.catalog.services import ProfileRules, add_billing_profile, add_package
from backhaul.common import clock
from backhaul.funds.statements import dispute_movement, prepare_statement
from backhaul.identity.hosts import start_claim
from backhaul.identity.models import User
from backhaul.ledger.events import OwnEvent, record_own_event
from backhaul.network.services import register_nas
from backhaul.operators.drafts import begin_draft
from backhaul.operators.functions import rows
from backhaul.operators.progress import start_progress
from backhaul.payments.deposits import DepositAct, record_deposit
from backhaul.payments.drawers import count_drawer
from backhaul.payments.services import record_payment
from backhaul.resellers.verification import list_verify_runs, verify_and_keep
from backhaul.subscribers.custom_fields import CustomField, add_field
from backhaul.subscribers.documents import add_document
from backhaul.subscribers.exports import ask_for_export, keep_export
from backhaul.subscribers.services import suspend_subscription
from backhaul.subscribers.templates import Template, save_template
from backhaul.subscribers.views import save_view
from backhaul.subscribers.zones import add_zone
from tests.builders import acting, build_person, new_customer, request_key
from tests.cast import Cast, build_cast, fill_funds

ROLES = ("collector", "accountant", "noc", "manager", "distributor")


@dataclass
class Town:
    """The cast and the ids that addresses need: Riverside's customer with a bill and a payment, North's router,
    Padma's plan of today's run and that run, not done yet."""

    cast: Cast
    ids: dict[str, Any] = field(default_factory=dict)


def build_town() -> Town:
    """Riverside has two customers since last month, one paid in part, one suspended, and staff of every role."""
    now = clock.now()
    today = clock.local_date(now, "Asia/Dhaka")
    joined = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    town = Town(build_cast())
    cast = town.cast
    fill_funds(cast, on=joined)
    with acting(cast.padma, cast.north):
        for name in ("Rafiq Ahmed", "Nadia Islam"):
            sign_up(cast, name, joined)
        home_10: dict[str, Any] = {"plan_operator_id": cast.padma.isp_id, "plan_id": cast.plans["Home 10"]}
        draft = begin_draft(
            step="identity", answers={"name": ["Lakeside"], "slug": ["lakeside"]}, request_key=request_key(), at=now
        )
        package = add_package(name="North 10", price_minor=650_00, **home_10)
        profile = add_billing_profile(name="North's", rules=ProfileRules())
        person = rows("SELECT id FROM membership WHERE operator_id = %s", [cast.north])[0]["id"]
        role = rows("SELECT id FROM role WHERE operator_id = %s AND key = 'manager'", [cast.north])[0]["id"]
        router = register_nas(name="Tower", source_address="192.0.2.9", secret="not-a-word", at=now)
    with acting(cast.padma, cast.riverside):
        people = {role: build_person(cast.riverside, role, role) for role in ROLES}
        first = sign_up(cast, "Abdul Karim", joined)
        second = sign_up(cast, "Nusrat Jahan", joined)
        receipt = record_payment(
            customer_id=first, amount_minor=250_00, method="cash", received_on=today, now=now, request_key=request_key()
        )
        suspend_subscription(subscription_id=_service(second), why="asked for it", on=today, at=now)
        plan_change(
            subscription_id=_service(second), package=(cast.padma.isp_id, cast.packages["Home 20"]), on=today, now=now
        )
        bill = rows("SELECT id FROM invoice WHERE customer_id = %s", [first])[0]["id"]
        movements = rows("SELECT id, kind FROM fund_movement WHERE child_id = %s ORDER BY id", [cast.riverside])
        prepare_statement(child_id=cast.riverside, month=joined, today=today, now=now)
        left = DepositAct(first, "deposit_in", 50_00, today, "router on loan", method="bank")
        deposit = record_deposit(left, request_key=request_key(), now=now)
        mine = OwnEvent("owner_puts_in", 100_00, today, "for a start", paid="bank")
        recorded = record_own_event(mine, request_key=request_key(), now=now)
        dispute = dispute_movement(child_id=cast.riverside, movement_id=movements[0]["id"], what="paid twice", now=now)
        entry = rows("SELECT id FROM entry WHERE kind = 'customer_payment'")[0]["id"]
        town.ids = {
            "customer": first, "suspended": second, "bill": bill, "payment": receipt.payment_id,
            "recharge": movements[0]["id"], "charge": movements[-1]["id"], "router": router,
            "month": joined, "dispute": dispute, "package": package, "profile": profile, "entry": entry,
            "audit": rows("SELECT max(id) AS id FROM audit_event")[0]["id"],
            "collector": people["collector"], "person": person, "role": role, "recorded": recorded, "deposit": deposit,
            "draft": draft,
        }  # fmt: skip
    with acting(cast.padma, cast.riverside, user_id=cast.owners["riverside"]):
        town.ids |= _kept_lists(first, now)
    with acting(cast.padma, cast.riverside, user_id=people["collector"]):
        town.ids["hand_over"] = count_drawer(counted_minor=0, now=now, request_key=request_key())
    with acting(cast.padma, cast.riverside, user_id=User.objects.get(name="riverside").pk):
        town.ids["job"] = start_progress(task="export", label="Customers", now=now, link="/customers/")
    town.ids |= _kept_of_customers(town, now)
    claim = start_claim("riverside.example", isp_id=cast.padma.isp_id, operator_id=cast.riverside, now=now)
    town.ids["host"] = claim.host
    town.ids["plan"] = plan_run(cast.padma, on=today, now=now)["id"]
    with acting(cast.padma):
        town.ids["run"] = start_run(on=today, now=now)
        town.ids["rehearsal"] = request_rehearsal(until=today, today=today, now=now)
    verify_and_keep([cast.padma.cell], now=now)
    with acting(cast.padma):
        town.ids["verify"] = list_verify_runs()[0]["id"]
    return town


def _kept_lists(customer: int, now: datetime) -> dict[str, int]:
    """A view that Riverside's owner shares, an act on one customer that is being looked at, and files asked for."""
    bills: dict[str, Any] = {"state": None, "search": "", "month": None, "zone_id": None}
    kept: dict[str, Any] = {"columns": [], "language": "en", "now": now}
    made = {
        "view": save_view(name="Suspended", query="status=suspended", columns=["zone"], is_shared=True, now=now),
        "bulk_run": request_bulk(act="disable", given={"why": "moves"}, who=[customer], now=now),
        "export": ask_for_export(file_type="csv", wanted={}, sort="newest", **kept),
        "bill_export": ask_for_export(subject="bills", file_type="pdf", wanted=bills, sort="number", **kept),
    }
    keep_export(made["export"], [b"Name"], items=0, now=now)
    keep_export(made["bill_export"], [b"%PDF-1.7"], items=0, now=now, subject="bills")
    return made


def _kept_of_customers(town: Town, now: datetime) -> dict[str, Any]:
    """A field of North's own; a zone, a template and a customer's document of Riverside."""
    cast, isp = town.cast, town.cast.padma.isp_id
    with acting(cast.padma, cast.north):
        field_id = add_field(CustomField("Landlord"), now=now)
    with acting(cast.padma, cast.riverside):
        zone = add_zone(name="Harbour", code="HAR")
        sold: dict[str, Any] = {
            "package": (isp, cast.packages["Home 10"]),
            "profile": (isp, cast.profiles["Monthly anniversary"]),
        }
        paper: dict[str, Any] = {"title": "Contract", "content": b"%PDF-1.7", "request_key": request_key(), "now": now}
        return {
            "field": field_id,
            "zone": zone,
            "template": save_template(Template("Harbour homes", zone_id=zone, **sold), now=now),
            "document": add_document(customer_id=town.ids["customer"], **paper),
        }


def sign_up(cast: Cast, name: str, on: date) -> int:
    """A customer of whoever acts on Home 10, billed from that day."""
    username = name.lower().replace(" ", ".")
    person = new_customer(cast, name=name, username=username, mobile="01711000000", joined_on=on)
    added = sign_up_customer(customer=person, on=on, now=datetime(on.year, on.month, on.day, 4, tzinfo=UTC))
    return added.customer_id


def _service(customer_id: int) -> int:
    return int(rows("SELECT id FROM subscription WHERE customer_id = %s", [customer_id])[0]["id"])
