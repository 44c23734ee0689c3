"""Tables from files as people send them: CSV in UTF-8 or UTF-16 with commas, semicolons or tabs, and XLSX."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from python_calamine import CalamineError, load_workbook

from backhaul.common.errors import Refusal

DELIMITERS = ",;\t"
ZIP = b"PK\x03\x04"
# The longest mark first: that of UTF-16 begins that of UTF-32.
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class FileUnreadable(Refusal):
    """The file is not a table that can be read; the message says how to save it."""

    code = "file_unreadable"


@dataclass(frozen=True)
class Table:
    """A header and its rows as text. A row's number is the one that a spreadsheet shows: the header is row 1."""

    columns: list[str]
    rows: Sequence[tuple[int, Sequence[str]]]


def read_table(content: bytes) -> Table:
    """The table in a file; raises FileUnreadable. Empty rows are left out, and counted."""
    if not content.strip():
        raise FileUnreadable("The file is empty.")
    records = _read_xlsx(content) if content.startswith(ZIP) else _read_csv(content)
    try:
        header = next(records)
        columns = [_column(cell) for cell in header]
        rows = [(number, row) for number, row in enumerate(records, start=2) if any(cell.strip() for cell in row)]
    except StopIteration:
        raise FileUnreadable("The file has no header row.") from None
    except csv.Error as error:
        raise FileUnreadable("The file is not a table: %(error)s.", error=error) from None
    twins = {column for column in columns if column and columns.count(column) > 1}
    if twins:
        raise FileUnreadable("The header has more than one column “%(twins)s”; keep one of them.", twins=min(twins))
    return Table(columns, rows)


def _column(cell: str) -> str:
    return "_".join(cell.strip().lower().replace("-", " ").split())


def _read_csv(content: bytes) -> Iterator[list[str]]:
    text = _decode(content)
    header = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=header.count)
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _decode(content: bytes) -> str:
    encoding = next((name for mark, name in MARKS if content.startswith(mark)), None)
    if encoding is None:
        pairs = content[:200]
        if pairs[1::2].count(0) > len(pairs) // 4:
            encoding = "utf-16-le"
        elif pairs[::2].count(0) > len(pairs) // 4:
            encoding = "utf-16-be"
    try:
        text = content.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        raise FileUnreadable("The file is not in UTF-8 or UTF-16; save it as “CSV UTF-8” or as XLSX.") from None
    if "\0" in text:
        raise FileUnreadable("The file is not text; save it as “CSV UTF-8” or as XLSX.")
    return text


def _read_xlsx(content: bytes) -> Iterator[list[str]]:
    try:
        sheet = load_workbook(io.BytesIO(content)).get_sheet_by_index(0)
        cells = sheet.to_python(skip_empty_area=False)
    except (CalamineError, IndexError, OSError) as error:
        raise FileUnreadable(
            "The workbook cannot be read (%(error)s); save it as XLSX or CSV again.", error=error
        ) from None
    return iter([[_text(cell) for cell in row] for row in cells])


def _text(cell: object) -> str:
    """A cell as it would stand in a CSV: whole numbers without a fraction, days as 2026-01-31."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, date) else str(cell)
