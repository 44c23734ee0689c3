"""What goes onto paper comes out as it was said, in any script, as long as the document may be, and no longer."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import BoundedSemaphore

import pytest

from backhaul.web.paper import press
from backhaul.web.paper.document import MAX_CELLS, Column, Document, DocumentTooLong, Fact, Letterhead, Row, Table
from backhaul.web.paper.press import FontsMissing, print_document
from tests.printed import created_at, drawn_as_one, pages_of, text_of

SIMPLE = Document(
    title="Bill 7",
    head=Letterhead("Riverside Net"),
    dated_on=date(2026, 11, 2),
    language="en",
    page_words="Page {page} of {pages}",
)
WHAT = (Column("What", share=1), Column("Amount", figure=True))
MARKUP = ("#panic()", "]$", "*bold* _it_", "= heading", "`raw`", "@who <here>", "\\ // note /* x */", "#{1+1}", "$x^2$")


def listed(rows: int, *, columns: int = 4) -> Table:
    """A table as long as a ledger of an account."""
    figures = tuple(Column(f"Column {n}", figure=True) for n in range(columns))
    return Table(
        (Column("Day"), Column("What", share=1), *figures),
        tuple(
            Row((f"{n % 28 + 1} Nov 2026", f"Payment of customer {n}", *[f"{n * 137:,}.00"] * columns))
            for n in range(rows)
        ),
    )


@pytest.mark.parametrize("words", MARKUP)
def test_words_are_printed_and_never_run(words: str) -> None:
    document = replace(
        SIMPLE,
        title=words,
        head=Letterhead(words, "#0b7285", words),
        state=words,
        subtitle=words,
        facts=(Fact(words, words),),
        tables=(Table((Column(words),), (Row((words,), note=words), Row((words,), "heading")), title=words),),
        sum=Fact(words, words),
        notes=(words,),
        seal=words,
        page_words=words,
    )
    assert text_of(print_document(document)).count(words) == 17


def test_the_same_document_is_the_same_bytes_and_another_is_not() -> None:
    document = replace(SIMPLE, tables=(listed(3),))
    first = print_document(document)
    assert first == print_document(document)
    assert created_at(first) == "D:20261102000000Z"
    assert first != print_document(replace(document, dated_on=date(2026, 11, 3)))


def test_bangla_is_shaped_into_conjuncts_and_can_be_read_again() -> None:
    written = "ক্ষমা উজ্জ্বল বিল মোট তারিখ পরিমাণ"
    pdf = print_document(
        replace(SIMPLE, language="bn", title=written, tables=(Table(WHAT, (Row((written, "৳ ৫০")),)),))
    )
    assert text_of(pdf).count(written) == 2
    assert {"ক্ষ", "জ্জ্ব", "৳"} <= drawn_as_one(pdf)
    assert "্" not in drawn_as_one(pdf)  # no hasanta stands by itself


def test_arabic_is_joined() -> None:
    pdf = print_document(replace(SIMPLE, subtitle="محمد عبد الكريم"))
    assert any("\u0600" < letter[0] < "\u06ff" for letter in drawn_as_one(pdf))


def test_without_its_fonts_nothing_is_printed(tmp_path: Path) -> None:
    with pytest.raises(FontsMissing, match=r"NotoSansBengali_400Regular.ttf.*make setup"):
        print_document(SIMPLE, fonts=tmp_path)


def test_a_page_names_itself_and_the_head_of_the_books() -> None:
    head = Letterhead("Riverside Net", footer="House 7, Road 2")
    pages = pages_of(print_document(replace(SIMPLE, head=head, tables=(listed(120),), seal="Head of the books: ab12")))
    assert len(pages) > 2
    for number, words in enumerate(pages, start=1):
        assert f"Page {number} of {len(pages)}" in words
        assert ("House 7, Road 2" in words, "Head of the books: ab12" in words, "What" in words) == (True, True, True)


def test_few_rows_that_take_more_than_a_page_are_numbered_as_they_came_out() -> None:
    long = Table(WHAT, tuple(Row((f"{n} " + "many words " * 60, "1.00")) for n in range(20)))
    pages = pages_of(press.print_together([SIMPLE, replace(SIMPLE, tables=(long,)), SIMPLE]))
    numbered = [words.split("Page ")[1].split("\n")[0].strip() for words in pages]
    assert numbered == ["1 of 1", "1 of 3", "2 of 3", "3 of 3", "1 of 1"]


def test_a_word_without_a_break_stays_on_its_sheet() -> None:
    word = "x" * 400
    [page] = pages_of(print_document(replace(SIMPLE, tables=(Table(WHAT, (Row((word, "1.00")),)),))))
    assert page.count("x") >= 400
    assert max(len(line) for line in page.splitlines()) < 200


def test_five_thousand_lines_are_printed_in_time() -> None:
    pages = pages_of(print_document(replace(SIMPLE, tables=(listed(5000),))))
    assert "Payment of customer 4999" in pages[-1]


def test_who_prints_does_not_take_all_threads_that_serve_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(press, "_at_pages", BoundedSemaphore(1))
    with press._at_pages, pytest.raises(press.PressBusy, match="try again"):
        print_document(SIMPLE)
    assert print_document(SIMPLE).startswith(b"%PDF")


def test_what_is_too_long_or_takes_too_long_is_refused_in_words() -> None:
    with pytest.raises(DocumentTooLong, match="13,334 lines"):
        print_document(replace(SIMPLE, tables=(listed(MAX_CELLS // 3 + 1, columns=1),)))
    with pytest.raises(DocumentTooLong, match="too long to print"):
        print_document(replace(SIMPLE, tables=(listed(3000),)), seconds=0.05)
