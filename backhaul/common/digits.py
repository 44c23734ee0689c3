"""Digits as a reader writes them. In Bangla, amounts, numbers of things, days and hours have Bangla digits, in figures
as in sentences. What names something keeps its Latin ones: numbers of bills, receipts, entries and accounts, ids, user
names, mobiles, addresses; so does whatever is typed into a form or written for a machine."""

from __future__ import annotations

from django.utils.translation import get_language

_BANGLA = str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")


def digits(text: str) -> str:
    """A text whose digits are a figure, as the reader's language writes them."""
    return text.translate(_BANGLA) if (get_language() or "").startswith("bn") else text


class Figure(int):
    """A whole number that stands in a sentence: an int to count and compare with, written in the reader's digits."""

    def __str__(self) -> str:
        return digits(int.__repr__(self))


def in_sentence(value: object) -> object:
    """Whole numbers as figures of a sentence; everything else, names and what is written already, as it is."""
    return Figure(value) if isinstance(value, int) and not isinstance(value, bool) else value
