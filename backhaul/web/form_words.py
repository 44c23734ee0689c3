"""What forms say of what cannot be taken, where Django's own words are a programmer's, or not there in Bangla."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from backhaul.common.digits import in_sentence


class Sentence:
    """A sentence whose numbers are written in the reader's digits. Django fills its gaps with the % operator."""

    def __init__(self, words: Any) -> None:
        self.words = words

    def __mod__(self, facts: Mapping[str, object]) -> str:
        return str(self.words) % {name: in_sentence(fact) for name, fact in facts.items()}

    def __str__(self) -> str:
        return str(self.words)


SENTENCES: dict[str, Any] = {
    "max_length": Sentence(_("Too long: at most %(limit_value)s characters, and this has %(show_value)s.")),
    "min_length": Sentence(_("Too short: at least %(limit_value)s characters, and this has %(show_value)s.")),
    "min_value": Sentence(_("Give a number of at least %(limit_value)s.")),
    "max_value": Sentence(_("Give a number of at most %(limit_value)s.")),
    "max_digits": Sentence(_("Give a number of at most %(max)s digits.")),
    "max_decimal_places": Sentence(_("Give at most %(max)s digits behind the point.")),
    "max_whole_digits": Sentence(_("Give at most %(max)s digits before the point.")),
    "null_characters_not_allowed": _("This holds a character that cannot be kept; type it anew."),
}


def say_in_own_words() -> None:
    """From now on all forms say these sentences."""
    forms.Field.default_error_messages = {**forms.Field.default_error_messages, **SENTENCES}
