"""Refusals are said in the language of whoever is served."""

from __future__ import annotations

from django.utils import translation

from backhaul.common.errors import InvalidInput


def test_a_refusal_is_said_in_the_readers_language_with_what_it_names() -> None:
    sentence = "“%(text)s” is not an amount; write it like 1500.00"
    assert InvalidInput(sentence, text="x%y").message == "“x%y” is not an amount; write it like 1500.00"
    with translation.override("bn"):
        said = InvalidInput(sentence, text="x%y").message
        assert "x%y" in said and "amount" not in said
        assert InvalidInput("100% of it").message == "100% of it"
        assert InvalidInput("").message == ""
