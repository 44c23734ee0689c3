"""Files too large to wait for, of customers and of bills: asked for, made by a job, fetched by who asked (SPEC B19)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from backhaul.common.errors import NotFound
from backhaul.identity.models import IspDirectory
from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import current_scope, unit_of_work

BATCH = "batch"
KEPT = timedelta(days=7)
PERMISSION = "customers.export"
PERMISSIONS = {"customers": PERMISSION, "bills": "documents.print"}


def ask_for_export(
    *,
    file_type: str,
    wanted: dict[str, Any],
    sort: str,
    columns: Sequence[str],
    language: str,
    now: datetime,
    subject: str = "customers",
) -> int:
    """Note that the acting person wants customers as a file (csv, xlsx), or bills (pdf, zip); returns its id.

    The caller queues the job.
    """
    scope = current_scope()
    scope.require(PERMISSIONS[subject])
    made = rows(
        "INSERT INTO customer_export (operator_id, subject, file_type, wanted, sort, columns, language, asked_at, "
        "by_actor_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        [
            scope.operator_id,
            subject,
            file_type,
            json.dumps(wanted),
            sort,
            list(columns),
            language,
            now,
            scope.actor_id,
        ],
    )
    return int(made[0]["id"])


def get_export(export_id: int, *, subject: str = "customers") -> dict[str, Any]:
    """A file that the acting person asked for; raises NotFound for everybody else's. `items`: how many are in it."""
    scope = current_scope()
    scope.require(PERMISSIONS[subject])
    found = rows(
        "SELECT id, file_type, wanted::text AS wanted, sort, columns, language, items, asked_at, ended_at, failed "
        "FROM customer_export WHERE operator_id = %s AND id = %s AND by_actor_id = %s AND subject = %s",
        [scope.operator_id, export_id, scope.actor_id, subject],
    )
    if not found:
        raise NotFound("There is no such file; those made are kept for a week.")
    return found[0] | {"wanted": json.loads(found[0]["wanted"])}


def keep_export(
    export_id: int, parts: Iterable[bytes], *, items: int, now: datetime, subject: str = "customers"
) -> None:
    """The file is made."""
    me = current_scope().operator_id
    if get_export(export_id, subject=subject)["ended_at"] is not None:
        return  # another job was quicker
    for n, part in enumerate(parts):
        execute(
            "INSERT INTO customer_export_part (operator_id, export_id, part, body) VALUES (%s, %s, %s, %s)",
            [me, export_id, n, part],
        )
    execute(
        "UPDATE customer_export SET items = %s, ended_at = %s WHERE operator_id = %s AND id = %s",
        [items, now, me, export_id],
    )


def fail_export(export_id: int, *, now: datetime) -> None:
    """The file could not be made."""
    execute(
        "UPDATE customer_export SET failed = true, ended_at = %s WHERE operator_id = %s AND id = %s",
        [now, current_scope().operator_id, export_id],
    )


def get_part(export_id: int, part: int) -> bytes | None:
    """The file, piece by piece; None after the last."""
    found = rows(
        "SELECT body FROM customer_export_part WHERE operator_id = %s AND export_id = %s AND part = %s",
        [current_scope().operator_id, export_id, part],
    )
    return bytes(found[0]["body"]) if found else None


def drop_old_exports(isp: IspDirectory, *, now: datetime) -> int:
    """Remove files of an ISP's tree that are older than a week; how many."""
    tree = "operator_id IN (SELECT id FROM operator WHERE isp_id = %s)"
    with unit_of_work(isp, using=BATCH):
        execute(
            f"DELETE FROM customer_export_part WHERE {tree} AND (operator_id, export_id) IN "
            "(SELECT operator_id, id FROM customer_export WHERE asked_at < %s)",
            [isp.isp_id, now - KEPT],
            using=BATCH,
        )
        return execute(
            f"DELETE FROM customer_export WHERE {tree} AND asked_at < %s", [isp.isp_id, now - KEPT], using=BATCH
        )
