"""Templates of customers: what the form of a new one is filled with (SPEC B8)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from backhaul.common.errors import InvalidInput, NotFound, Refusal
from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import current_scope
from backhaul.operators.services import record_audit
from backhaul.subscribers.adding import refuse_connection, refuse_negative_price, zone_code_of

_ROW = (
    "t.id, t.name, t.package_operator_id, t.package_id, p.name AS package, t.profile_operator_id, t.profile_id, "
    "f.name AS profile, t.zone_id, z.name AS zone, t.connection_type, t.username_prefix, t.custom_price_minor "
    "FROM customer_template t "
    "LEFT JOIN package p ON p.operator_id = t.package_operator_id AND p.id = t.package_id "
    "LEFT JOIN billing_profile f ON f.operator_id = t.profile_operator_id AND f.id = t.profile_id "
    "LEFT JOIN zone z ON z.operator_id = t.operator_id AND z.id = t.zone_id "
    "WHERE t.operator_id = %s AND t.archived_at IS NULL"
)


class TemplateExists(Refusal):
    """Another template has that name."""

    code = "template_exists"


@dataclass(frozen=True)
class Template:
    """What customers added by a template have in common. `package` and `profile` are (operator id, id)."""

    name: str
    package: tuple[int, int]
    profile: tuple[int, int]
    zone_id: int | None = None
    connection_type: str = "pppoe"
    username_prefix: str = ""
    custom_price_minor: int | None = None


def list_templates() -> list[dict[str, Any]]:
    """The acting operator's templates by name, with the names of package, profile and zone."""
    return rows(f"SELECT {_ROW} ORDER BY t.name, t.id", [current_scope().operator_id])


def get_template(template_id: int) -> dict[str, Any]:
    """One template; raises NotFound."""
    found = rows(f"SELECT {_ROW} AND t.id = %s", [current_scope().operator_id, template_id])
    if not found:
        raise NotFound("There is no such template.")
    return found[0]


def save_template(template: Template, *, template_id: int | None = None, now: datetime) -> int:
    """Add a template, or change one; its id. What cannot be sold on the day is refused when a customer is added."""
    scope = current_scope()
    scope.require("customers.edit")
    if template_id is not None:
        get_template(template_id)
    columns = _columns(template)
    if rows(
        "SELECT 1 FROM customer_template WHERE operator_id = %s AND name = %s AND archived_at IS NULL "
        "AND id IS DISTINCT FROM %s",
        [scope.operator_id, columns["name"], template_id],
    ):
        raise TemplateExists(
            "There is a template “%(columns_name)s” already.", columns_name=columns["name"], field="name"
        )
    if template_id is None:
        added = rows(
            f"INSERT INTO customer_template (operator_id, {', '.join(columns)}) "
            f"VALUES (%s{', %s' * len(columns)}) RETURNING id",
            [scope.operator_id, *columns.values()],
        )
        template_id = int(added[0]["id"])
    else:
        execute(
            f"UPDATE customer_template SET {', '.join(f'{name} = %s' for name in columns)} "
            "WHERE operator_id = %s AND id = %s",
            [*columns.values(), scope.operator_id, template_id],
        )
    record_audit(verb="saved", subject_type="customer_template", subject_id=template_id, at=now, **asdict(template))
    return template_id


def archive_template(template_id: int, *, now: datetime) -> None:
    """Offer a template no more; customers added by it stay as they are."""
    scope = current_scope()
    scope.require("customers.edit")
    template = get_template(template_id)
    execute(
        "UPDATE customer_template SET archived_at = %s WHERE operator_id = %s AND id = %s",
        [now, scope.operator_id, template_id],
    )
    record_audit(
        verb="archived", subject_type="customer_template", subject_id=template_id, at=now, was=template["name"]
    )


def _columns(template: Template) -> dict[str, Any]:
    name = " ".join(template.name.split())
    if not 1 <= len(name) <= 60:
        raise InvalidInput("Give the template a name, at most 60 characters.", field="name")
    refuse_connection(template.connection_type, None)
    if template.zone_id is not None:
        zone_code_of(template.zone_id)
    return {
        "name": name,
        "package_operator_id": template.package[0],
        "package_id": template.package[1],
        "profile_operator_id": template.profile[0],
        "profile_id": template.profile[1],
        "zone_id": template.zone_id,
        "connection_type": template.connection_type,
        "username_prefix": template.username_prefix.strip()[:20],
        "custom_price_minor": refuse_negative_price(template.custom_price_minor),
    }
