"""The process that typesets: `typeset.py <fonts> [tagged] [each]`; a JSON list of documents comes in, a PDF goes out.

`each`: one PDF a document, before each of them its length in eight bytes. Nothing of the machine goes in: no fonts but
the given ones, no packages, no clock. The fonts are read once for all.
"""

import json
import resource
import sys
from pathlib import Path

import typst

MEMORY = 1_500_000_000  # of addresses, not of what is used
HERE = Path(__file__).parent


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[sys.argv[1]])
    documents = json.load(sys.stdin.buffer)
    if "each" not in sys.argv[2:]:
        sys.stdout.buffer.write(_set(documents, fonts))
        return
    for document in documents:
        made = _set([document], fonts)
        sys.stdout.buffer.write(len(made).to_bytes(8, "big") + made)


def _set(documents: list[dict[str, object]], fonts: typst.Fonts) -> bytes:
    made, warnings = typst.compile_with_warnings(
        str(HERE / "press.typ"),
        root=str(HERE),
        font_paths=fonts,
        sys_inputs={"data": json.dumps(documents, ensure_ascii=False)},
        timestamp=documents[0]["dated_at"],
        pdf_tags="tagged" in sys.argv[2:],
    )
    if warnings or not isinstance(made, bytes):
        sys.exit("\n".join(warning.message for warning in warnings))
    return made


if __name__ == "__main__":
    main()
