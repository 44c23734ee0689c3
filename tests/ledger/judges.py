"""hledger and beancount, who know nothing of our code, add up an exported journal; our own sums to compare."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import date
from decimal import Decimal
from pathlib import Path

from beancount import loader
from beancount.core.data import Transaction

from backhaul.common.money import format_minor
from backhaul.identity.models import IspDirectory
from backhaul.ledger import queries
from backhaul.ledger.journal_text import write_journal
from backhaul.operators.scope import unit_of_work
from tests.builders import acting


def exported(isp: IspDirectory, style: str, operator_id: int | None = None) -> str:
    """An operator's whole journal; the ISP's where none is named."""
    with unit_of_work(isp, operator_id, snapshot=True):
        return "".join(write_journal(style))


def our_totals(isp: IspDirectory, operator_id: int | None = None) -> list[Decimal]:
    """Every account's balance at the end by our own trial balance, without names and zeros."""
    with acting(isp, operator_id):
        accounts = queries.get_trial_balance(on=date.max)["accounts"]
    nets = [account["debit_minor"] - account["credit_minor"] for account in accounts]
    return sorted(Decimal(format_minor(net).replace(",", "")) for net in nets if net)


def judged_by_beancount(text: str) -> tuple[int, list[Decimal]]:
    """How many transactions beancount reads without complaint, and what its accounts hold, without zeros."""
    entries, errors, _ = loader.load_string(text)
    assert errors == []
    totals: dict[str, Decimal] = {}
    transactions = [entry for entry in entries if isinstance(entry, Transaction)]
    for entry in transactions:
        for posting in entry.postings:
            assert posting.units is not None
            assert posting.units.number is not None
            totals[posting.account] = totals.get(posting.account, Decimal(0)) + posting.units.number
    return len(transactions), sorted(total for total in totals.values() if total)


def judged_by_hledger(text: str, file: Path) -> list[Decimal]:
    """What hledger's accounts hold by a journal that its strict checks accept."""
    assert shutil.which("hledger"), "this ring needs hledger: apt-get install hledger"
    file.write_text(text, encoding="utf-8")
    check = subprocess.run(
        ["hledger", "-f", str(file), "check", "--strict", "ordereddates"], capture_output=True, text=True, check=False
    )
    assert (check.returncode, check.stderr) == (0, "")
    shown = subprocess.run(
        ["hledger", "-f", str(file), "balance", "--flat", "--no-total", "-O", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    rows, _ = json.loads(shown.stdout)
    totals = [Decimal(amount["aquantity"]["decimalMantissa"]).scaleb(-2) for row in rows for amount in row[3]]
    return sorted(total for total in totals if total)
