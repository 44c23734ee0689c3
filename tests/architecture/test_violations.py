"""Every constraint has a statement that it, and nothing else, refuses, and a neighbour of that which it lets pass.

The statements run as superuser, so that no policy or grant can refuse in its place. A constraint without one fails.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from tests.architecture.catalogue import ForeignKey, Table, declarations, owner_column, read_tables
from tests.architecture.places import Connection, Place, attempt
from tests.architecture.samples import Operator, Sample, Values, all_samples, cast_of, insert

OWNERS = {table.name: owner_column(table) for _, table in declarations()}


def test_every_constraint_refuses_what_violates_it(populated: Place) -> None:
    with populated.connected() as connection:
        broken = unrefused(connection, populated)
    assert not broken, "\n".join(broken)


def unrefused(connection: Connection, place: Place, only: str | None = None) -> list[str]:
    """One sweep, table by table: two rows of a newcomer are built up, and each change to them is tried on the way;
    `only`: changes to the rows of that table alone."""
    cast = cast_of(place.number)
    tables = read_tables(connection, place.cell)
    samples = all_samples()
    broken = [f"{name}: no sample in tests/architecture/samples" for name in tables.keys() - names(samples)]
    broken += [f"{name}: a sample of no table" for name in names(samples) - tables.keys()]
    for name, key in {"books": "operator_id", "operator": "id"}.items():  # a populated cell has these of a newcomer
        connection.execute(f"DELETE FROM {name} WHERE {key} = %s", [cast["newcomer"].id])
    for sample in samples:
        if sample.table in tables and only in (None, sample.table):
            broken += sweep(connection, tables[sample.table], sample, cast)
        elif sample.table in tables:
            build_up(connection, sample, cast["newcomer"])
    return broken


def names(samples: list[Sample]) -> set[str]:
    return {sample.table for sample in samples}


def sweep(connection: Connection, table: Table, sample: Sample, cast: dict[str, Operator]) -> Iterator[str]:
    newcomer = cast["newcomer"]
    yield from uncovered(table, sample)
    k = 1 if sample.one_each else 2
    if not sample.one_each:
        connection.execute(insert(sample, newcomer, 1))
    yield from requirements(connection, table, sample, newcomer, k)
    yield from conditions(connection, table, sample, newcomer, k)
    yield from references(connection, table, sample, cast, k)
    yield from uniqueness(connection, table, sample, newcomer)
    connection.execute(insert(sample, newcomer, k))


def build_up(connection: Connection, sample: Sample, newcomer: Operator) -> None:
    """The rows that a sweep leaves, without its tries."""
    for k in (1,) if sample.one_each else (1, 2):
        connection.execute(insert(sample, newcomer, k))


def requirements(connection: Connection, table: Table, sample: Sample, newcomer: Operator, k: int) -> Iterator[str]:
    for column in table.columns.values():
        if column.required and not column.generated:
            error = attempt(connection, insert(sample, newcomer, k, **{column.name: "NULL"}))
            if not (isinstance(error, psycopg.errors.NotNullViolation) and error.diag.column_name == column.name):
                yield f"{table.name}.{column.name}: NULL gave {told(error)}"


def conditions(connection: Connection, table: Table, sample: Sample, newcomer: Operator, k: int) -> Iterator[str]:
    for name, check in sample.checks.items():
        error = attempt(connection, insert(sample, newcomer, k, **check.refused))
        if not isinstance(error, psycopg.errors.CheckViolation) or error.diag.constraint_name != name:
            yield f"{table.name}: {name} did not refuse {check.refused}: {told(error)}"
        passed = attempt(connection, insert(sample, newcomer, k, **check.but))
        if passed != 1:
            yield f"{table.name}: beside {name}, {check.but or 'the sample'} did not pass: {told(passed)}"


def told(outcome: psycopg.Error | int) -> str:
    return f"{outcome} row" if isinstance(outcome, int) else str(outcome).splitlines()[0]


def uncovered(table: Table, sample: Sample) -> Iterator[str]:
    """What the catalogue has and the sample does not know, and the other way round."""
    yield from (f"{table.name}: {name} has no Check in its sample" for name in table.checks.keys() - sample.checks)
    yield from (f"{table.name}: {name} is not in the database" for name in sample.checks.keys() - table.checks)
    uniques = {", ".join(index.columns) for index in table.indexes if index.unique and not index.primary}
    yield from (f"{table.name}: unique ({columns}) is not in its sample" for columns in uniques - sample.uniques.keys())
    primary = {", ".join(index.columns) for index in table.indexes if index.primary}
    yield from (
        f"{table.name}: unique ({columns}) is not in the database"
        for columns in sample.uniques.keys() - uniques - primary
    )
    keys = {key.name for key in table.foreign_keys}
    yield from (f"{table.name}: {name} is not in the database" for name in sample.along.keys() - keys)
    if not any(index.primary for index in table.indexes):
        yield f"{table.name}: no primary key"


def references(
    connection: Connection, table: Table, sample: Sample, cast: dict[str, Operator], k: int
) -> Iterator[str]:
    """A row that does not exist is refused, and so is one that exists at another operator."""
    for key in table.foreign_keys:
        for change in misdirected(table, sample, key, cast):
            error = attempt(connection, insert(sample, cast["newcomer"], k, **change))
            if not isinstance(error, psycopg.errors.ForeignKeyViolation) or error.diag.constraint_name != key.name:
                yield f"{table.name}: {key.name} did not refuse {change}: {told(error)}"


def misdirected(table: Table, sample: Sample, key: ForeignKey, cast: dict[str, Operator]) -> Iterator[Values]:
    """Changes that let a foreign key point to nothing, and to a stranger's row; the table's other keys stay silent."""
    owner = str(OWNERS[table.name])
    others = [column for each in table.foreign_keys for column in each.columns if column not in key.columns]
    silent: Values = {column: "NULL" for column in others if not table.columns[column].required}
    filled: Values = {column: "{me}" for column in key.columns if column not in sample.values}
    pointing = [column for column in key.columns if column != owner] or [owner]
    pointing.sort(key=lambda column: column.endswith("_id"))  # a part or a day of what is pointed to comes first
    stranger = cast["meghna" if key.table == "operator" and "isp_id" in key.columns else "rival"].id
    for to in (1,) if pointing == [owner] else (1, stranger):
        along = {column: text.replace("{to}", str(to)) for column, text in sample.along.get(key.name, {}).items()}
        yield {**silent, **filled, pointing[-1]: str(to), **along}


def uniqueness(connection: Connection, table: Table, sample: Sample, newcomer: Operator) -> Iterator[str]:
    """Two rows that differ in all but the columns of the rule."""
    primary = {column for index in table.indexes if index.primary for column in index.columns}
    for index in table.indexes:
        implied = not index.primary and primary <= set(index.columns)  # there as a key's target
        if not index.unique or implied:
            continue
        clash = sample.uniques.get(", ".join(index.columns), {})
        values = {**sample.values, **clash}
        same = {name: values[name].format(**newcomer.values(3)) for name in index.columns if name in values}
        connection.execute("SAVEPOINT unique_rule")
        connection.execute("SET LOCAL session_replication_role = replica")  # foreign keys are silent
        connection.execute(insert(sample, newcomer, 3, **clash))
        error = attempt(connection, insert(sample, newcomer, 2, **{**clash, **same}))
        connection.execute("ROLLBACK TO SAVEPOINT unique_rule")
        if not isinstance(error, psycopg.errors.UniqueViolation) or error.diag.constraint_name != index.name:
            yield f"{table.name}: {index.name} did not refuse {same}: {told(error)}"
