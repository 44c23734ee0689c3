"""What operators are granted and what roles hold when they are new (SPEC A36, B1, B2). Denied by default.

What a person may do at an operator is worked out in one place, the SQL function held_permissions: what its role holds
and what it was granted singly, as far as the operator itself was granted it; an owner holds all of that.
"""

from __future__ import annotations

from collections.abc import Iterable

from backhaul.operators.choices import MODULES, Module, Permission

TREE: dict[str, Permission] = {each.name: each for module in MODULES for each in module.permissions}
PERMISSIONS = frozenset(TREE)
OWNER = "owner"
VIEW = frozenset(
    {"dashboard.view", "customers.view", "bills.view", "payments.view", "funds.view", "catalog.view"},
)
_ACCOUNTS = {
    "books.view", "books.post", "books.close", "payments.reverse", "funds.confirm", "billing.write_off",
    "drawers.receive", "documents.print",
}  # fmt: skip

# Roles that every operator has from the start, with what they hold then; an owner holds what its operator was granted.
ROLES: dict[str, frozenset[str]] = {
    OWNER: frozenset(),
    "manager": frozenset({"dashboard.view", "billing.discount", "drawers.receive"}),
    "accountant": VIEW | _ACCOUNTS,
    "collector": frozenset({"dashboard.view", "customers.view", "bills.view", "payments.view", "payments.collect"}),
    "noc": frozenset({"dashboard.view", "customers.view", "network.view", "network.edit"}),
    "distributor": frozenset({"dashboard.view"}),  # sells recharge cards, and sees nothing else
}

# What nobody does inside another operator, whatever that operator may (SPEC A31): its people, its word to its provider,
# and going further in from there.
NOT_INSIDE = frozenset({"staff.edit", "roles.edit", "resellers.enter", "funds.ask", "funds.confirm"})


def standard_grants(kind: str, *, may_have_children: bool, edits_catalog: bool) -> frozenset[str]:
    """What an operator of that kind is granted when it is taken on, as far as its parent has it."""
    if kind == "isp":
        return PERMISSIONS
    wanted = {"": True, "isp": False, "children": may_have_children, "catalog": edits_catalog}
    wanted["people"] = kind != "sub_operator"
    return frozenset(name for name, permission in TREE.items() if wanted[permission.kept])


def grantable(names: Iterable[str]) -> frozenset[str]:
    """What of these a parent may hand on: the run over the whole tree stays with the ISP."""
    return frozenset(name for name in names if name in TREE and TREE[name].kept != "isp")


def in_modules(names: Iterable[str]) -> list[tuple[Module, list[Permission]]]:
    """These permissions by module, in the order of the tree; modules without any are left out."""
    wanted = set(names)
    found = [(module, [each for each in module.permissions if each.name in wanted]) for module in MODULES]
    return [(module, permissions) for module, permissions in found if permissions]
