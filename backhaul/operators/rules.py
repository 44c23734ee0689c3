"""Roles and what they may do: the permission matrix as data (SPEC A36, B1, B2). Denied by default."""

from __future__ import annotations

VIEW = {
    "dashboard.view", "customers.view", "bills.view", "payments.view", "funds.view", "catalog.view",
}  # fmt: skip
PERMISSIONS = VIEW | {
    "customers.edit", "customers.suspend", "customers.disable", "customers.import", "payments.collect",
    "payments.reverse", "books.view", "books.post", "bills.run", "resellers.view", "resellers.edit",
    "books.close", "books.reopen",
    "funds.recharge", "funds.reverse", "catalog.edit", "network.view", "network.edit", "staff.edit",
    "funds.ask", "funds.confirm", "drawers.receive", "drawers.edit",
    "billing.make", "billing.discount", "billing.write_off", "billing.promise",
}  # fmt: skip
NEEDS_CHILDREN = {"resellers.view", "resellers.edit", "funds.recharge", "funds.reverse"}
# SPEC §4: what a sub-operator never manages, whatever its role.
ABOVE_ONLY = NEEDS_CHILDREN | {"catalog.edit", "network.view", "network.edit", "bills.run"}

ROLES: dict[str, frozenset[str]] = {
    "system": frozenset(PERMISSIONS),
    "owner": frozenset(PERMISSIONS),
    "accountant": frozenset(
        VIEW
        | {
            "books.view",
            "books.post",
            "books.close",
            "payments.reverse",
            "funds.confirm",
            "billing.write_off",
            "drawers.receive",
        }
    ),
    "collector": frozenset({"dashboard.view", "customers.view", "bills.view", "payments.view", "payments.collect"}),
    "noc": frozenset({"dashboard.view", "customers.view", "network.view", "network.edit"}),
    "manager": frozenset({"dashboard.view", "billing.discount", "drawers.receive"}),
}


def permissions_of(role: str, *, edits_catalog: bool, may_have_children: bool) -> frozenset[str]:
    """What a role may do at an operator: the role's own set less what the operator itself may not do."""
    allowed = ROLES.get(role, frozenset())
    if role == "system":
        return allowed
    if not may_have_children:
        allowed -= NEEDS_CHILDREN
    if not edits_catalog:
        allowed -= ABOVE_ONLY
    return allowed
