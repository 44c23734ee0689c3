"""What a running server writes and where it listens: BACKHAUL_HOME, BACKHAUL_PORT_OFFSET, DATABASE_URL."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from backhaul.common.errors import InvalidInput

POSTGRES_PORT = 5433


@dataclass(frozen=True)
class Home:
    """One server's folder and ports; two servers with two homes and offsets run side by side."""

    path: Path
    port_offset: int
    external_database_url: str | None

    @classmethod
    def from_environment(cls) -> Home:
        """BACKHAUL_HOME (default ./var), BACKHAUL_PORT_OFFSET (default 0), DATABASE_URL (default: embedded server)."""
        return cls(
            path=Path(os.environ.get("BACKHAUL_HOME", "var")).absolute(),
            port_offset=_port_offset(os.environ.get("BACKHAUL_PORT_OFFSET") or "0"),
            external_database_url=os.environ.get("DATABASE_URL") or None,
        )

    @property
    def web_port(self) -> int:
        return 8000 + self.port_offset

    @property
    def postgres_port(self) -> int:
        return POSTGRES_PORT + self.port_offset

    @property
    def radius_port(self) -> int:
        """Authentication; accounting listens one above."""
        return 1812 + self.port_offset

    def database_url(self) -> str:
        """Address of the database without its password: each role has its own secret."""
        return self.external_database_url or f"postgresql://127.0.0.1:{self.postgres_port}/backhaul"

    def secret(self, name: str) -> str:
        """A random secret of this server, made at first use and kept in a file that only the server's user reads.

        BACKHAUL_SECRET_<NAME> in the environment comes first: so a web node on a machine of its own gets its secrets.
        """
        given = os.environ.get(f"BACKHAUL_SECRET_{name.upper()}")
        if given:
            return given
        file = self.path / "secrets" / name
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
                    handle.write(secrets.token_urlsafe(32))
            except FileExistsError:
                pass
        return file.read_text().strip()

    def drop_secret(self, name: str) -> None:
        """Forget a secret that has served its purpose."""
        (self.path / "secrets" / name).unlink(missing_ok=True)


def _port_offset(text: str) -> int:
    if not text.isdecimal() or int(text) > 50_000:
        raise InvalidInput("BACKHAUL_PORT_OFFSET must be a whole number from 0 to 50000, not “%(text)s”", text=text)
    return int(text)
