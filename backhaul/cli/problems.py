"""Problems that a person running a command can expect and mend."""

from __future__ import annotations

import psycopg


class CannotReach(Exception):
    """A part that the command needs does not answer or cannot start; the message is one line and says what to do."""


def unreachable_database(error: BaseException) -> str | None:
    """One line for a database that cannot be reached or turned us away; None for any other error."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, psycopg.OperationalError):
        seen = seen.__cause__ or seen.__context__
    if seen is None:
        return None
    state = seen.sqlstate
    # No state: the connection failed. 08 connection, 28 login, 3D no such database, 53 full, 57P shut down.
    if state is not None and not state.startswith(("08", "28", "3D", "53", "57P")):
        return None
    lines = [line.strip() for line in str(seen).splitlines() if line.strip()]
    return f"the database cannot be reached: {lines[0] if lines else type(seen).__name__}"
