"""Words in files that people open with a spreadsheet."""

from __future__ import annotations

# What spreadsheets take for the beginning of a formula; the wide signs are those of Japanese and Chinese keyboards.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe_cell(cell: object) -> object:
    """A cell as it is, or, where a spreadsheet would take it for a formula, made words again. Figures stay figures."""
    is_formula = isinstance(cell, str) and cell.startswith(_FORMULA) and not _is_figure(cell)
    return f"'{cell}" if is_formula else cell


def _is_figure(text: str) -> bool:
    return text[1:].replace(".", "", 1).replace(",", "").isdecimal()
