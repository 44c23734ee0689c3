"""The database goes away: nobody is refused for it, and no accounting record is lost."""

from __future__ import annotations

import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.network.conftest import Network, add_login, found, radius_database
from tests.network.forwarder import Forwarder
from tests.network.radius import Radius, running


@pytest.fixture
def line(network: Network) -> Iterator[Forwarder]:
    database = radius_database()
    with Forwarder((database["host"], database["port"])) as forwarder:
        yield forwarder


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="backhaul-radius-") as folder:
        yield Path(folder)


@pytest.fixture
def fragile(line: Forwarder, home: Path) -> Iterator[Radius]:
    """A FreeRADIUS of its own on a line that can be cut."""
    with running(home, {**radius_database(), "port": line.port}) as radius:
        yield radius


def test_without_the_database_a_login_gets_silence_and_works_again_after(
    network: Network, fragile: Radius, line: Forwarder
) -> None:
    add_login(network)
    assert fragile.login("rina").code == "Access-Accept"
    line.cut()
    assert fragile.login("rina").code == ""
    time.sleep(1.5)  # the router's own entry has run out: its secret comes from the cache
    assert fragile.login("rina").code == ""
    line.mend()
    time.sleep(1.2)
    assert _eventually(lambda: fragile.login("rina").code == "Access-Accept")


def test_accounting_taken_in_without_the_database_is_booked_later(
    network: Network, fragile: Radius, line: Forwarder
) -> None:
    add_login(network)
    assert fragile.login("rina").code == "Access-Accept"
    line.cut()
    time.sleep(1.5)
    for number in range(20):
        answer = fragile.account("Stop", User_Name="rina", Acct_Session_Id=f"s{number}", Acct_Session_Time=60 + number)
        assert answer.code == "Accounting-Response"
    assert found(network, "SELECT 1 FROM radius_session_history") == []
    sent_at = time.time()
    time.sleep(2)
    line.mend()
    assert _eventually(lambda: len(_past(network)) == 20, seconds=20)
    assert sorted(row["session_seconds"] for row in _past(network)) == list(range(60, 80))  # type: ignore[type-var]
    assert all(row["stopped_at"].timestamp() <= sent_at + 1 for row in _past(network))  # type: ignore[attr-defined]


def test_the_server_starts_while_the_database_is_away(network: Network, line: Forwarder, home: Path) -> None:
    add_login(network)
    line.cut()
    with running(home, {**radius_database(), "port": line.port}) as radius:
        assert radius.login("rina").code == ""
        line.mend()
        assert _eventually(lambda: radius.login("rina").code == "Access-Accept")


def test_the_configuration_is_private_and_the_server_is_not_root(fragile: Radius) -> None:
    files = [path for path in fragile.folder.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(fragile.folder.stat().st_mode) == 0o700
    password = radius_database()["password"]
    assert [path.name for path in files if password in path.read_text()] == ["pgpass"]
    if os.geteuid() == 0:
        assert {path.stat().st_uid for path in files} & {0} == set()


def _past(network: Network) -> list[dict[str, object]]:
    return found(network, "SELECT session_seconds, stopped_at FROM radius_session_history")


def _eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.2)
    return False
