"""What scripts/messages runs: Django's makemessages over the whole package, with our own words for sentences."""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django
from django.core.management import call_command
from django.core.management.commands import makemessages

import backhaul
from backhaul.common.errors import Refusal

CATALOGUE = Path("web/locale/bn/LC_MESSAGES/django.po")
KEYWORDS = ["--keyword=Question:2", "--keyword=words"]  # questions of verify; sentences of an explanation
HEAD = """# Bangla (বাংলা) words of the console. English is the source; `scripts/messages` collects it.
msgid ""
msgstr ""
"Project-Id-Version: backhaul\\n"
"Language: bn\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"
"""


def refusal_names(kind: type[Refusal] = Refusal) -> set[str]:
    """The names of all refusals of Python, whose first argument is a sentence."""
    return {kind.__name__}.union(*(refusal_names(each) for each in kind.__subclasses__()))


def read_contexts() -> None:
    """Imports every module of the package but tests, so that each refusal is known."""
    for module in pkgutil.walk_packages(backhaul.__path__, "backhaul."):
        if ".tests" not in module.name and ".migrations" not in module.name and "__main__" not in module.name:
            importlib.import_module(module.name)


class Command(makemessages.Command):
    def __init__(self) -> None:
        super().__init__()
        refused = [f"--keyword={name}" for name in sorted(refusal_names())]
        self.xgettext_options = [*makemessages.Command.xgettext_options, *KEYWORDS, *refused]


def tidy(catalogue: str) -> str:
    """The catalogue under our own head, without guesses of the merge: what was guessed waits for a translation."""
    entries = []
    for entry in catalogue.split("\n\n")[1:]:
        is_guess = "#, fuzzy" in entry
        sure = re.sub(r'^(msgstr(?:\[\d\])?) (?:".*"\n?)+', r'\1 ""\n', entry, flags=re.M) if is_guess else entry
        entries.append(re.sub(r"^#(?:, fuzzy.*|\|.*|, python.*)\n", "", sure, flags=re.M).strip())
    return HEAD + "\n" + "\n\n".join(entry for entry in entries if entry) + "\n"


def refusals() -> Iterator[str]:
    """The sentences with which the database refuses (refuse() in sql/functions)."""
    for file in sorted(Path().glob("*/sql/functions/*.sql")):
        for said in re.findall(r"refuse\('\w+',\s*'((?:[^']|'')+)'", file.read_text(encoding="utf-8")):
            yield said.replace("''", "'")


@contextmanager
def as_python(sentences: Iterable[str]) -> Iterator[None]:
    """The sentences in a Python file, where makemessages finds them, for as long as this lasts."""
    file = Path("sentences_of_the_database.py")
    file.write_text("".join(f"gettext_noop({sentence!r})\n" for sentence in sentences), encoding="utf-8")
    try:
        yield
    finally:
        file.unlink()


def main() -> None:
    django.setup()
    read_contexts()
    with as_python(refusals()):
        call_command(Command(), locale=["bn"], no_location=True, no_wrap=True, no_obsolete=True, verbosity=0,
                     ignore_patterns=["*/tests/*", "web/static/*"])  # fmt: skip
    CATALOGUE.write_text(tidy(CATALOGUE.read_text(encoding="utf-8")), encoding="utf-8")
    compiled = CATALOGUE.with_suffix(".mo")
    subprocess.run(["msgfmt", "--check", "-o", str(compiled), str(CATALOGUE)], check=True)
    waiting = subprocess.run(["msgattrib", "--untranslated", "--no-obsolete", "--no-wrap", str(CATALOGUE)],
                             check=True, capture_output=True, text=True).stdout  # fmt: skip
    sys.stdout.write(f"{waiting}\n{max(0, waiting.count('msgid ') - 1)} sentences wait for a translation\n")


main()
