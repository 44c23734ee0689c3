"""A PostgreSQL server of one's own: Debian's 15, set up by an administrator, then served from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.cli.tests.test_command import run
from backhaul.cli.tests.test_embedded import free_port
from backhaul.cli.tests.test_up import RunningServer

pytestmark = pytest.mark.slow

DEBIAN_BINARIES = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture
def administered(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    instance = EmbeddedPostgres(tmp_path / "theirs" / "postgres", free_port(), bin_dir=DEBIAN_BINARIES)
    instance.ensure_started()
    yield instance
    instance.stop()


@pytest.fixture
def server(tmp_path: Path, administered: EmbeddedPostgres) -> Iterator[RunningServer]:
    instance = RunningServer(tmp_path / "ours")
    instance.env["DATABASE_URL"] = f"postgresql://127.0.0.1:{administered.port}/isp"
    yield instance
    instance.stop()


def test_serving_from_a_server_of_ones_own(administered: EmbeddedPostgres, server: RunningServer) -> None:
    early = run(server.env, "up")
    assert early.returncode == 3
    assert "backhaul setup-database --admin-url" in early.stderr and early.stderr.count("\n") == 1
    for _ in range(2):
        done = run(server.env, "setup-database", "--admin-url", administered.admin_url)
        assert done.returncode == 0, done.stderr
    server.start()
    assert server.health() == 200
    assert not (server.home / "postgres").exists()


def test_an_administrators_address_sets_the_database_up_but_reaches_no_child(
    administered: EmbeddedPostgres, server: RunningServer
) -> None:
    server.env["DATABASE_URL"] = administered.admin_url.removesuffix("/postgres") + "/isp"
    server.start()
    assert server.health() == 200
    password = administered.admin_url.split(":")[2].partition("@")[0].encode()
    environments = [Path(f"/proc/{pid}/environ").read_bytes() for pid in server.children()]
    assert len(environments) > 3
    assert [one for one in environments if password in one] == []
