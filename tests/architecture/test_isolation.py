"""Who reads and writes whose rows, by raw SQL as the app role: every owned table, every operator of the cast."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from backhaul.operators.row_security import Books, Edge, HandedDown, Own, Owned, Reference, Tree
from tests.architecture.catalogue import declarations, owner_column
from tests.architecture.exceptions import APP_DELETES
from tests.architecture.places import Connection, Place, act, attempt
from tests.architecture.samples import Operator, Sample, all_samples, cast_of, insert, number_of

DECLARED = {table.name: table for _, table in declarations()}
SAMPLES = {sample.table: sample for sample in all_samples()}
OWNED = [table for table in DECLARED.values() if not isinstance(table, Reference)]


def seen(connection: Connection, table: Owned, cast: dict[str, Operator]) -> set[str]:
    """The names of those operators of the cast of which the connection sees rows."""
    column = owner_column(table)
    ids = [operator.id for operator in cast.values()]
    rows = connection.execute(f"SELECT DISTINCT {column} FROM {table.name} WHERE {column} = ANY (%s)", [ids]).fetchall()
    names = {operator.id: name for name, operator in cast.items()}
    return {names[row[0]] for row in rows}


def entitled(table: Owned, me: str, cast: dict[str, Operator], granted: frozenset[str] = frozenset()) -> set[str]:
    """Of whom `me` is to see rows. `granted`: children that let it see their customers."""
    path = cast[me].path
    parents = {name: operator.path[-2] for name, operator in cast.items() if len(operator.path) > 1}
    children = {name for name, parent in parents.items() if parent == cast[me].id}
    ancestors = {name for name, operator in cast.items() if operator.id in path[:-1]}
    if isinstance(table, Tree):
        return {me, *ancestors, *children, *granted}
    if isinstance(table, Edge):
        return {me, *children} & {name for name in parents if name != "newcomer"}
    if isinstance(table, Books):
        holders = {me}
    else:
        holders = {me, *granted, *(ancestors if isinstance(table, HandedDown) else ())}
    without = {name for name, operator in cast.items() if SAMPLES[table.name].edge and len(operator.path) == 1}
    return holders if table.name == "books" else holders - {"newcomer"} - without


def reads(populated: Place, me: str, granted: frozenset[str] = frozenset()) -> list[str]:
    cast = cast_of(populated.number)
    broken = []
    with populated.connected("app") as connection:
        act(connection, cast[me].id, path=cast[me].path, visible=tuple(cast[name].id for name in (me, *granted)))
        for table in OWNED:
            found, wanted = seen(connection, table, cast), entitled(table, me, cast, granted)
            if found != wanted:
                broken.append(f"{table.name}: {me} sees {sorted(found)}, not {sorted(wanted)}")
    return broken


@pytest.mark.parametrize("me", cast_of(1))
def test_an_operator_reads_what_its_class_of_table_says_and_no_more(populated: Place, me: str) -> None:
    broken = reads(populated, me)
    assert not broken, "\n".join(broken)


def test_a_grant_opens_customers_and_neither_books_nor_edges(populated: Place) -> None:
    broken = reads(populated, "north", frozenset({"riverside"}))
    assert not broken, "\n".join(broken)


def test_the_cast_has_rows_in_every_table_or_the_tests_above_prove_nothing(populated: Place) -> None:
    cast = cast_of(populated.number)
    with populated.connected() as connection:
        for table in OWNED:
            missing = set(cast) - {"newcomer"} - seen(connection, table, cast)
            assert missing <= ({"padma", "meghna"} if SAMPLES[table.name].edge else set()), table.name


@pytest.mark.parametrize("how", ["never set", "cleared"])
def test_without_an_acting_operator_there_are_no_rows(populated: Place, how: str) -> None:
    cast = cast_of(populated.number)
    with populated.connected("app") as connection:
        if how == "cleared":  # after SET LOCAL the setting is '' and not NULL
            act(connection, cast["padma"].id, path=cast["padma"].path)
            connection.rollback()
        for table in OWNED:
            assert connection.execute(f"SELECT count(*) FROM {table.name}").fetchone() == (0,), table.name


def test_two_isps_in_two_cells_see_nothing_of_each_other(populated: Place) -> None:
    """Even with the right operator named, the wrong cell has nothing of it."""
    elsewhere = cast_of(populated.number % 3 + 1)
    with populated.connected("app") as connection:
        act(connection, elsewhere["padma"].id, path=elsewhere["padma"].path)
        for table in OWNED:
            assert connection.execute(f"SELECT count(*) FROM {table.name}").fetchone() == (0,), table.name


def denied(outcome: psycopg.Error | int) -> bool:
    return isinstance(outcome, InsufficientPrivilege)


def test_writes_reach_own_rows_only_and_as_granted(populated: Place) -> None:
    broken = writes(populated)
    assert not broken, "\n".join(broken)


def writes(populated: Place) -> list[str]:
    """A newcomer builds up its first rows as app; on the way every foreign write is tried beside the own one.

    It is made to see everybody's rows: what it sees (of a child that granted it) must not be what it may write.
    """
    cast = cast_of(populated.number)
    newcomer = cast["newcomer"]
    broken: list[str] = []
    with populated.connected("app") as connection:
        act(connection, newcomer.id, path=newcomer.path, visible=tuple(operator.id for operator in cast.values()))
        for name, sample in SAMPLES.items():
            table = DECLARED[name]
            if isinstance(table, Reference):
                continue
            if "I" in table.app:
                broken += [f"{name}: {line}" for line in inserts(connection, table, sample, cast)]
            elif not denied(attempt(connection, insert(sample, newcomer, 9))):
                broken.append(f"{name}: app inserts")
            broken += [f"{name}: {line}" for line in changes(connection, table, cast)]
    return broken


def inserts(connection: Connection, table: Owned, sample: Sample, cast: dict[str, Operator]) -> Iterator[str]:
    newcomer, rival, north = cast["newcomer"], cast["rival"], cast["north"]
    for other in ("rival", "bayside", "north", "padma", "meghna"):
        if not denied(attempt(connection, insert(sample, cast[other], 9))):
            yield f"inserts a row of {other}"
    for column in table.refers:
        reference = column.removesuffix("_operator_id") + "_id"
        strange = {column: str(rival.id), reference: str(number_of(rival.id, 1))}
        if not denied(attempt(connection, insert(sample, newcomer, 1, **strange))):
            yield f"refers to a row of a rival by {column}"
        handed = {column: str(north.id), reference: str(number_of(north.id, 1))}
        if attempt(connection, insert(sample, newcomer, 1, **handed)) != 1:
            yield f"cannot refer to a row handed down by {column}"
    if connection.execute(insert(sample, newcomer, 1)).rowcount != 1:
        yield "does not insert its own row"


def changes(connection: Connection, table: Owned, cast: dict[str, Operator]) -> Iterator[str]:
    newcomer, rival = cast["newcomer"], cast["rival"]
    owner = str(owner_column(table))
    readable = table.app_columns.get("S", owner).split(",")[0]
    column = table.app_columns.get("U", owner).split(",")[0].strip()
    update = f"UPDATE {table.name} SET {column} = {column}"
    if "U" in table.app:
        for statement in (update, f"{update} WHERE {readable} = {newcomer.id}"):
            if (outcome := attempt(connection, statement)) != 1:
                yield f"{statement}: {outcome}, not its own row alone"
        if attempt(connection, f"{update} WHERE {owner} <> {newcomer.id}") != 0:
            yield "updates a row of another operator"
        move = f"UPDATE {table.name} SET {owner} = {rival.id} WHERE {owner} = {newcomer.id}"
        if not denied(attempt(connection, move)):
            yield "moves its own row to a rival"
    elif not denied(attempt(connection, update)):
        yield "app updates"
    for letter, statement in {"D": f"DELETE FROM {table.name}", "T": f"TRUNCATE {table.name}"}.items():
        if letter not in table.app and not denied(attempt(connection, statement)):
            yield f"app may {statement}"


def test_no_table_lets_app_delete_but_plans_that_were_given_up() -> None:
    assert {table.name for table in OWNED if "D" in table.app} == set(APP_DELETES)


def test_reference_tables_are_read_by_all_and_written_by_none(populated: Place) -> None:
    cast = cast_of(populated.number)
    with populated.connected("app") as connection:
        act(connection, cast["rival"].id, path=cast["rival"].path)
        for table in (each for each in DECLARED.values() if isinstance(each, Reference)):
            column = next(iter(SAMPLES[table.name].values))
            assert connection.execute(f"SELECT 1 FROM {table.name} LIMIT 1").fetchone() == (1,), table.name
            for statement in (
                insert(SAMPLES[table.name], cast["rival"], 2),
                f"UPDATE {table.name} SET {column} = {column}",
                f"DELETE FROM {table.name}",
            ):
                assert denied(attempt(connection, statement)), statement


def test_every_operator_class_is_tested() -> None:
    assert {type(table) for table in OWNED} == {Own, Books, HandedDown, Edge, Tree}
