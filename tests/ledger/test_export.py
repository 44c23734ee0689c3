"""hledger and beancount, who know nothing of our code, accept the journal and come to the same totals."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from beancount import loader

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.ledger import services
from backhaul.ledger.rules import ManualLine
from backhaul.operators.functions import execute
from tests.builders import acting, request_key
from tests.ledger.books import DAY, NOW, Chain, build_chain, recharge
from tests.ledger.judges import exported, judged_by_beancount, judged_by_hledger, our_totals

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


def test_beancount_accepts_the_journal_and_its_totals_are_ours(chain: Chain) -> None:
    assert judged_by_beancount(exported(chain.isp, "beancount")) == (60, our_totals(chain.isp))


@pytest.mark.parametrize("line_start", ["  Assets:", r"20..-..-.. balance Assets:"])
def test_beancount_refuses_a_journal_with_the_last_digit_of_an_amount_changed(chain: Chain, line_start: str) -> None:
    text = exported(chain.isp, "beancount")
    line = next(line for line in text.splitlines() if re.match(rf"{line_start}.*[1-9]\.\d\d", line))
    changed = re.sub(r"\.\d\d", lambda cents: f".{(int(cents[0][1:]) + 1) % 100:02d}", line, count=1)
    _, errors, _ = loader.load_string(text.replace(line, changed, 1))
    assert errors


@pytest.mark.slow
def test_hledger_accepts_the_journal_and_its_totals_are_ours(chain: Chain, tmp_path: Path) -> None:
    assert judged_by_hledger(exported(chain.isp, "hledger"), tmp_path / "books.journal") == our_totals(chain.isp)


def test_books_without_an_entry_are_exported_too(db: EmbeddedPostgres) -> None:
    _, errors, _ = loader.load_string(exported(build_chain(1).isp, "beancount"))
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
