"""The process that joins PDFs: `join.py <whole> <part>…`."""

import sys

import pypdfium2


def main() -> None:
    whole = pypdfium2.PdfDocument.new()
    for path in sys.argv[2:]:
        with pypdfium2.PdfDocument(path) as part:
            whole.import_pages(part)
    whole.save(sys.argv[1])


if __name__ == "__main__":
    main()
