"""From a table to clean rows and problems, each with its row, its column and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import ValidationError

from backhaul.imports.reader import FileUnreadable, Table
from backhaul.imports.rows import COLUMNS, REQUIRED, ImportRow, Known

UNIQUE = (("username", "duplicate username in file"), ("static_ip", "duplicate ip in file"))


@dataclass(frozen=True)
class Problem:
    """Why a row cannot be imported. `reason` is a stable word for machines, `message` says what to do."""

    row: int
    column: str
    reason: str
    message: str


@dataclass
class Validated:
    """Clean rows by their number, and what is wrong with the others."""

    rows: dict[int, ImportRow] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    ignored_columns: list[str] = field(default_factory=list)

    def refuse(self, number: int, column: str, reason: str, message: str) -> None:
        """Take a row out for a reason."""
        self.rows.pop(number, None)
        self.problems.append(Problem(number, column, reason, message))

    @property
    def bad_rows(self) -> set[int]:
        return {problem.row for problem in self.problems}


def validate(table: Table, known: Known) -> Validated:
    """Check every row by itself and against the rows before it; raises FileUnreadable where columns are missing."""
    missing = [column for column in REQUIRED if column not in table.columns]
    if missing:
        raise FileUnreadable(
            "The file lacks columns: %(missing)s. It may have: %(columns)s.",
            missing=", ".join(missing),
            columns=", ".join(COLUMNS),
        )
    validated = Validated(ignored_columns=[column for column in table.columns if column and column not in COLUMNS])
    places = [(n, column) for n, column in enumerate(table.columns) if column in COLUMNS]
    width = len(table.columns)
    first_seen: dict[tuple[str, str], int] = {}
    check = ImportRow.__pydantic_validator__.validate_python
    for number, cells in table.rows:
        if len(cells) != width:
            validated.refuse(
                number,
                "",
                "cells",
                f"The row has {len(cells)} cells instead of {width}; put text with separators in quotes.",
            )
            continue
        raw = {column: cells[n] for n, column in places}
        try:
            validated.rows[number] = check(raw, context=known)
        except ValidationError as error:
            for one in error.errors(include_url=False, include_input=False):
                validated.refuse(number, str(one["loc"][0]), _reason(one["type"]), one["msg"])
        _refuse_twins(validated, number, raw, first_seen)
    return validated


def _reason(kind: str) -> str:
    return "date missing" if kind == "joined_on missing" else kind


def _refuse_twins(
    validated: Validated, number: int, raw: dict[str, str], first_seen: dict[tuple[str, str], int]
) -> None:
    for column, reason in UNIQUE:
        value = raw.get(column, "").strip()
        first = first_seen.setdefault((column, value), number) if value else number
        if first != number:
            validated.refuse(number, column, reason, f"“{value}” stands in row {first} too; give each its own.")
