"""What a printed document is made of. Everything is words ready to read: who builds one names, translates, formats."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any, Literal

import segno

from backhaul.common.errors import Refusal
from backhaul.web.brand import INK, WHITE, Colour, as_hex, readable_on

MAX_CELLS = 40_000  # of all tables together: about 600 MB of memory while they are set
TAGGED_CELLS = 5_000  # up to here the file tells screen readers what is a heading, a table, a cell
PRODUCT_COLOUR = "#2459d6"
RowKind = Literal["plain", "heading", "subtotal", "total"]
Paper = Literal["a4", "a5", "58mm", "80mm"]
UNBROKEN = re.compile(r"\S{30}")  # as document.typ has it
NEVER_BROKEN = ("logo", "qr", "seal")
STRIPS: tuple[Paper, ...] = ("58mm", "80mm")  # of thermal printers: as long as what they say


class DocumentTooLong(Refusal):
    """More than one printed document holds, or than is typeset in time."""

    code = "document_too_long"


@dataclass(frozen=True)
class Letterhead:
    """Who issues the document: its name and colour (`#rrggbb`), lines below the name, and what it prints below
    everything: its own words, and those that its internet provider has printed. `logo`: a PNG in base64."""

    name: str
    colour: str = PRODUCT_COLOUR
    footer: str = ""
    lines: tuple[str, ...] = ()
    provider: str = ""
    logo: str = ""


@dataclass(frozen=True)
class Fact:
    label: str
    value: str


@dataclass(frozen=True)
class Panel:
    """A titled block of sentences beside others at the end: how to pay, what proves a receipt. `code` stands large,
    `qr` is an address to scan."""

    title: str
    lines: tuple[str, ...] = ()
    code: str = ""
    qr: str = ""


@dataclass(frozen=True)
class Due:
    """The box at the top that says what the reader wants to know first, and what is behind it."""

    label: str
    value: str
    facts: tuple[Fact, ...] = ()
    settled: bool = False  # nothing is asked for: drawn quietly


@dataclass(frozen=True)
class Column:
    """`figure`: amounts and counts, set to the right. `share`: how wide beside others that have one; 0: as needed."""

    label: str
    figure: bool = False
    share: int = 0


@dataclass(frozen=True)
class Row:
    """One cell a column; a heading has its first alone. `note` stands small below the first cell."""

    cells: tuple[str, ...]
    kind: RowKind = "plain"
    note: str = ""
    level: int = 0


@dataclass(frozen=True)
class Table:
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    title: str = ""
    empty: str = ""  # said where there are no rows


@dataclass(frozen=True)
class Document:
    """A sheet or many. `dated_on` is the day that the file bears: the same document is the same bytes on every day."""

    title: str
    head: Letterhead
    dated_on: date
    language: str
    page_words: str  # "Page {page} of {pages}"
    paper: Paper = "a4"
    wide: bool = False
    state: str = ""
    subtitle: str = ""
    due: Due | None = None
    facts: tuple[Fact, ...] = ()
    tables: tuple[Table, ...] = ()
    panels: tuple[Panel, ...] = ()
    sum: Fact | None = None  # what it all comes to
    notes: tuple[str, ...] = ()
    seal: str = ""  # the head of the books that vouches for it
    file_name: str = ""  # among many in one folder

    @property
    def cells(self) -> int:
        return sum(len(table.columns) * len(table.rows) for table in self.tables)

    @property
    def is_tagged(self) -> bool:
        return self.cells <= TAGGED_CELLS

    @property
    def dated_at(self) -> int:
        """The second of creation that the file bears."""
        day = self.dated_on
        return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())

    def as_data(self) -> dict[str, Any]:
        """What the template reads. Raises DocumentTooLong."""
        if self.cells > MAX_CELLS:
            lines = sum(len(table.rows) for table in self.tables)
            raise DocumentTooLong(
                "%(lines)s lines are too many for a PDF; choose fewer days, or take the file for spreadsheets.",
                lines=f"{lines:,}",
            )
        data = asdict(self) | {"dated_on": self.dated_on.isoformat(), "dated_at": self.dated_at}
        data["breaks"] = _has_unbroken(data)
        for panel in data["panels"]:
            if panel["qr"]:
                panel["qr"] = _drawn(panel["qr"])
        data["head"]["colour"] = as_hex(readable_on(WHITE, _colour(self.head.colour), INK))
        return data


def _has_unbroken(part: Any) -> bool:
    """Whether somewhere it has no place to break for so long that it might run off the sheet."""
    if isinstance(part, str):
        return UNBROKEN.search(part) is not None
    if isinstance(part, dict):
        return any(_has_unbroken(value) for key, value in part.items() if key not in NEVER_BROKEN)
    return isinstance(part, (list, tuple)) and any(map(_has_unbroken, part))


def _drawn(address: str) -> str:
    """A QR code as SVG."""
    drawn = BytesIO()
    segno.make(address, error="m", micro=False).save(drawn, kind="svg", border=0, xmldecl=False)
    return drawn.getvalue().decode()


def _colour(written: str) -> Colour:
    digits = written.lstrip("#")
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
