"""The process that typesets: `typeset.py <fonts> <time of creation> [tagged]`; JSON comes in, a PDF goes out.

Nothing of the machine goes in: no fonts but the given ones, no packages, no clock.
"""

import resource
import sys
from pathlib import Path

import typst

MEMORY = 1_500_000_000  # of addresses, not of what is used


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    here = Path(__file__).parent
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[sys.argv[1]])
    made, warnings = typst.compile_with_warnings(
        str(here / "document.typ"),
        root=str(here),
        font_paths=fonts,
        sys_inputs={"data": sys.stdin.buffer.read().decode()},
        timestamp=int(sys.argv[2]),
        pdf_tags="tagged" in sys.argv[3:],
    )
    if warnings or made is None:
        sys.exit("\n".join(warning.message for warning in warnings))
    sys.stdout.buffer.write(made)


if __name__ == "__main__":
    main()
