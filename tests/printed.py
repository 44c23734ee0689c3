"""Reads what was printed back out of a PDF, as Chrome would copy it, and how its fonts draw it."""

from __future__ import annotations

import re
import zlib

import pypdfium2


def text_of(pdf: bytes) -> str:
    """The words of all pages, line by line."""
    return "\n".join(pages_of(pdf))


def pages_of(pdf: bytes) -> list[str]:
    with pypdfium2.PdfDocument(pdf) as document:
        return [page.get_textpage().get_text_bounded().replace("\r\n", "\n") for page in document]


def created_at(pdf: bytes) -> str:
    """The time of creation that the file bears."""
    with pypdfium2.PdfDocument(pdf) as document:
        return str(document.get_metadata_value("CreationDate"))


def drawn_as_one(pdf: bytes) -> set[str]:
    """Every run of characters that stands for one glyph: what a conjunct is when it was shaped."""
    found = set()
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            cmap = zlib.decompress(stream)
        except zlib.error:
            continue
        if b"begincmap" in cmap:
            for written in re.findall(rb"<[0-9A-Fa-f]{4}> <([0-9A-Fa-f]+)>", cmap):
                found.add(bytes.fromhex(written.decode()).decode("utf-16-be"))
    return found
