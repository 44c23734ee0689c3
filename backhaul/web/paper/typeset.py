"""The process that typesets: `typeset.py <fonts> [tagged] [each]`; a JSON list of documents comes in, a PDF goes out.

`each`: one PDF a document, before each of them its length in eight bytes. Nothing of the machine goes in: no fonts but
the given ones, no packages, no clock. The fonts are read once for all.
"""

import json
import re
import resource
import sys
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any

import typst

ROWS_OF_A_PAGE = 30  # about: with more, most documents take two
MEMORY = 1_500_000_000  # of addresses, not of what is used
HERE = Path(__file__).parent


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[sys.argv[1]])
    documents = json.load(sys.stdin.buffer)
    with TemporaryDirectory() as folder:
        root = Path(folder)
        for template in HERE.glob("*.typ"):
            copyfile(template, root / template.name)
        for document in documents:
            document["head"]["logo"] = _laid_out(document["head"]["logo"], root)
        if "each" not in sys.argv[2:]:
            sys.stdout.buffer.write(_set(documents, fonts, root))
            return
        for document in documents:
            made = _set([document], fonts, root)
            sys.stdout.buffer.write(len(made).to_bytes(8, "big") + made)


def _laid_out(logo: str, root: Path) -> str:
    """The name of the file into which a picture is put, beside the templates: they read no others."""
    if not logo:
        return ""
    name = f"{sha256(logo.encode()).hexdigest()}.png"
    if not (root / name).exists():
        (root / name).write_bytes(b64decode(logo))
    return name


def _set(documents: list[dict[str, Any]], fonts: typst.Fonts, root: Path) -> bytes:
    """The same file by either way. Where every document may take one page it is set so, which takes half the time; if
    the file then has more pages, their numbers are looked for."""
    inputs = {"data": json.dumps(documents, ensure_ascii=False)}
    if max(sum(len(table["rows"]) for table in document["tables"]) for document in documents) <= ROWS_OF_A_PAGE:
        made = _compiled(documents, fonts, root, inputs | {"one-page": "yes"})
        if len(re.findall(rb"/Type/Page\b", made)) == len(documents):
            return made
    return _compiled(documents, fonts, root, inputs)


def _compiled(documents: list[dict[str, Any]], fonts: typst.Fonts, root: Path, inputs: dict[str, str]) -> bytes:
    made, warnings = typst.compile_with_warnings(
        str(root / "press.typ"),
        root=str(root),
        font_paths=fonts,
        sys_inputs=inputs,
        timestamp=documents[0]["dated_at"],
        pdf_tags="tagged" in sys.argv[2:],
    )
    if warnings or not isinstance(made, bytes):
        sys.exit("\n".join(warning.message for warning in warnings))
    return made


if __name__ == "__main__":
    main()
