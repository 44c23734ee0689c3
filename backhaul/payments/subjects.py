"""What rows of the audit log were done to, by name: whose service, which bill, which package."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

_OF_CUSTOMER = "c.name || ' · ' || c.code"
_JOINED = "JOIN customer c ON c.operator_id = t.operator_id AND c.id = "
# By kind: the table, what the object is called there, the customer it belongs to, and how that is joined.
_NAMED = {
    "customer": ("customer", "t.name || ' · ' || t.code", "t.id", ""),
    "subscription": ("subscription", _OF_CUSTOMER, "c.id", f"{_JOINED} t.customer_id"),
    "radius_password": (
        "radius_login",
        _OF_CUSTOMER,
        "c.id",
        f"JOIN subscription s ON s.operator_id = t.operator_id AND s.id = t.subscription_id {_JOINED} s.customer_id",
    ),
    "bill": ("invoice", "t.number || ' · ' || c.name", "c.id", f"{_JOINED} t.customer_id"),
    "payment": ("payment", "t.receipt_number || ' · ' || c.name", "c.id", f"{_JOINED} t.customer_id"),
    "deposit": ("deposit", _OF_CUSTOMER, "c.id", f"{_JOINED} t.customer_id"),
    "zone": ("zone", "t.name", "NULL", ""),
    "custom_field": ("custom_field", "t.label", "NULL", ""),
    "customer_template": ("customer_template", "t.name", "NULL", ""),
    "view": ("customer_view", "t.name", "NULL", ""),
    "package": ("package", "t.name", "NULL", ""),
    "plan": ("plan", "t.name", "NULL", ""),
    "profile": ("billing_profile", "t.name", "NULL", ""),
    "router": ("nas", "t.name", "NULL", ""),
    "draft": ("onboarding_draft", "t.answers #>> '{identity,name,0}'", "NULL", ""),
}
KINDS = frozenset(_NAMED)
OF_CUSTOMERS = frozenset(kind for kind, (_table, _name, of, _how) in _NAMED.items() if of != "NULL")


@dataclass(frozen=True)
class Subject:
    """`customer_id`: whose it is, where it belongs to a customer."""

    name: str
    customer_id: int | None


def find_subjects(wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Subject]:
    """The acting operator's own objects by kind and id; those of other kinds, and what is gone, are left out."""
    by_kind: dict[str, set[int]] = {}
    for kind, subject_id in wanted:
        if kind in _NAMED:
            by_kind.setdefault(kind, set()).add(subject_id)
    if not by_kind:
        return {}
    given: dict[str, object] = {"me": current_scope().operator_id}
    parts = []
    for kind, ids in sorted(by_kind.items()):
        table, name, customer, how = _NAMED[kind]
        given[kind] = sorted(ids)
        parts.append(
            f"SELECT '{kind}' AS kind, t.id, {name} AS name, {customer}::bigint AS customer_id "
            f"FROM {table} t {how} WHERE t.operator_id = %(me)s AND t.id = ANY (%({kind})s)"
        )
    found = rows(" UNION ALL ".join(parts), given)
    return {(row["kind"], row["id"]): Subject(row["name"], row["customer_id"]) for row in found}
