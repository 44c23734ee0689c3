"""What the database refuses is said in the language of whoever asked."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from django.utils import translation

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import Refusal
from backhaul.common.sql import function_files
from backhaul.ledger import services
from backhaul.ledger.periods import close_books
from backhaul.ledger.rules import ManualLine
from config.settings import CELL_CONTEXTS
from tests.builders import acting, request_key
from tests.ledger.books import NOW, build_chain

CATALOGUE = Path(__file__).parents[2] / "backhaul/web/locale/bn/LC_MESSAGES/django.po"


def test_every_sentence_with_which_the_database_refuses_is_translated() -> None:
    said = {
        message.replace("''", "'")
        for context in CELL_CONTEXTS
        for file in function_files(context)
        for message in re.findall(r"refuse\('\w+',\s*'((?:[^']|'')+)'", file.read_text())
    }
    known = dict(re.findall(r'^msgid "(.+)"\nmsgstr "(.+)"$', CATALOGUE.read_text(), re.MULTILINE))
    assert len(said) > 100
    assert sorted(said - known.keys()) == []
    assert [message for message in said if message.count("%s") != known[message].count("%s")] == []


def test_no_refusal_is_put_together_before_it_is_translated() -> None:
    """refuse() takes what stands in a sentence beside it."""
    for context in CELL_CONTEXTS:
        for file in function_files(context):
            assert not re.search(r"refuse\('\w+',\s*[^'\s]", file.read_text()), file


@pytest.mark.parametrize(
    ("language", "said"), [("en", "The books are closed through 28 Feb 2026"), ("bn", "২৮ ফেব. ২০২৬ পর্যন্ত হিসাব বন্ধ")]
)
def test_a_refusal_comes_in_the_language_of_whoever_asked(db: EmbeddedPostgres, language: str, said: str) -> None:
    chain = build_chain(1)
    with acting(chain.isp), translation.override(language):
        close_books(through=date(2026, 2, 28), now=NOW)
        with pytest.raises(services.PeriodClosed, match=said) as refusal:
            services.post_manual_entry(
                effective_on=date(2026, 2, 1), lines=[ManualLine("cash", "bank", 5)], reason="moved",
                request_key=request_key(), now=NOW,
            )  # fmt: skip
    assert "%s" not in refusal.value.message


@pytest.mark.parametrize(("language", "said"), [("en", "1 Mar 2026 or 3"), ("bn", "১ মার্চ ২০২৬ or ৩")])
def test_days_and_numbers_of_a_refusal_are_written_as_the_console_writes_them(language: str, said: str) -> None:
    with translation.override(language):
        assert Refusal("%(on)s or %(most)s", on=date(2026, 3, 1), most=3).message == said


def test_what_stands_in_a_sentence_may_hold_a_percent_sign(db: EmbeddedPostgres) -> None:
    chain = build_chain(1)
    with acting(chain.isp), pytest.raises(services.UnknownAccount, match="no account “%d”"):
        services.post_manual_entry(
            effective_on=date(2026, 3, 1), lines=[ManualLine("cash", "%d", 5)], reason="moved",
            request_key=request_key(), now=NOW,
        )  # fmt: skip


@pytest.mark.parametrize("name", ["2026-13-45", "২০২৬-০১-০১"])
def test_a_name_that_looks_like_a_day_that_there_is_not_stays_a_name(db: EmbeddedPostgres, name: str) -> None:
    chain = build_chain(1)
    with acting(chain.isp), pytest.raises(services.UnknownAccount, match=f"no account “{name}”"):
        services.post_manual_entry(
            effective_on=date(2026, 3, 1), lines=[ManualLine("cash", name, 5)], reason="moved",
            request_key=request_key(), now=NOW,
        )  # fmt: skip
