"""What the database refuses is said in the language of whoever asked."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from django import forms
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


class Asked(forms.Form):
    name = forms.CharField(max_length=3)
    word = forms.CharField(min_length=12)
    days = forms.IntegerField(min_value=1, max_value=30)
    place = forms.DecimalField(max_digits=9, decimal_places=6)
    why = forms.CharField()
    on = forms.DateField()
    kind = forms.ChoiceField(choices=[("1", "One")])
    email = forms.EmailField()


WRONG = {"name": "Nurul", "word": "short", "days": "31", "place": "23.1234567", "why": "a\0b", "on": "?", "kind": "৭",
         "email": "@"}  # fmt: skip


def test_what_a_form_cannot_take_is_said_in_our_words_and_stays_as_typed() -> None:
    form = Asked(WRONG)
    assert form.errors["name"] == ["Too long: at most 3 characters, and this has 5."]
    assert form.errors["word"] == ["Too short: at least 12 characters, and this has 5."]
    assert 'value="Nurul"' in str(form["name"])


def test_what_a_form_cannot_take_is_said_in_bangla() -> None:
    with translation.override("bn"):
        said = {name: " ".join(map(str, errors)) for name, errors in Asked(WRONG).errors.items()}
        assert said.keys() == WRONG.keys()
        assert [words for words in said.values() if re.search("[A-Za-z0-9]", words)] == []
        assert "৩" in said["name"] and "৫" in said["name"]


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
