"""What an operator keeps of its customers beside what everybody does: fields of its own and their values (SPEC B8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from backhaul.common.errors import InvalidInput, NotFound, Refusal
from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import current_scope
from backhaul.operators.services import record_audit
from backhaul.subscribers.rules import FIELD_KINDS, clean_value

MOST = 40
# What is kept of every customer, as the trail of changes names it: an own field of that name would hide it there.
KEPT_ANYWAY = {"name", "mobile", "address", "zone_id", "latitude", "longitude", "mac", "static_ip"}
PLACES = ("on_list", "on_form", "on_document")
_COLUMNS = "id, label, kind, choices, is_required, on_list, on_form, on_document, position, archived_at"


class FieldExists(Refusal):
    """Another field has that label, or there are as many as there may be."""

    code = "field_exists"


@dataclass(frozen=True)
class CustomField:
    """How a field is to be. `choices`: of kind choice, one or more; `on_…`: where it is shown."""

    label: str
    kind: str = "text"
    choices: tuple[str, ...] = ()
    is_required: bool = False
    on_list: bool = False
    on_form: bool = True
    on_document: bool = False
    position: int = 0


def list_fields(*, on: str | None = None, archived: bool = False) -> list[dict[str, Any]]:
    """The acting operator's fields in their order; `on`: only those shown on_list, on_form or on_document.

    `archived`: those that were given up too, last.
    """
    shown = f" AND {PLACES[PLACES.index(on)]}" if on else ""
    return rows(
        f"SELECT {_COLUMNS} FROM custom_field WHERE operator_id = %s{shown} AND (%s OR archived_at IS NULL) "
        "ORDER BY archived_at IS NOT NULL, position, id",
        [current_scope().operator_id, archived],
    )


def get_field(field_id: int) -> dict[str, Any]:
    """One field, archived or not; raises NotFound."""
    found = rows(
        f"SELECT {_COLUMNS} FROM custom_field WHERE operator_id = %s AND id = %s",
        [current_scope().operator_id, field_id],
    )
    if not found:
        raise NotFound("There is no such field.")
    return found[0]


def list_values(customer_id: int, *, on: str | None = None) -> list[dict[str, Any]]:
    """A customer's fields in their order, each with its `value` ('' where it has none)."""
    return list_values_of([customer_id], on=on)[customer_id]


def list_values_of(customer_ids: Sequence[int], *, on: str | None = None) -> dict[int, list[dict[str, Any]]]:
    """The fields of these customers with their values, by customer id."""
    fields = list_fields(on=on)
    if not fields:
        return {customer_id: [] for customer_id in customer_ids}
    found = rows(
        "SELECT customer_id, field_id, value FROM custom_value WHERE operator_id = %s AND customer_id = ANY (%s)",
        [current_scope().operator_id, list(customer_ids)],
    )
    known = {(row["customer_id"], row["field_id"]): row["value"] for row in found}
    return {
        customer_id: [field | {"value": known.get((customer_id, field["id"]), "")} for field in fields]
        for customer_id in customer_ids
    }


def add_field(field: CustomField, *, now: datetime) -> int:
    """Add a field, the last one of the form. Raises FieldExists, InvalidInput."""
    scope = current_scope()
    scope.require("settings.edit")
    known = list_fields()
    if len(known) >= MOST:
        raise FieldExists("There are %(most)s fields; archive one that nobody fills in.", most=MOST)
    given = _cleaned(field, but=None) | {"position": max((row["position"] for row in known), default=0) + 1}
    added = rows(
        f"INSERT INTO custom_field (operator_id, {', '.join(given)}) VALUES (%s{', %s' * len(given)}) RETURNING id",
        [scope.operator_id, *given.values()],
    )
    field_id = int(added[0]["id"])
    record_audit(verb="added", subject_type="custom_field", subject_id=field_id, at=now, label=given["label"])
    return field_id


def change_field(field_id: int, field: CustomField, *, now: datetime) -> None:
    """Change a field; its kind stays, and values that are no choice any more are kept as they were written."""
    scope = current_scope()
    scope.require("settings.edit")
    present = get_field(field_id)
    if field.kind != present["kind"]:
        raise InvalidInput("The kind of a field stays; archive it and add another one.", field="kind")
    given = _cleaned(field, but=field_id)
    execute(
        f"UPDATE custom_field SET {', '.join(f'{name} = %s' for name in given)} WHERE operator_id = %s AND id = %s",
        [*given.values(), scope.operator_id, field_id],
    )
    record_audit(verb="changed", subject_type="custom_field", subject_id=field_id, at=now, label=given["label"])


def archive_field(field_id: int, *, archived: bool, now: datetime) -> None:
    """Take a field out of use, or back into it; its values stay."""
    scope = current_scope()
    scope.require("settings.edit")
    field = get_field(field_id)
    if not archived:
        _refuse_same_label(field["label"], but=field_id)
    execute(
        "UPDATE custom_field SET archived_at = %s WHERE operator_id = %s AND id = %s",
        [now if archived else None, scope.operator_id, field_id],
    )
    verb = "archived" if archived else "restored"
    record_audit(verb=verb, subject_type="custom_field", subject_id=field_id, at=now, label=field["label"])


def clean_values(given: Mapping[int, str], *, present: Mapping[int, str] | None = None) -> dict[int, str]:
    """Values as they are kept, by field id; raises InvalidInput beside the first that is none of its field's kind, or
    is required on the form and missing. What a customer has at `present` is no mistake: a choice may have gone since.
    """
    cleaned: dict[int, str] = {}
    for field in list_fields():
        where, value = f"custom_{field['id']}", given.get(field["id"], "").strip()
        if not value or value != (present or {}).get(field["id"]):
            value = clean_value(field["kind"], field["choices"], value, field=where)
        if not value and field["is_required"] and field["on_form"]:
            raise InvalidInput("%(its_field_label)s is required.", its_field_label=field["label"], field=where)
        if field["id"] in given:
            cleaned[field["id"]] = value
    if set(given) - set(cleaned):
        raise NotFound("There is no such field.")
    return cleaned


def write_values(customer_id: int, values: Mapping[int, str]) -> None:
    """Write cleaned values of the acting operator's customer."""
    if values:
        execute(
            "INSERT INTO custom_value (operator_id, customer_id, field_id, value) "
            "SELECT %s, %s, * FROM unnest(%s::bigint[], %s::text[]) "
            "ON CONFLICT (operator_id, customer_id, field_id) DO UPDATE SET value = EXCLUDED.value",
            [current_scope().operator_id, customer_id, list(values), list(values.values())],
        )


def _cleaned(field: CustomField, *, but: int | None) -> dict[str, Any]:
    """The columns of a field."""
    label = " ".join(field.label.split())
    if not 1 <= len(label) <= 60:
        raise InvalidInput("Give the field a label, at most 60 characters.", field="label")
    if label.lower() in KEPT_ANYWAY:
        raise FieldExists("Every customer has “%(label)s” already; take another label.", label=label, field="label")
    if field.kind not in FIELD_KINDS:
        raise InvalidInput("Choose a kind: %(field_kinds)s.", field_kinds=", ".join(FIELD_KINDS), field="kind")
    choices = list(dict.fromkeys(filter(None, (" ".join(choice.split()) for choice in field.choices))))
    if field.kind == "choice" and not choices:
        raise InvalidInput("Give the choices, one a line.", field="choices")
    if any(len(choice) > 100 for choice in choices):
        raise InvalidInput("A choice has at most 100 characters.", field="choices")
    if not 0 <= field.position <= 1000:
        raise InvalidInput("A place in the order lies between 0 and 1000.", field="position")
    _refuse_same_label(label, but=but)
    return asdict(field) | {"label": label, "choices": choices if field.kind == "choice" else []}


def _refuse_same_label(label: str, *, but: int | None) -> None:
    if rows(
        "SELECT 1 FROM custom_field WHERE operator_id = %s AND label = %s AND archived_at IS NULL "
        "AND id IS DISTINCT FROM %s",
        [current_scope().operator_id, label, but],
    ):
        raise FieldExists("There is a field “%(label)s” already.", label=label, field="label")
