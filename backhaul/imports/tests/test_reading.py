"""Files as people send them become the same rows; rows that cannot be used are told why."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date
from pathlib import Path

import pytest

from backhaul.imports.reader import FileUnreadable, read_table
from backhaul.imports.rows import Known
from backhaul.imports.services import validity_end
from backhaul.imports.validation import Validated, validate

DATA = Path(__file__).resolve().parents[3] / "tests" / "data"
KNOWN = Known(
    packages={name: (1, n) for n, name in enumerate(("Home 10", "Home 20", "Home 50", "Office 100"))},
    profiles={name: (1, n) for n, name in enumerate(("Monthly 1st", "Monthly anniversary", "Daily 30"))},
)
HEADER = "name,username,password,package,billing_profile,joined_on,mobile,custom_price,opening_due,static_ip"
ROW = "রুপা চৌধুরী,rupa,secret,Home 10,Monthly 1st,2026-02-01,01711000000,,500,"


def checked(*rows: str, header: str = HEADER) -> Validated:
    return validate(read_table("\n".join((header, *rows)).encode()), KNOWN)


@pytest.mark.parametrize(("name", "rows"), [("north", 1500), ("riverside", 300), ("dirty", 1000)])
def test_all_rows_of_the_files_are_read_whatever_encoding_and_separator(name: str, rows: int) -> None:
    table = read_table((DATA / f"customers-{name}.csv").read_bytes())
    assert len(table.rows) == rows
    assert [number for number, _ in table.rows] == list(range(2, rows + 2))
    assert table.columns[:2] == ["name", "mobile"] and len(table.columns) == 14


def test_the_dirty_file_has_exactly_the_bad_rows_that_are_expected_each_for_its_reason() -> None:
    validated = validate(read_table((DATA / "customers-dirty.csv").read_bytes()), KNOWN)
    expected = json.loads((DATA / "customers-dirty.expected.json").read_text())
    assert {str(problem.row): problem.reason for problem in validated.problems} == expected["bad"]
    assert len(validated.problems) == len(expected["bad"])
    assert len(validated.rows) == expected["rows"] - len(expected["bad"])
    assert all(problem.message and problem.column for problem in validated.problems)


@pytest.mark.parametrize("name", ["north", "riverside"])
def test_the_clean_files_have_no_problem(name: str) -> None:
    assert validate(read_table((DATA / f"customers-{name}.csv").read_bytes()), KNOWN).problems == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_encoding_and_separator_gives_the_same_row(encoding: str, delimiter: str, newline: str) -> None:
    text = newline.join((HEADER, ROW)).replace(",", delimiter)
    table = read_table(text.encode(encoding))
    assert table.columns == HEADER.split(",")
    assert table.rows == [(2, ROW.split(","))]


def test_bangla_digits_are_digits_everywhere() -> None:
    row = "রুপা,rupa,secret,Home 10,Monthly 1st,২০২৬-০২-০১,০১৭১১০০০০০০,৪৫০,১,০০০".replace("১,০০০", '"১,০০০.৫০"') + ","
    clean = checked(row).rows[2]
    assert (clean.joined_on, clean.mobile) == (date(2026, 2, 1), "01711000000")
    assert (clean.custom_price, clean.opening_due) == (450_00, 1_000_50)


def test_quoted_cells_may_hold_separators_and_line_breaks_and_rows_keep_their_numbers() -> None:
    validated = checked(
        '"Rahim, son of\nKarim",a,p,Home 10,Monthly 1st,2026-02-01,,,,', "", ROW, ROW.replace("rupa", "b")
    )
    assert list(validated.rows) == [2, 4, 5]
    assert validated.rows[2].name == "Rahim, son of Karim"


@pytest.mark.parametrize(
    ("cell", "value", "reason"),
    [
        ("name", "  ", "name missing"),
        ("username", "", "username missing"),
        ("password", "", "password missing"),
        ("package", "", "package missing"),
        ("package", "home 10", "unknown package"),
        ("billing_profile", "", "profile missing"),
        ("billing_profile", "Weekly", "unknown profile"),
        ("joined_on", "", "date missing"),
        ("joined_on", "2026-02-30", "date"),
        ("joined_on", "yesterday", "date"),
        ("mobile", "12", "mobile"),
        ("custom_price", "-5", "price"),
        ("opening_due", "abc", "amount"),
        ("opening_due", "1.234", "amount"),
        ("static_ip", "300.1.2.3", "ip"),
    ],
)
def test_a_bad_cell_is_named_with_its_row_column_and_reason(cell: str, value: str, reason: str) -> None:
    cells = dict(zip(HEADER.split(","), ROW.split(","), strict=True)) | {cell: value}
    problems = checked(ROW.replace("rupa", "first"), ",".join(cells.values())).problems
    assert [(problem.row, problem.column, problem.reason) for problem in problems] == [(3, cell, reason)]


def test_twins_within_the_file_are_refused_from_the_second_on() -> None:
    validated = checked(f"{ROW}100.80.0.1", f"{ROW.replace('rupa', 'b')}100.80.0.1", ROW, ROW.replace("rupa", "c"))
    assert [(problem.row, problem.reason) for problem in validated.problems] == [
        (3, "duplicate ip in file"),
        (4, "duplicate username in file"),
    ]
    assert "row 2" in validated.problems[1].message
    assert list(validated.rows) == [2, 5]


def test_a_row_of_another_width_is_refused_and_the_others_are_not() -> None:
    validated = checked("Rahim, son of Karim," + ROW, ROW)
    assert [(problem.row, problem.reason) for problem in validated.problems] == [(2, "cells")]
    assert list(validated.rows) == [3]


def test_a_header_is_read_kindly_and_what_is_not_used_is_said() -> None:
    validated = checked(
        ROW + ",x", header=HEADER.replace("billing_profile", " Billing Profile ").upper() + ",shoe size"
    )
    assert list(validated.rows) == [2]
    assert validated.ignored_columns == ["shoe_size"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        ("name;mobile\nরুপা;1".encode(), "lacks columns: username, password, package, billing_profile, joined_on"),
        (b"name,name\na,b", "more than one column"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF" * 9, "UTF-8 or UTF-16"),
        (b"name\xe9\x80,x", "UTF-8 or UTF-16"),
        (b"PK\x03\x04 not a workbook", "workbook"),
        (b'name,"x\na', "not a table"),
    ],
)
def test_what_is_no_table_is_refused_with_what_to_do(content: bytes, said: str) -> None:
    with pytest.raises(FileUnreadable, match=said):
        validate(read_table(content), KNOWN)


def test_a_workbook_gives_the_same_rows_as_a_csv() -> None:
    clean = validate(read_table(workbook()), KNOWN).rows[2]
    assert (clean.name, clean.username, clean.joined_on) == ("রুপা", "1001", date(2026, 2, 1))
    assert (clean.opening_due, clean.mobile) == (500_50, "01711000000")


def workbook() -> bytes:
    """The smallest XLSX: text, a whole number, a fraction and a day as spreadsheets store them."""
    header = "".join(f'<c t="inlineStr"><is><t>{name}</t></is></c>' for name in (
        "Name", "Username", "Password", "Package", "Billing profile", "Joined on", "Mobile", "Opening due",
    ))  # fmt: skip
    text = '<c t="inlineStr"><is><t>{}</t></is></c>'
    row = (
        text.format("রুপা") + "<c><v>1001</v></c>" + text.format("secret") + text.format("Home 10")
        + text.format("Monthly 1st") + '<c s="1"><v>46054</v></c>' + text.format("01711000000") + "<c><v>500.5</v></c>"
    )  # fmt: skip
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" '
        'ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets><sheet name="S" sheetId="1" '
        'r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{relations}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" '
        f'Type="{relations}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{main}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14" '
        'applyNumberFormat="1"/></cellXfs></styleSheet>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData><row>{header}</row><row>{row}</row>'
        "</sheetData></worksheet>",
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>' + content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("joined_on", "on", "ends_on"),
    [
        (date(2026, 1, 1), date(2026, 1, 1), date(2026, 1, 31)),
        (date(2026, 1, 1), date(2026, 1, 30), date(2026, 1, 31)),
        (date(2026, 1, 1), date(2026, 1, 31), date(2026, 3, 2)),
        (date(2026, 5, 1), date(2026, 1, 31), date(2026, 5, 1)),
    ],
)
def test_a_validity_ends_after_whole_validities_since_joining(joined_on: date, on: date, ends_on: date) -> None:
    assert validity_end(joined_on, 30, on) == ends_on
