"""Pages must work under a content security policy without unsafe-inline, and in two languages."""

import re
from pathlib import Path

import pytest

WEB = Path(__file__).parent.parent
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(WEB)))
def test_no_template_has_inline_script_style_or_handler(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|hx-on|<script(?![^>]*\ssrc=)", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(WEB)))
def test_no_template_names_an_address_outside_the_host(path: Path) -> None:
    assert not re.findall(r"(?:src|href|action)=[\"'](?:https?:)?//", path.read_text())


def unescape(lines: str) -> str:
    joined = "".join(re.findall(r'"(.*)"', lines))
    return joined.replace(r"\n", "\n").replace(r"\"", '"')


def test_every_string_of_the_screens_is_translated_to_bangla() -> None:
    catalogue = (WEB / "locale/bn/LC_MESSAGES/django.po").read_text()
    assert "#, fuzzy" not in catalogue
    entries = re.findall(
        r'^msgid((?:\s".*")+)\n(?:msgid_plural.*\n(?:".*"\n)*)?msgstr(?:\[0\])?((?:\s".*")+)', catalogue, re.M
    )
    untranslated = [unescape(msgid) for msgid, msgstr in entries if unescape(msgid) and not unescape(msgstr)]
    assert len(entries) > 100
    assert untranslated == []


def test_the_catalogue_knows_every_plain_string_of_the_templates() -> None:
    catalogue = (WEB / "locale/bn/LC_MESSAGES/django.po").read_text()
    known = {unescape(entry) for entry in re.findall(r'^msgid((?:\s".*")+)', catalogue, re.M)}
    marked = re.compile(r"""{%\s*trans\s+(["'])(.+?)\1|_\((["'])(.+?)\3\)""")
    used = {m[2] or m[4] for path in TEMPLATES for m in marked.finditer(path.read_text())}
    assert sorted(used - known) == []
