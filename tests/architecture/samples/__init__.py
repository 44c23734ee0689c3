"""A valid row of every owned table, and for every CHECK a row that it refuses; one file per context, as data.

Values are SQL expressions over: {me} the operator, {parent}, {isp}, {depth}, {kind}, {path} of it, {n} the row's number
(unique over all operators; the first row of an operator has the operator's own id), {k} 1 for the first row, 2 …
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field

from django.conf import settings

Values = dict[str, str]


@dataclass(frozen=True)
class Check:
    """What a CHECK refuses: the columns of the sample row so changed; `but` is the nearest change that it lets pass."""

    refused: Values
    but: Values = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """A valid row. `uniques`: columns of each unique rule beside the primary key → what to change in two rows to clash.

    `along`: foreign key → what else changes when it points to the row numbered {to}.
    `one_each`: an operator has one such row (no second one is tried). `edge`: it needs somebody above; an ISP has none.
    """

    table: str
    values: Values
    uniques: dict[str, Values] = field(default_factory=dict)
    checks: dict[str, Check] = field(default_factory=dict)
    along: dict[str, Values] = field(default_factory=dict)
    one_each: bool = False
    edge: bool = False


def own(table: str, values: Values, **rest: object) -> Sample:
    """The sample of a table that belongs to one operator."""
    return Sample(table, {"operator_id": "{me}", **values}, **rest)  # type: ignore[arg-type]


def edge(table: str, values: Values, **rest: object) -> Sample:
    """The sample of a table between a parent and a child."""
    return Sample(table, {"child_id": "{me}", "parent_id": "{parent}", **values}, edge=True, **rest)  # type: ignore[arg-type]


def all_samples() -> list[Sample]:
    """The samples of every context, parents before what refers to them."""
    return [
        sample
        for context in settings.CELL_CONTEXTS
        for sample in importlib.import_module(f"tests.architecture.samples.{context}").SAMPLES
    ]


@dataclass(frozen=True)
class Operator:
    """One operator of the cast, in one cell."""

    id: int
    path: tuple[int, ...]

    def values(self, k: int) -> dict[str, object]:
        """What the placeholders of a sample stand for in this operator's k-th row."""
        depth = len(self.path) - 1
        return {
            "me": self.id,
            "parent": self.path[-2] if depth else "NULL",
            "isp": self.path[0],
            "depth": depth,
            "kind": ("isp", "reseller", "sub_operator")[min(depth, 2)],
            "path": ", ".join(map(str, self.path[:-1])) + (", " if depth else ""),
            "n": number_of(self.id, k),
            "k": k,
        }


def number_of(operator_id: int, k: int) -> int:
    """The number of an operator's k-th row of any table."""
    return operator_id + (k - 1) * 1_000_000


def cast_of(cell: int) -> dict[str, Operator]:
    """Padma → North → Riverside and its sibling Bayside, Padma → Rival, the other ISP Meghna; Newcomer has no rows."""
    base = cell * 10**12 + 900_000_000_000
    padma, north, riverside, bayside, rival, meghna, newcomer = (base + n for n in range(1, 8))
    return {
        "padma": Operator(padma, (padma,)),
        "north": Operator(north, (padma, north)),
        "riverside": Operator(riverside, (padma, north, riverside)),
        "bayside": Operator(bayside, (padma, north, bayside)),
        "rival": Operator(rival, (padma, rival)),
        "meghna": Operator(meghna, (meghna,)),
        "newcomer": Operator(newcomer, (padma, north, newcomer)),
    }


def insert(sample: Sample, operator: Operator, k: int = 1, **changed: str) -> str:
    """The INSERT of an operator's k-th row, with some columns changed."""
    places = operator.values(k)
    values = {column: text.format(**places) for column, text in {**sample.values, **changed}.items()}
    return f"INSERT INTO {sample.table} ({', '.join(values)}) VALUES ({', '.join(values.values())})"
