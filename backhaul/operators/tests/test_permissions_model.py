"""What people may do over a whole tree, against a small model: whatever is granted, taken, ticked and given."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backhaul.common.errors import NotAllowed
from backhaul.operators.functions import savepoint
from backhaul.operators.people import change_member, change_role, set_child_modules
from backhaul.operators.people_queries import list_grants, list_members, list_roles
from tests.builders import NOON, acting, build_operator, build_person
from tests.cast import Cast

NAMES = ("bills.view", "books.post", "customers.edit", "payments.collect")
SETS = st.frozensets(st.sampled_from(NAMES))
DEPTHS = st.integers(0, 3)
STEPS = st.lists(st.tuples(st.sampled_from(("modules", "role", "singly")), DEPTHS, SETS), max_size=12)


@dataclass
class Model:
    """A chain of operators, each with one person of the role manager. `role` and `singly` are ticks, granted or not."""

    granted: list[frozenset[str]] = field(default_factory=list)
    role: list[frozenset[str]] = field(default_factory=list)
    singly: list[frozenset[str]] = field(default_factory=list)

    def may(self, n: int) -> frozenset[str]:
        return self.granted[n] & (self.role[n] | self.singly[n])

    def modules(self, n: int, names: frozenset[str]) -> bool:
        """Set by the parent; the first operator's by nobody."""
        if n == 0 or not names <= self.granted[n - 1]:
            return False
        self.granted[n] = names
        for below in range(n + 1, len(self.granted)):
            self.granted[below] &= names
        return True


def chain_of(cast: Cast) -> list[int]:
    chain = [cast.padma.isp_id]
    for depth in range(1, 4):
        chain.append(
            build_operator(
                cast.padma, chain[-1], f"chain-{depth}", owner=False, may_have_children=True, edits_catalog=True
            )
        )
    return chain


def test_what_people_may_do_is_what_the_model_says(cast: Cast) -> None:
    chain = chain_of(cast)
    people = []
    for n, operator in enumerate(chain):
        with acting(cast.padma, operator):
            people.append(build_person(operator, f"person-{n}", "manager"))

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(STEPS)
    def holds(steps: list[tuple[str, int, frozenset[str]]]) -> None:
        model = begun(cast, chain)
        for what, n, names in steps:
            taken = step(cast, chain, what, n, names)
            assert taken == advance(model, what, n, names), (what, n, names)
        for n, operator in enumerate(chain):
            with acting(cast.padma, operator, user_id=people[n]) as scope:
                assert scope.permissions & set(NAMES) == model.may(n)
            with acting(cast.padma, operator):
                assert list_grants() & set(NAMES) == model.granted[n]

    holds()


def begun(cast: Cast, chain: list[int]) -> Model:
    """All granted to everybody, nothing ticked."""
    everything = frozenset(NAMES)
    for n in range(len(chain)):
        if n:
            assert step(cast, chain, "modules", n, everything)
        assert step(cast, chain, "role", n, frozenset())
        assert step(cast, chain, "singly", n, frozenset())
    return Model([everything] * 4, [frozenset()] * 4, [frozenset()] * 4)


def step(cast: Cast, chain: list[int], what: str, n: int, names: frozenset[str]) -> bool:
    """Do it as the system, beside whatever else is granted; whether it was taken."""
    if what == "modules" and n == 0:
        return False
    with acting(cast.padma, chain[n - 1] if what == "modules" else chain[n]):
        try:
            with savepoint():
                if what == "modules":
                    kept = (list_grants() - set(NAMES)) - {"bills.run"}
                    set_child_modules(child_id=chain[n], permissions=names | kept, at=NOON)
                elif what == "role":
                    role = next(row["id"] for row in list_roles() if row["key"] == "manager")
                    change_role(role_id=role, name=None, permissions=names, at=NOON)
                else:
                    person = next(row["id"] for row in list_members() if row["role"] == "manager")
                    change_member(member_id=person, role="manager", permissions=names, at=NOON)
        except NotAllowed:
            return False
    return True


def advance(model: Model, what: str, n: int, names: frozenset[str]) -> bool:
    if what == "modules":
        return model.modules(n, names)
    ticked = model.role if what == "role" else model.singly
    ticked[n] = names | (ticked[n] - model.granted[n])  # what cannot be shown stays
    return True
