"""What import-linter cannot say: which modules of a context its neighbours may use."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "backhaul"
INNER = {"models", "tasks", "migrations", "drivers"}
# The user model and the directories are what every request starts from.
SHARED_TABLES = {"backhaul.identity.models"}


def imported_modules(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def inner_modules_used(package: Path) -> list[str]:
    """Imports of another context's inner modules, as `file: module`."""
    found = []
    for file in sorted(package.rglob("*.py")):
        context = file.relative_to(package).parts[0]
        for module in imported_modules(file):
            parts = module.split(".")
            foreign = len(parts) > 2 and parts[0] == "backhaul" and parts[1] != context
            if foreign and parts[2] in INNER and ".".join(parts[:3]) not in SHARED_TABLES:
                found.append(f"{file.relative_to(package)}: {module}")
    return found


def test_contexts_use_each_other_through_services_and_queries_only() -> None:
    assert inner_modules_used(PACKAGE) == []


def test_the_rule_sees_a_breach(tmp_path: Path) -> None:
    (tmp_path / "payments").mkdir()
    (tmp_path / "payments" / "services.py").write_text(
        "from backhaul.billing.models import Invoice\nfrom backhaul.billing import tasks\n"
        "from backhaul.billing import services\nfrom backhaul.payments import models\n"
    )
    assert inner_modules_used(tmp_path) == [
        "payments/services.py: backhaul.billing.models.Invoice",
        "payments/services.py: backhaul.billing.tasks",
    ]
