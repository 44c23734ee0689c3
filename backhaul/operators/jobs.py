"""The thin door to the job engine: enqueued in the same transaction, coarse jobs only (ARCHITECTURE §1)."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from procrastinate.contrib.django import app


def enqueue(task: str, *, queueing_lock: str | None = None, after_seconds: int = 0, **arguments: Any) -> None:
    """Put a job behind this transaction's commit, or so many seconds from now. With `queueing_lock`, a job already
    waiting under it is enough."""
    from procrastinate.exceptions import AlreadyEnqueued

    try:
        with transaction.atomic():  # a savepoint: the refusal of a second job must not spoil the caller's transaction
            later = {"seconds": after_seconds} if after_seconds else None
            app.configure_task(task, queueing_lock=queueing_lock, schedule_in=later).defer(**arguments)
    except AlreadyEnqueued:
        return
