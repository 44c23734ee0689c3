"""Who may open what: permissions.csv, kept by hand, holds an answer for every address and every seat.

padma, north, riverside, rival and meghna are owners; the rest are staff of Riverside. Addresses with an id name what
belongs to Riverside (routers, which a sub-operator never has, to North; runs to Padma): for everyone else it does not
exist (404, never 403), unless the role forbids the page anyway.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from backhaul.operators.rules import PERMISSIONS
from backhaul.web.console.urls import urlpatterns
from tests.web.conftest import signed_in
from tests.web.town import Town

ROWS = list(csv.DictReader((Path(__file__).parent / "permissions.csv").open()))
OF_CUSTOMER = (
    "customer", "edit-customer", "suspend", "disable", "leave", "reset-password", "collect-from", "change-package",
    "pay-back", "bill-now", "one-off", "own-price", "give-discount", "end-discount", "promise", "withdraw-promise",
    "suspend-date", "write-off-customer", "tax-withheld", "customer-account", "customer-statement", "customer-bills",
    "customer-payments", "customer-usage", "customer-sessions", "customer-documents", "customer-timeline",
    "add-document",
)  # fmt: skip
OF_PRICE = ("set-price", "tariff-versions", "withdraw-price")
OF_PACKAGE = ("package", "edit-package", "package-price", "withdraw-package")
OF_PERSON = (
    "person", "change-access", "reset-staff-password", "end-access", "return-access",
    "sign-out-person", "reset-second-factor",
)  # fmt: skip
OF_RESELLER = (
    "reseller", "recharge", "limits", "deduct", "transfer", "pay-back-fund", "start-edge", "modules", "welcome-sheet",
    "enter-operator", "renew-first-password",
)  # fmt: skip
OF_STATEMENT = ("fund-statement", "fund-statement-csv", "fund-statement-pdf", "confirm-statement")
SEATS = [seat for seat in ROWS[0] if seat != "url"]


def address(town: Town, name: str) -> str:
    cast, ids = town.cast, town.ids
    arguments: dict[str, list[object]] = {
        **{name: [ids["customer"]] for name in OF_CUSTOMER},
        **{name: [ids["customer"], ids["document"]] for name in ("document", "withdraw-document")},
        **{name: [ids["template"]] for name in ("template", "archive-template")},
        **{name: [ids["zone"]] for name in ("zone", "edit-zone", "move-zone", "merge-zone", "remove-zone")},
        **{name: [ids["field"]] for name in ("field", "archive-field")},
        "lift-block": [ids["suspended"], "by_hand"],
        "cancel-change": [ids["suspended"]],
        **{name: [ids["person"]] for name in OF_PERSON},
        "role": [ids["role"]],
        **{
            name: [ids["bill"]]
            for name in ("bill", "bill-pdf", "discount-bill", "write-off", "recover", "explain-bill")
        },
        **{name: [ids["package"]] for name in OF_PACKAGE},
        **{name: [ids["profile"]] for name in ("profile", "profile-versions")},
        "customer-view": [ids["view"]],
        "bulk-run": [ids["bulk_run"]],
        "bulk-act": ["suspend"],
        **{name: [ids["export"]] for name in ("customer-export", "fetch-export")},
        **{name: [ids["bill_export"]] for name in ("bill-export", "fetch-bill-export")},
        **{name: [cast.plans["Home 10"]] for name in ("edit-plan", "withdraw-plan")},
        "band": [cast.padma.isp_id, cast.plans["Home 10"]],
        **{name: [ids["payment"]] for name in ("payment", "payment-pdf", "reverse-payment", "explain-payment")},
        **{name: [cast.riverside, ids["charge"]] for name in ("movement", "explain-movement")},
        "explain-charge": [cast.riverside, cast.riverside, ids["bill"]],
        "explain-statement": [ids["customer"], ids["month"]],
        "explain-credit-note": [ids["bill"]],
        **{name: [cast.riverside] for name in OF_RESELLER},
        **{name: [ids["draft"]] for name in ("onboard-review", "onboard-discard")},
        "onboard-step": [ids["draft"], "mode"],
        "welcome-step": ["company"],
        "audit-entry": [ids["audit"]],
        **{name: [cast.riverside, cast.padma.isp_id, cast.plans["Home 10"]] for name in OF_PRICE},
        "take-back": [cast.riverside, ids["recharge"]],
        **{name: [cast.riverside] for name in ("fund-statements", "slabs")},
        **{name: [cast.riverside, ids["month"]] for name in OF_STATEMENT},
        "dispute": [cast.riverside, ids["recharge"]],
        "settle-dispute": [cast.riverside, ids["dispute"]],
        **{name: ["cash"] for name in ("account", "edit-account", "close-account")},
        "open-account": ["office_expense"],
        "account-parties": ["receivable_customers"],
        **{name: [ids["entry"]] for name in ("entry", "reverse-entry")},
        "record-event": ["expense"],
        "take-back-event": [ids["recorded"]],
        "deposit": [ids["customer"]],
        "deposit-act": [ids["customer"], "in"],
        "take-back-deposit": [ids["deposit"]],
        "verify-run": [ids["verify"]],
        **{"new-password": [1, "no-key"], "host-proof": ["0" * 32]},
        "prove-email": ["no-key"],
        **{name: [1] for name in ("name-passkey", "remove-passkey")},
        "end-session": ["no-such-session"],
        "job": [ids["job"]],
        **{name: [ids["host"]] for name in ("host", "release-host")},
        "brand-picture": [cast.padma.isp_id, cast.riverside, "0" * 32],
        "dashboard-card": ["recent"],
        "check-receipt": ["padma", "riverside"],
        **{name: [ids["collector"]] for name in ("drawer", "drawer-limit", "drawer-days", "settle-shortage")},
        **{name: [ids["hand_over"]] for name in ("receive-hand-over", "send-back-hand-over")},
        **{name: [ids["month"]] for name in ("reopen-books", "close-year")},
        "proof-class": ["billed"],
        **{name: [ids["router"]] for name in ("router", "edit-router")},
        **{name: [ids["run"]] for name in ("run", "run-csv")},
        "rehearsal": [ids["rehearsal"]],
        **{name: [ids["plan"]] for name in ("run-plan", "run-plan-csv")},
    }
    return reverse(name, args=arguments.get(name, []))


def test_every_address_has_its_row() -> None:
    assert sorted(row["url"] for row in ROWS) == sorted(str(pattern.name) for pattern in urlpatterns)


def test_every_permission_that_can_be_granted_is_asked_for_somewhere() -> None:
    backhaul = Path(__file__).parents[2] / "backhaul"
    declared = {"choices.py", "rules.py"}
    code = "".join(
        file.read_text()
        for file in backhaul.rglob("*.py")
        if "tests" not in file.parts and not (file.parent.name == "operators" and file.name in declared)
    )
    assert sorted(name for name in PERMISSIONS if f'"{name}"' not in code) == []


@pytest.mark.parametrize("seat", SEATS)
def test_each_seat_opens_what_the_table_says(town: Town, seat: str) -> None:
    if seat == "anonymous":
        client = Client(raise_request_exception=False)
    else:
        client = signed_in(seat, "meghna" if seat == "meghna" else "padma")
    answers = {row["url"]: client.get(address(town, row["url"])).status_code for row in ROWS}
    assert answers == {row["url"]: int(row[seat]) for row in ROWS}


def test_what_may_not_be_opened_may_not_be_sent_either(town: Town) -> None:
    for seat in ("rival", "collector", "noc"):
        client = signed_in(seat)
        for row in ROWS:
            if int(row[seat]) in (403, 404):
                assert client.post(address(town, row["url"]), {}).status_code == int(row[seat]), (seat, row["url"])
