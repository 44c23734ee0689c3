"""Typesets documents. Each in a process of its own, so that one too heavy ends alone: out of time, out of memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import BoundedSemaphore

from backhaul.common.errors import Refusal
from backhaul.web.paper.document import Document, DocumentTooLong

HERE = Path(__file__).parent
FONTS = HERE / "fonts"  # made by build.mjs
FACES = (
    "NotoSans_400Regular.ttf",
    "NotoSans_600SemiBold.ttf",
    "NotoSansBengali_400Regular.ttf",
    "NotoSansBengali_600SemiBold.ttf",
    "NotoSansArabic_400Regular.ttf",
    "NotoSansArabic_600SemiBold.ttf",
)
SECONDS = 30
BATCH_SECONDS = 300  # nobody waits for them at a page
JOIN_SECONDS = 600
TOO_HEAVY = "This document takes too long to print; choose fewer days, or take the file for spreadsheets."
BUSY = "Many documents are being printed at this moment; try again in half a minute."
_presses = BoundedSemaphore(2)  # at once in one process of ours: typesetting takes a processor
_at_pages = BoundedSemaphore(4)  # printed or waiting for a press: whoever waits holds a thread that serves pages


class PressBusy(Refusal):
    """As many documents are being printed for people at pages as may be: the others' pages must be served."""

    code = "press_busy"


class FontsMissing(RuntimeError):
    """Without its fonts a document would be boxes instead of letters: none is printed."""


class NotPrinted(RuntimeError):
    """Typesetting failed. The template is ours and values are never markup: a fault of ours."""


def print_document(document: Document, *, seconds: float = SECONDS, fonts: Path = FONTS) -> bytes:
    """The document as a PDF: the same bytes for the same document. Raises DocumentTooLong, PressBusy, FontsMissing."""
    if not _at_pages.acquire(blocking=False):
        raise PressBusy(BUSY)
    try:
        return _typeset([document], ["tagged"] if document.is_tagged else [], seconds, fonts)
    finally:
        _at_pages.release()


def print_together(documents: Sequence[Document]) -> bytes:
    """Documents as one PDF, in order; about a hundred at a time, memory grows with them. Raises as print_document."""
    return _typeset(documents, [], BATCH_SECONDS, FONTS)


def print_each(documents: Sequence[Document]) -> list[bytes]:
    """Documents as one PDF each, by one process. Raises as print_document."""
    printed, rest = [], memoryview(_typeset(documents, ["each"], BATCH_SECONDS, FONTS))
    while rest:
        length = int.from_bytes(rest[:8], "big")
        printed.append(bytes(rest[8 : 8 + length]))
        rest = rest[8 + length :]
    return printed


def join(parts: Sequence[Path], whole: Path) -> None:
    """Write PDFs one after the other as one; in a process of its own, which gives its memory back."""
    command = [sys.executable, "-I", str(HERE / "join.py"), str(whole), *map(str, parts)]
    done = subprocess.run(command, capture_output=True, timeout=JOIN_SECONDS, check=False)
    if done.returncode:
        raise NotPrinted(done.stderr.decode(errors="replace")[-2000:])


def _typeset(documents: Sequence[Document], how: list[str], seconds: float, fonts: Path) -> bytes:
    missing = [face for face in FACES if not (fonts / face).is_file()]
    if missing:
        raise FontsMissing(f"{fonts} lacks {', '.join(missing)}: run `make setup`, which builds the web assets")
    data = json.dumps([document.as_data() for document in documents], ensure_ascii=False).encode()
    command = [sys.executable, "-I", str(HERE / "typeset.py"), str(fonts), *how]
    with _presses:
        try:
            done = subprocess.run(command, input=data, capture_output=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            raise DocumentTooLong(TOO_HEAVY) from None
    if done.returncode < 0:  # ended by a signal: it asked for more memory than it may have
        raise DocumentTooLong(TOO_HEAVY)
    if done.returncode:
        raise NotPrinted(done.stderr.decode(errors="replace")[-2000:])
    return done.stdout
