"""The rules that every cell's catalogue keeps (ARCHITECTURE §4). Each returns what breaks it, one line per finding."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.conf import settings

from backhaul.operators.row_security import HandedDown, Owned, Tree
from tests.architecture import exceptions
from tests.architecture.catalogue import (
    ForeignKey,
    Function,
    Table,
    declarations,
    declared_definers,
    owner_column,
)
from tests.architecture.places import Connection

RANKS = {
    "operators": 0, "ledger": 1, "network": 1, "catalog": 2, "funds": 2, "subscribers": 3, "billing": 4, "payments": 5,
}  # fmt: skip
ENUMERATIONS = {
    "kind", "mode", "method", "effect", "what", "access", "expired_access", "cycle", "billing_type", "connection_type",
    "on_suspend", "ended_by", "side", "role", "reason", "status", "party_kind", "debit_party", "credit_party",
}  # fmt: skip
TYPES = {"_minor": {"bigint"}, "_on": {"date"}, "_at": {"timestamp with time zone"}, "_id": {"bigint"}}

Rule = Callable[[dict[str, Table]], Iterator[str]]


def declared() -> dict[str, Owned]:
    return {table.name: table for _, table in declarations()}


def owned_pairs(tables: dict[str, Table]) -> Iterator[tuple[Table, Owned]]:
    for name, declaration in declared().items():
        if name in tables:
            yield tables[name], declaration


def tables_are_declared_once(tables: dict[str, Table]) -> Iterator[str]:
    names = [table.name for _, table in declarations()]
    yield from (f"{name}: two contexts declare it" for name in set(names) if names.count(name) > 1)
    yield from (f"{name}: in the database, in no context's TABLES" for name in tables.keys() - set(names))
    yield from (f"{name}: declared, not in the database" for name in set(names) - tables.keys())


def row_security_is_forced(tables: dict[str, Table]) -> Iterator[str]:
    for table in tables.values():
        if not (table.secured and table.forced):
            yield f"{table.name}: row-level security is not enabled and forced"
        if table.owner != "backhaul_owner":
            yield f"{table.name}: belongs to {table.owner}"


def expected_rights(table: Owned) -> set[tuple[str, str]]:
    roles = {"app": table.app, "batch": table.batch, "books": table.books, "auditor": "" if table.secret else "S"}
    return {(role, letter) for role, letters in roles.items() for letter in letters}


def policies_are_as_declared(tables: dict[str, Table]) -> Iterator[str]:
    """One policy per role and command, none FOR ALL, none for two roles, none that reads a table."""
    for table, declaration in owned_pairs(tables):
        found = [(role, letter) for role, letter, _, _ in table.policies]
        wanted = expected_rights(declaration) | {("owner", letter) for letter in "SIUD"}
        yield from (f"{table.name}: policy {pair} twice" for pair in set(found) if found.count(pair) > 1)
        yield from (f"{table.name}: policy {pair} is not declared" for pair in set(found) - wanted)
        yield from (f"{table.name}: no policy for {pair}" for pair in wanted - set(found))
        for role, letter, *expressions in table.policies:
            if any("FROM" in (expression or "").replace("IS DISTINCT FROM", "") for expression in expressions):
                yield f"{table.name}: policy of {role} {letter} reads a table"


def policies_say_what_is_declared(connection: Connection, tables: dict[str, Table]) -> list[str]:
    """The conditions themselves, compared with those that PostgreSQL prints for the declared ones."""
    found: list[str] = []
    for table, declaration in owned_pairs(tables):
        connection.execute(f"CREATE TEMP TABLE mirror (LIKE {table.name})")
        for role, letter, using, check in table.policies:
            mine = role == "app"
            seen = declaration.reads() if letter == "S" else declaration.writes()
            command = {"S": "SELECT", "I": "INSERT", "U": "UPDATE", "D": "DELETE"}[letter]
            parts = [
                "" if letter == "I" else f"USING ({seen if mine else 'true'})",
                f"WITH CHECK ({declaration.leaves() if mine else 'true'})" if letter in "IU" else "",
            ]
            connection.execute(f"CREATE POLICY mirror ON mirror FOR {command} {' '.join(parts)}")
            printed = connection.execute(
                "SELECT qual, with_check FROM pg_policies WHERE tablename = 'mirror' AND policyname = 'mirror'"
            ).fetchone()
            if printed != (using, check):
                found.append(f"{table.name}: policy of {role} {letter} says {using} / {check}")
            connection.execute("DROP POLICY mirror ON mirror")
        connection.execute("DROP TABLE mirror")
    return found


def grants_are_as_declared(tables: dict[str, Table]) -> Iterator[str]:
    for table, declaration in owned_pairs(tables):
        narrowed = {("app", letter) for letter in declaration.app_columns}
        wanted = expected_rights(declaration) - narrowed
        yield from (f"{table.name}: grant {pair} is not declared" for pair in table.grants - wanted)
        yield from (f"{table.name}: grant {pair} is missing" for pair in wanted - table.grants)
        columns = {
            ("app", letter, column.strip())
            for letter, names in declaration.app_columns.items()
            for column in names.split(",")
        }
        yield from (f"{table.name}: column grant {each} is not declared" for each in table.column_grants - columns)
        yield from (f"{table.name}: column grant {each} is missing" for each in columns - table.column_grants)


def money_is_written_by_books_only(tables: dict[str, Table]) -> Iterator[str]:
    for table in tables.values():
        rights = table.grants | {(role, letter) for role, letter, _ in table.column_grants}
        if table.name in exceptions.MONEY:
            yield from (f"{table.name}: app has {right}" for role, right in rights if role == "app" and right != "S")
        if table.name in exceptions.APPEND_ONLY:
            yield from (f"{table.name}: {role} has {right}" for role, right in rights if right not in {"S", "I"})
        yield from (f"{table.name}: {role} may truncate" for role, right in rights if right == "TRUNCATE")
    yield from (f"{name}: in exceptions.py, not in the database" for name in exceptions.MONEY - tables.keys())
    yield from (f"{name}: in exceptions.py, not in the database" for name in exceptions.APPEND_ONLY - tables.keys())


def names_an_operator(column: str) -> bool:
    return column in {"operator_id", "child_id", "parent_id", "isp_id"} or column.endswith(
        ("_operator_id", "_child_id")
    )


def owners_come_first(tables: dict[str, Table]) -> Iterator[str]:
    """The owner is required, and the first thing that every index and unique rule looks at."""
    for table, declaration in owned_pairs(tables):
        owner = owner_column(declaration)
        if owner is None:
            continue
        if not table.columns[owner].required:
            yield f"{table.name}: {owner} may be NULL"
        for index in table.indexes:
            first = index.columns[0]
            named = names_an_operator(first) or (first == "id" and isinstance(declaration, Tree))
            if not named and index.name not in exceptions.INDEX_NOT_BY_OPERATOR:
                yield f"{table.name}: index {index.name} begins with {first}, not with an operator"
            shared = index.unique and owner not in index.columns and not isinstance(declaration, Tree)
            if shared and index.name not in exceptions.UNIQUE_OVER_OPERATORS:
                yield f"{table.name}: {index.name} is unique over all operators"


def references_are_whole(tables: dict[str, Table]) -> Iterator[str]:
    """Composite, within one operator or to a row handed down, checked at once, never acting by themselves, indexed."""
    known = declared()
    for table, declaration in owned_pairs(tables):
        for key in table.foreign_keys:
            faults = _faults(table, declaration, key, known[key.table])
            yield from (f"{table.name}: {key.name} {what}" for what in faults)


def _faults(table: Table, declaration: Owned, key: ForeignKey, target: Owned) -> Iterator[str]:
    if key.deferrable or not key.validated or key.acts:
        yield "is deferrable, not validated or acts by itself"
    owner, theirs = owner_column(declaration), owner_column(target)
    if theirs not in key.targets:
        yield f"does not include the owner of {target.name}"
    elif not isinstance(target, (HandedDown, Tree)) and key.columns[key.targets.index(theirs)] != owner:
        yield f"joins rows of {target.name} by another operator than its own"
    elif isinstance(target, HandedDown) and set(declaration.app) & set("IU"):
        named = key.columns[key.targets.index(theirs)]
        if named not in {*declaration.refers, owner}:
            yield f"lets app name any operator's {target.name}: add {named} to `refers` in tables.py"
    loose = [column for column in key.columns if not table.columns[column].required]
    if len(loose) > 1 and not any(set(loose) <= set(columns) for columns in table.checks.values()):
        yield f"is not checked when only one of {loose} is NULL: add CHECK ((a IS NULL) = (b IS NULL))"
    serving = {None, *(f"({column} IS NOT NULL)" for column in key.columns)}  # NULL refers to nothing
    if not any(
        set(index.columns[: len(key.columns)]) == set(key.columns) and index.predicate in serving
        for index in table.indexes
    ):
        yield f"has no index that begins with {key.columns}"


def identifiers_are_references(tables: dict[str, Table]) -> Iterator[str]:
    """A column named like a reference is one, or says why not."""
    for table in tables.values():
        covered: set[str] = set()
        for key in table.foreign_keys:  # where a column is NULL nothing is checked: such a key covers just that column
            loose = {column for column in key.columns if not table.columns[column].required}
            covered |= loose or set(key.columns)
        excused = {**exceptions.NO_FOREIGN_KEY["*"], **exceptions.NO_FOREIGN_KEY.get(table.name, {})}
        for column in table.columns:
            if column.endswith("_id") and column not in covered and column not in excused:
                yield f"{table.name}.{column}: no foreign key, and no reason in exceptions.py"
        for column in exceptions.NO_FOREIGN_KEY.get(table.name, {}).keys() & covered:
            yield f"{table.name}.{column}: has a foreign key; take it out of exceptions.py"


def further_references_are_there(tables: dict[str, Table]) -> Iterator[str]:
    """What a person may do hangs on these: a role is the operator's own, a module comes from its parent."""
    for name, wanted in exceptions.FURTHER_REFERENCES.items():
        kept = {key.columns for key in tables[name].foreign_keys} if name in tables else set()
        yield from (f"{name}: no foreign key of {columns}" for columns in wanted - kept)


def references_point_downwards(tables: dict[str, Table]) -> Iterator[str]:
    contexts = {table.name: context for context, table in declarations()}
    yield from (f"{context}: give it a rank in rules.py" for context in set(settings.CELL_CONTEXTS) - RANKS.keys())
    for table, _ in owned_pairs(tables):
        for key in table.foreign_keys:
            here, there = contexts[table.name], contexts[key.table]
            if here != there and RANKS[there] >= RANKS[here]:
                yield f"{table.name}: {key.name} points from {here} to {there}"


def columns_are_typed(tables: dict[str, Table]) -> Iterator[str]:
    """Enumerations are checked text; money, days, instants and ids have one type each."""
    for table in tables.values():
        for column in table.columns.values():
            where = f"{table.name}.{column.name}"
            listed = column.name in ENUMERATIONS and column.type == "text" and where not in exceptions.NO_ENUMERATION
            if listed and not any(column.name in columns for columns in table.checks.values()):
                yield f"{where}: an enumeration without CHECK"
            for ending, types in TYPES.items():
                if column.name.endswith(ending) and column.type not in types and column.name != "acct_session_id":
                    yield f"{where}: is {column.type}"


def exceptions_are_needed(tables: dict[str, Table]) -> Iterator[str]:
    indexes = {index.name for table in tables.values() for index in table.indexes}
    for listed in (exceptions.INDEX_NOT_BY_OPERATOR, exceptions.UNIQUE_OVER_OPERATORS):
        yield from (f"{name}: in exceptions.py, not in the database" for name in listed.keys() - indexes)
    for name, columns in exceptions.NO_FOREIGN_KEY.items():
        known = tables[name].columns if name in tables else {}
        if name != "*":
            yield from (f"{name}.{column}: in exceptions.py, not in the database" for column in columns.keys() - known)


RULES: list[Rule] = [
    tables_are_declared_once,
    row_security_is_forced,
    policies_are_as_declared,
    grants_are_as_declared,
    money_is_written_by_books_only,
    owners_come_first,
    references_are_whole,
    identifiers_are_references,
    further_references_are_there,
    references_point_downwards,
    columns_are_typed,
    exceptions_are_needed,
]


def findings(connection: Connection, tables: dict[str, Table]) -> list[str]:
    """Everything that breaks a rule about tables."""
    return [
        *(line for rule in RULES for line in sorted(rule(tables))),
        *policies_say_what_is_declared(connection, tables),
    ]


def function_findings(functions: list[Function], cell: str) -> list[str]:
    """Everything that breaks a rule about functions."""
    definers = {function.name: function for function in declared_definers()}
    found = [f"{name}: declared, not in the database" for name in definers.keys() - {each.name for each in functions}]
    for function in functions:
        if function.leakproof or "PUBLIC" in function.callers:
            found.append(f"{function.signature}: leakproof, or open to PUBLIC")
        if not function.definer:
            if function.name in definers or function.owner != "backhaul_owner":
                found.append(f"{function.signature}: declared as definer and is none, or belongs to {function.owner}")
            continue
        if function.name not in definers:
            found.append(f"{function.signature}: SECURITY DEFINER, in no context's FUNCTIONS")
            continue
        if function.owner != "backhaul_books":
            found.append(f"{function.signature}: belongs to {function.owner}")
        if f"search_path={cell}, ext, pg_temp" not in function.config:
            found.append(f"{function.signature}: runs with {function.config}")
        callers = {f"backhaul_{role}" for role in definers[function.name].execute}
        if function.callers != callers:
            found.append(f"{function.signature}: may be called by {sorted(function.callers)}, not {sorted(callers)}")
    return sorted(found)
