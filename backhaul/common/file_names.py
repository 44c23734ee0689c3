"""Names of files that people keep: of any language, and taken by every file system."""

from __future__ import annotations

import re
import unicodedata

MOST_BYTES = 140  # the least that a usual file system takes is 143
_UNSAFE = re.compile(r'[<>:"/\\|?*\s]+')
_DOTS_BEFORE = re.compile(r"(^| )[. ]+")
_JOINERS = "\u200c\u200d"  # Bangla is written with them; other marks without a shape may turn a name around


def numbered_name(number: int, name: str, ending: str) -> str:
    """ "1023 শিরীন আক্তার.pdf": the number keeps names apart. Slashes, colons, what cannot be seen and dots before words
    are gone, letters of every language stay; not too long in UTF-8."""
    seen = "".join(_seen(each) for each in unicodedata.normalize("NFC", f"{number} {name}"))
    plain = _DOTS_BEFORE.sub(" ", _UNSAFE.sub(" ", seen))
    cut = plain.encode()[: MOST_BYTES - len(ending.encode())].decode(errors="ignore")
    return cut.rstrip(" .") + ending


def _seen(character: str) -> str:
    if character.isspace():
        return " "
    return "" if unicodedata.category(character)[0] == "C" and character not in _JOINERS else character
