"""`backhaul up` and `down`: one whole server, started, disturbed and stopped as a person would."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backhaul.cli.tests.test_command import environment, run

READY_SECONDS = 60
WARM_SECONDS = 15


class RunningServer:
    """A `backhaul up` in a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.env = environment(home)
        self.output = home.with_suffix(".out")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start and wait for the addresses; the seconds it took."""
        began = time.monotonic()
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "backhaul.cli.main", "up"], env=self.env, stdout=output, stderr=output
            )
        process = self.process
        wait_for(lambda: "Backhaul is up" in self.text() or process.poll() is not None, READY_SECONDS)
        assert process.poll() is None, self.text()
        return time.monotonic() - began

    def text(self) -> str:
        return self.output.read_text()

    def health(self) -> int | None:
        """What /healthz answers; None when nobody does."""
        connection = http.client.HTTPConnection("127.0.0.1", 8000 + int(self.env["BACKHAUL_PORT_OFFSET"]), timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status
        except OSError:
            return None
        finally:
            connection.close()

    def children(self) -> list[int]:
        assert self.process is not None
        return descendants(self.process.pid)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=90)


def descendants(pid: int) -> list[int]:
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += [int(child), *descendants(int(child))]
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    instance = RunningServer(tmp_path / "home")
    yield instance
    instance.stop()


def test_server_answers_refuses_a_twin_and_goes_down_with_all_its_processes(server: RunningServer) -> None:
    server.start()
    assert server.health() == 200
    twin = run(server.env, "up")
    assert twin.returncode == 1
    assert re.fullmatch(r"backhaul: Backhaul already runs in .*: backhaul down\n", twin.stderr)
    processes = server.children()
    down = run(server.env, "down")
    assert (down.returncode, down.stdout) == (0, f"stopped Backhaul in {server.home}\n")
    assert server.process is not None and server.process.wait(timeout=5) == 0
    assert [pid for pid in processes if alive(pid)] == []
    assert server.start() < WARM_SECONDS


def test_ctrl_c_stops_cleanly(server: RunningServer) -> None:
    server.start()
    processes = server.children()
    assert server.process is not None
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(timeout=60) == 0
    assert server.text().endswith("stopping\nstopped\n")
    assert [pid for pid in processes if alive(pid)] == []


def test_killed_server_takes_its_processes_along_and_starts_again(server: RunningServer) -> None:
    server.start()
    processes = server.children()
    assert len(processes) > 5 and server.process is not None
    server.process.kill()
    server.process.wait()
    wait_for(lambda: not any(alive(pid) for pid in processes), 30)
    assert server.start() < WARM_SECONDS
    assert server.health() == 200


def test_pages_killed_come_back_and_a_command_leaves_the_running_database_alone(server: RunningServer) -> None:
    server.start()
    web = next(
        pid for pid in server.children() if b"gunicorn" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    )
    os.kill(web, signal.SIGKILL)
    wait_for(lambda: "web ended (SIGKILL)" in server.text(), 10)
    wait_for(lambda: server.health() == 200, 30)
    program = "from backhaul.cli.database import database\nwith database():\n    print('used')"
    used = subprocess.run([sys.executable, "-c", program], env=server.env, capture_output=True, text=True, check=False)
    assert (used.returncode, used.stdout) == (0, "used\n"), used.stderr
    assert (server.home / "postgres" / "postmaster.pid").exists()
    assert server.health() == 200


def test_a_command_finds_the_running_server_without_being_told_its_ports(server: RunningServer) -> None:
    server.start()
    elsewhere = {name: value for name, value in server.env.items() if name != "BACKHAUL_PORT_OFFSET"}
    for env, code in ((elsewhere, 0), (server.env, 0), (elsewhere | {"BACKHAUL_PORT_OFFSET": "1"}, 3)):
        done = subprocess.run(
            [sys.executable, "-m", "backhaul.cli.main", "verify"], env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr


def test_two_servers_run_side_by_side(server: RunningServer, tmp_path: Path) -> None:
    other = RunningServer(tmp_path / "other")
    try:
        server.start()
        other.start()
        assert (server.health(), other.health()) == (200, 200)
        server.stop()
        assert (server.health(), other.health()) == (None, 200)
    finally:
        other.stop()
