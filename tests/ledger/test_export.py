"""hledger and beancount, who know nothing of our code, accept the journal and come to the same totals."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from beancount import loader
from beancount.core.data import Transaction

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.money import format_minor
from backhaul.ledger import queries, services
from backhaul.ledger.journal_text import write_journal
from backhaul.ledger.rules import ManualLine
from backhaul.operators.functions import execute
from backhaul.operators.scope import unit_of_work
from tests.builders import acting, request_key
from tests.ledger.books import DAY, NOW, Chain, build_chain, recharge

ACCOUNTS = ("cash", "bank", "mobile_wallet", "office_expense", "owner_capital", "other_income")
REASONS = (
    'Rent; "March" | paid', "ভাড়া", "a\nb  = 5", "\\", "{curly} @ #tag ^link ; x:y", "2026-01-01 open", "(5) !",
)  # fmt: skip


@pytest.fixture
def chain(db: EmbeddedPostgres) -> Chain:
    """Books with sixty entries on many days, names that are syntax elsewhere, half of it sealed."""
    chain = build_chain(2)
    dice = random.Random(20260301)
    north = chain.operators[1]
    with acting(chain.isp):
        for code, number, name in (
            ("cash", "(10)", "Till: front; desk  1"), ("bank", "", "ব্যাংক"), ("mobile_wallet", "*", "!!"),
            ("office_expense", "5100", "Office [rent] = 5 @ x"), ("owner_capital", "5100", "Office [rent] = 5 @ x"),
        ):  # fmt: skip
            execute("UPDATE account SET number = %s, name = %s WHERE code = %s", [number, name, code])
    for n in range(60):
        on = DAY + timedelta(days=dice.randint(-200, 200))
        if n % 3 == 0:
            recharge(
                chain, north, dice.randint(1, 10**8), kind=dice.choice(["recharge", "recharge_credit", "bonus"]), on=on
            )
            continue
        pairs = [dice.sample(ACCOUNTS, 2) for _ in range(dice.randint(1, 4))]
        lines = [ManualLine(debit, credit, dice.randint(1, 10**8)) for debit, credit in pairs]
        with acting(chain.isp):
            services.post_manual_entry(
                effective_on=on, lines=lines, reason=dice.choice(REASONS), request_key=request_key(), now=NOW
            )
        if n == 30:
            services.seal_all_books(chain.isp, now=NOW)
    return chain


def exported(chain: Chain, style: str, operator: int | None = None) -> str:
    with unit_of_work(chain.isp, operator, snapshot=True):
        return "".join(write_journal(style))


def our_totals(chain: Chain) -> list[Decimal]:
    """Every account's balance by our own trial balance, without names."""
    with acting(chain.isp):
        accounts = queries.get_trial_balance(on=DAY + timedelta(days=400))["accounts"]
    nets = [account["debit_minor"] - account["credit_minor"] for account in accounts]
    return sorted(Decimal(format_minor(net).replace(",", "")) for net in nets if net)


def test_beancount_accepts_the_journal_and_its_totals_are_ours(chain: Chain) -> None:
    entries, errors, _ = loader.load_string(exported(chain, "beancount"))
    assert errors == []
    totals: dict[str, Decimal] = {}
    transactions = [entry for entry in entries if isinstance(entry, Transaction)]
    for entry in transactions:
        for posting in entry.postings:
            assert posting.units is not None
            assert posting.units.number is not None
            totals[posting.account] = totals.get(posting.account, Decimal(0)) + posting.units.number
    assert len(transactions) == 60
    assert sorted(total for total in totals.values() if total) == our_totals(chain)


@pytest.mark.parametrize("line_start", ["  Assets:", r"20..-..-.. balance Assets:"])
def test_beancount_refuses_a_journal_with_the_last_digit_of_an_amount_changed(chain: Chain, line_start: str) -> None:
    text = exported(chain, "beancount")
    line = next(line for line in text.splitlines() if re.match(rf"{line_start}.*[1-9]\.\d\d", line))
    changed = re.sub(r"\.\d\d", lambda cents: f".{(int(cents[0][1:]) + 1) % 100:02d}", line, count=1)
    _, errors, _ = loader.load_string(text.replace(line, changed, 1))
    assert errors


@pytest.mark.slow
def test_hledger_accepts_the_journal_and_its_totals_are_ours(chain: Chain, tmp_path: Path) -> None:
    assert shutil.which("hledger"), "this ring needs hledger: apt-get install hledger"
    file = tmp_path / "books.journal"
    file.write_text(exported(chain, "hledger"), encoding="utf-8")
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
    assert sorted(total for total in totals if total) == our_totals(chain)


def test_books_without_an_entry_are_exported_too(db: EmbeddedPostgres) -> None:
    _, errors, _ = loader.load_string(exported(build_chain(1), "beancount"))
    assert errors == []


def test_the_commands_verify_and_export_from_the_shell(db: EmbeddedPostgres, tmp_path: Path) -> None:
    chain = build_chain(2)
    recharge(chain, chain.operators[1], 100)
    build_chain(2)
    env = {**os.environ, "DATABASE_URL": db.admin_url.rsplit("/", 1)[0] + "/backhaul"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "backhaul.cli.main", *arguments],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )

    verified = run("verify", "--json")
    answer = json.loads(verified.stdout)
    assert (verified.returncode, answer["ok"]) == (0, True)
    assert {"name", "ok", "count", "detail"} == set(answer["checks"][0])
    ambiguous = run("export-journal", "--operator", "level-1", "--format", "beancount")
    assert (ambiguous.returncode, ambiguous.stderr.count("\n")) == (1, 1)
    assert f"{chain.isp.slug}/level-1" in ambiguous.stderr
    out = tmp_path / "books.beancount"
    done = run("export-journal", "--operator", f"{chain.isp.slug}/level-1", "--format", "beancount", "--out", str(out))
    assert (done.returncode, done.stderr) == (0, "")
    assert loader.load_file(str(out))[1] == []
