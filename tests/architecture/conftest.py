"""The places: the suite's database with one cell, and a second one of the same server with three."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest

from backhaul.cli.embedded import EmbeddedPostgres
from tests.architecture.places import Place
from tests.architecture.samples import Sample, all_samples, cast_of, insert

_SET_UP = """
import sys, django
django.setup()
from backhaul.operators.database import setup_database
setup_database(sys.stdin.read())
"""
NEWCOMER_HAS = ("operator", "books")


def address(server: EmbeddedPostgres, database: str) -> str:
    return server.admin_url.rsplit("/", 1)[0] + "/" + database


def three_cells_environment() -> dict[str, str]:
    """What a process needs to serve the database with three cells."""
    return {**os.environ, "BACKHAUL_CELLS": "3", "DATABASE_URL": os.environ["DATABASE_URL"] + "_three"}


@pytest.fixture(scope="session")
def three_cells(server: EmbeddedPostgres) -> str:
    """The superuser's address of a database that was set up with BACKHAUL_CELLS=3."""
    subprocess.run(
        [sys.executable, "-c", _SET_UP],
        input=server.admin_url,
        env=three_cells_environment(),
        text=True,
        check=True,
        capture_output=True,
    )
    return address(server, "backhaul_three")


@pytest.fixture(scope="session", params=["one cell", "first of three", "last of three"])
def place(request: pytest.FixtureRequest, server: EmbeddedPostgres) -> Place:
    """A cell to look at: the only one, the first of three, the last of three."""
    if request.param == "one cell":
        return Place(address(server, "backhaul"), 1)
    return Place(request.getfixturevalue("three_cells"), 1 if request.param == "first of three" else 3)


def population() -> list[tuple[Sample, str]]:
    """Which rows a populated cell has: (sample, name of the operator in the cast)."""
    return [
        (sample, name)
        for sample in all_samples()
        for name, operator in cast_of(1).items()
        if not (sample.edge and len(operator.path) == 1) and (name != "newcomer" or sample.table in NEWCOMER_HAS)
    ]


@pytest.fixture(scope="module")
def populated(place: Place) -> Iterator[Place]:
    """The place with one row of every table for every operator of the cast; gone after the module's tests.

    The first column of a sample names its operator: by it the rows are found again.
    """
    cast = cast_of(place.number)
    with psycopg.connect(place.admin_url, options=f"-c search_path={place.cell},ext") as connection:
        for sample, name in population():
            connection.execute(insert(sample, cast[name]))
    yield place
    with psycopg.connect(place.admin_url, options=f"-c search_path={place.cell},ext") as connection:
        connection.execute("SET session_replication_role = replica")
        for sample in all_samples():
            owner = next(iter(sample.values))
            for operator in cast.values():
                connection.execute(f"DELETE FROM {sample.table} WHERE {owner}::text LIKE %s", [f"%{operator.id}"])
