"""Where a context keeps its SQL: `sql/tables*.sql`, applied once, and `sql/functions/*.sql`, at every set-up."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


def tables_sql(context: str) -> str:
    """The statements that create a context's tables in one cell."""
    files = sorted((PACKAGE / context / "sql").glob("tables*.sql"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def function_files(context: str, *, shared: bool = False) -> list[Path]:
    """Files of CREATE OR REPLACE statements, in the order to apply; `shared` = those of the public schema."""
    folder = PACKAGE / context / "sql" / ("shared_functions" if shared else "functions")
    return sorted(folder.glob("*.sql"))
