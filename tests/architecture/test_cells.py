"""Three cells on one server: the same rules in each, ids apart, and one ISP's cell knows nothing of another's."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from backhaul.cli.embedded import EmbeddedPostgres
from tests.architecture.catalogue import read_functions, read_tables
from tests.architecture.conftest import address, three_cells_environment
from tests.architecture.places import Place

# In a process of its own: settings know three cells only from the start. Padma's rows are in cell 3.
_IN_THREE_CELLS = """
import json
import django
django.setup()
from backhaul.common.errors import NotFound
from backhaul.identity.models import IspDirectory
from backhaul.operators.functions import rows
from backhaul.operators.scope import founding_unit, unit_of_work
from backhaul.operators.services import add_operator
from tests.architecture.samples import cast_of

padma = cast_of(3)["padma"].id
with founding_unit("cell2"):
    founded = add_operator(slug="founded", name="Founded", kind="isp")

def look(isp_id, cell):
    try:
        with unit_of_work(IspDirectory(isp_id=isp_id, slug="any", cell=cell)):
            return [rows("SELECT id FROM operator WHERE parent_id IS NULL"), rows("SELECT operator_id FROM customer")]
    except NotFound as refusal:
        return str(refusal)

print(json.dumps({
    "padma": padma, "founded": founded,
    "padma in 3": look(padma, "cell3"), "padma in 2": look(padma, "cell2"),
    "founded in 2": look(founded, "cell2"), "founded in 3": look(founded, "cell3"),
}))
"""


def test_every_cell_has_the_same_rules(server: EmbeddedPostgres, three_cells: str) -> None:
    def described(place: Place) -> dict[str, object]:
        with place.connected() as connection:
            tables = read_tables(connection, place.cell)
            functions = read_functions(connection, place.cell)
        return {
            **{
                f"table {name}": {key: ordered(value) for key, value in asdict(table).items()}
                for name, table in tables.items()
            },
            **{f"function {each.signature}": str(sorted(each.callers)) + str(each.definer) for each in functions},
        }

    def ordered(value: object) -> object:
        return sorted(value, key=str) if isinstance(value, (list, set)) else value

    only = described(Place(address(server, "backhaul"), 1))
    for number in (1, 2, 3):
        other = described(Place(three_cells, number))
        assert other.keys() == only.keys()
        assert [name for name in only if other[name] != only[name]] == []


def test_ids_of_a_cell_start_at_its_number_times_a_million_million(three_cells: str) -> None:
    for number in (1, 2, 3):
        with Place(three_cells, number).connected() as connection:
            reached = connection.execute(
                "SELECT sequencename, nextval(format('%%I.%%I', schemaname, sequencename)) FROM pg_sequences "
                "WHERE schemaname = %s AND sequencename NOT LIKE 'django%%'",
                [f"cell{number}"],
            ).fetchall()
        assert len(reached) > 20
        assert [row for row in reached if not number * 10**12 < row[1] < (number + 1) * 10**12 - 10**11] == []


@pytest.mark.parametrize("place", ["last of three"], indirect=True)
def test_two_isps_in_two_cells_see_nothing_of_each_other(populated: Place) -> None:
    told = subprocess.run(
        [sys.executable, "-c", _IN_THREE_CELLS],
        env=three_cells_environment(),
        cwd=Path(__file__).resolve().parents[2],
        text=True,
        check=True,
        stdout=subprocess.PIPE,
    )
    seen = json.loads(told.stdout.splitlines()[-1])
    assert seen["padma in 3"] == [[{"id": seen["padma"]}], [{"operator_id": seen["padma"]}]]
    assert seen["founded in 2"] == [[{"id": seen["founded"]}], []]
    assert 2 * 10**12 < seen["founded"] < 3 * 10**12
    assert seen["padma in 2"] == seen["founded in 3"] == "There is no such operator."
