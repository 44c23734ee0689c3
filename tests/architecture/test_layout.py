"""The shape of the code itself (ARCHITECTURE §2): sizes, names, directions, and where the clock is read."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("backhaul", "config", "tests", "benchmarks", "scripts")
FILE_LINES, FUNCTION_LINES, SQL_FUNCTION_LINES = 400, 70, 150
VAGUE = {"utils", "util", "core", "base", "helpers", "helper", "misc", "common_utils", "lib"}
# Reads of the clock: only where a request, a command or a job begins, and in the clock itself.
CLOCK = re.compile(r"\b(timezone\.now|datetime\.now|datetime\.utcnow|datetime\.today|date\.today|time\.time)\(")
CLOCK_READERS = ("backhaul/common/clock.py", "backhaul/cli/", "backhaul/web/")
OUR_CLOCK = re.compile(r"^from backhaul\.common import .*\bclock\b|^from backhaul\.common\.clock import .*\bnow\b")
OUR_CLOCK_READERS = ("tasks.py", "backhaul/operators/progress.py")  # a job begins here, and ends there
CELL_NAME = re.compile(r"\bcell\d+\.\w")


def sources(*endings: str, folders: tuple[str, ...] = FOLDERS) -> list[Path]:
    return sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.suffix in endings and "node_modules" not in path.parts and "static" not in path.parts
    )


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and length of every Python function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def sql_functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and length of every SQL function: from CREATE to the line that closes its body."""
    name, start = "", 0
    for number, line in enumerate(lines_of(path), start=1):
        if found := re.match(r"CREATE (?:OR REPLACE )?FUNCTION (\w+)", line):
            name, start = found[1], number
        if name and (re.search(r"\$\$;?\s*$", line) and not re.search(r"AS \$\$\s*$", line)):
            yield name, number - start + 1
            name = ""


def test_no_file_is_longer_than_a_reader_bears() -> None:
    found = [
        f"{relative(path)}: {len(lines_of(path))} lines"
        for path in sources(".py", ".sql", ".html", ".css", ".js")
        if len(lines_of(path)) > FILE_LINES
    ]
    assert not found, "\n".join(found)


def test_no_function_is_longer_than_a_screen() -> None:
    found = [
        f"{relative(path)}: {name} has {length} lines"
        for paths, read, limit in (
            (sources(".py"), functions, FUNCTION_LINES),
            (sources(".sql"), sql_functions, SQL_FUNCTION_LINES),
        )
        for path in paths
        for name, length in read(path)
        if length > limit
    ]
    assert not found, "\n".join(found)


def test_the_length_of_sql_functions_is_seen() -> None:
    """The reader of SQL above is simple: it must know every function that there is."""
    for path in sources(".sql", folders=("backhaul",)):
        created = re.findall(r"^CREATE (?:OR REPLACE )?FUNCTION (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert [name for name, _ in sql_functions(path)] == created, relative(path)


def test_every_folder_says_what_is_in_it() -> None:
    folders = {path.parent for path in sources(".py", ".sql")}
    vague = [relative(folder) for folder in folders if VAGUE & set(folder.relative_to(ROOT).parts)]
    named = [relative(path) for path in sources(".py") if path.stem in VAGUE]
    assert vague + named == []


def test_every_context_stands_in_the_architecture() -> None:
    """`ls backhaul` is the architecture: no folder beside those that it names."""
    known = {
        "common", "identity", "operators", "ledger", "messaging", "network", "catalog", "funds", "subscribers",
        "billing", "payments", "resellers", "support", "people", "imports", "insights", "api", "web", "cli",
    }  # fmt: skip
    present = {path.name for path in (ROOT / "backhaul").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert present <= known


def test_no_code_names_a_cell() -> None:
    """Nothing is schema-qualified: the search path alone says which cell."""
    found = [
        f"{relative(path)}:{number}: {line.strip()}"
        for path in sources(".py", ".sql", folders=("backhaul", "config"))
        for number, line in enumerate(lines_of(path), start=1)
        if CELL_NAME.search(line)
    ]
    assert not found, "\n".join(found)


def test_the_clock_is_read_at_the_edges_only() -> None:
    found = [
        f"{relative(path)}:{number}: {line.strip()}"
        for path in sources(".py", folders=("backhaul",))
        for number, line in enumerate(lines_of(path), start=1)
        if not relative(path).startswith(CLOCK_READERS)
        and "/tests/" not in relative(path)
        and (CLOCK.search(line) or (OUR_CLOCK.search(line) and not relative(path).endswith(OUR_CLOCK_READERS)))
    ]
    assert not found, "\n".join(found)


def test_no_django_signals_of_our_own() -> None:
    signals = re.compile(r"django\.dispatch|django\.db\.models\.signals|\.connect\(\s*sender")
    assert [relative(path) for path in sources(".py", folders=("backhaul",)) if signals.search(path.read_text())] == []


def test_documents_name_files_that_exist() -> None:
    named = re.compile(r"`((?:backhaul|tests|docs|scripts|config)/[\w./-]+)`")
    missing = [
        f"{relative(document)}: {path}"
        for document in sorted((ROOT / "docs").rglob("*.md"))
        for path in named.findall(document.read_text(encoding="utf-8"))
        if not (ROOT / path).exists() and path != "backhaul/wiring.py"
    ]
    assert not missing, "\n".join(missing)


def test_imports_keep_their_direction() -> None:
    lint = Path(sys.executable).parent / "lint-imports"
    run = subprocess.run([lint, "--no-cache"], cwd=ROOT, text=True, capture_output=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("text", "length"),
    [("CREATE OR REPLACE FUNCTION f() RETURNS int\nLANGUAGE sql AS $$\n    SELECT 1\n$$;\n", 4)],
)
def test_an_sql_function_is_measured_whole(tmp_path: Path, text: str, length: int) -> None:
    (tmp_path / "f.sql").write_text(text)
    assert list(sql_functions(tmp_path / "f.sql")) == [("f", length)]
