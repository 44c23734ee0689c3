"""Documents of a customer: contracts, copies of identity cards. Kept, shown, withdrawn; never changed (SPEC B8)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from backhaul.common.errors import InvalidInput, NotFound, Refusal
from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import current_scope
from backhaul.operators.services import record_audit
from backhaul.subscribers.queries import get_customer
from backhaul.subscribers.rules import type_of_file

MOST_BYTES = 5 * 1024 * 1024
MOST_DOCUMENTS = 50
MOST_EVER = 100  # withdrawn ones too, which are still stored
_SHOWN = (
    "id, customer_id, title, content_type, length(content) AS bytes, added_at, by_actor_id, impersonation_id, "
    "withdrawn_at, withdrawn_by"
)


class TooMany(Refusal):
    """The customer has as many documents as are kept."""

    code = "too_many_documents"


def list_documents(customer_id: int) -> list[dict[str, Any]]:
    """A customer's documents, latest first, without what is in them; those withdrawn too, with when and by whom."""
    return rows(
        f"SELECT {_SHOWN} FROM customer_document WHERE operator_id = %s AND customer_id = %s ORDER BY id DESC",
        [current_scope().operator_id, customer_id],
    )


def get_document(document_id: int, *, customer_id: int) -> dict[str, Any]:
    """One document of a customer that is not withdrawn, with its `content`; raises NotFound."""
    found = rows(
        f"SELECT {_SHOWN}, content FROM customer_document "
        "WHERE operator_id = %s AND id = %s AND customer_id = %s AND withdrawn_at IS NULL",
        [current_scope().operator_id, document_id, customer_id],
    )
    if not found:
        raise NotFound("There is no such document.")
    return found[0] | {"content": bytes(found[0]["content"])}


def add_document(*, customer_id: int, title: str, content: bytes, request_key: str, now: datetime) -> int:
    """Keep a PDF, JPEG or PNG of at most 5 MB, whatever its name says it is; the same key again keeps nothing more.

    Raises InvalidInput, NotFound, TooMany.
    """
    scope = current_scope()
    scope.require("customers.edit")
    get_customer(customer_id)
    title = " ".join(title.split())
    if not 1 <= len(title) <= 100:
        raise InvalidInput("Say what the document is, in at most 100 characters.", field="title")
    if len(content) > MOST_BYTES:
        raise InvalidInput("A document has at most 5 MB.", field="file")
    kind = type_of_file(content)
    if kind is None:
        raise InvalidInput("This is neither PDF, JPEG nor PNG, whatever its name says.", field="file")
    known = rows(
        "SELECT id, request_key = %s AS same, withdrawn_at IS NULL AS shown FROM customer_document "
        "WHERE operator_id = %s AND customer_id = %s",
        [request_key, scope.operator_id, customer_id],
    )
    for row in known:
        if row["same"]:
            return int(row["id"])
    if sum(row["shown"] for row in known) >= MOST_DOCUMENTS:
        raise TooMany(
            "%(most_documents)s documents are kept of a customer; withdraw one that is not needed any more.",
            most_documents=MOST_DOCUMENTS,
        )
    if len(known) >= MOST_EVER:
        raise TooMany(
            "%(most_ever)s documents of this customer were taken in, withdrawn ones among them; no more are kept.",
            most_ever=MOST_EVER,
        )
    added = rows(
        "INSERT INTO customer_document (operator_id, customer_id, title, content_type, content, added_at, by_actor_id, "
        "request_key) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        [scope.operator_id, customer_id, title, kind, content, now, scope.actor_id, request_key],
    )
    record_audit(verb="document_added", subject_type="customer", subject_id=customer_id, at=now, title=title)
    return int(added[0]["id"])


def withdraw_document(*, customer_id: int, document_id: int, now: datetime) -> None:
    """Show a document to nobody any more; that it was there, and who withdrew it, stays known."""
    scope = current_scope()
    scope.require("customers.edit")
    document = get_document(document_id, customer_id=customer_id)
    execute(
        "UPDATE customer_document SET withdrawn_at = %s, withdrawn_by = %s WHERE operator_id = %s AND id = %s "
        "AND withdrawn_at IS NULL",
        [now, scope.actor_id, scope.operator_id, document_id],
    )
    record_audit(
        verb="document_withdrawn", subject_type="customer", subject_id=document["customer_id"], at=now,
        title=document["title"],
    )  # fmt: skip
