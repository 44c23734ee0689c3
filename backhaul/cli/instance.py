"""One running server per home: a lock that ends with its process, and the pid inside it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from backhaul.common.errors import Refusal
from backhaul.common.home import Home


class AlreadyRunning(Refusal):
    """A server runs in this home."""

    code = "already_running"


def _file(home: Home) -> Path:
    return home.path / "run" / "backhaul.pid"


@contextlib.contextmanager
def only_instance(home: Home) -> Iterator[None]:
    """Be this home's server for the block; refused while another is."""
    file = _file(home)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                "Backhaul already runs in %(home_path)s (pid %(home)s); stop it with: backhaul down",
                home_path=home.path,
                home=holder(home),
            ) from None
        handle.truncate(0)
        handle.write(f"{os.getpid()}\n")
        handle.flush()
        yield


def holder(home: Home) -> int | None:
    """The pid of the server that runs in this home; None when none does, whatever an old pid file says."""
    try:
        with _file(home).open("r") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(handle.read().strip() or 0) or None
            return None
    except FileNotFoundError:
        return None
