"""The embedded PostgreSQL: started, killed, refused; and its password asked for."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from backhaul.cli import embedded
from backhaul.cli.embedded import EmbeddedPostgres, EmbeddedPostgresError, wheel_bin_dir

FAST = {"fsync": "off", "shared_buffers": "16MB"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    # pytest's folders are closed to other users, so as root this also proves that a closed path above is no obstacle
    instance = EmbeddedPostgres(tmp_path / "home" / "postgres", free_port(), settings=FAST)
    yield instance
    instance.stop()


def ask(server: EmbeddedPostgres, statement: str) -> object:
    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        row = connection.execute(statement.encode()).fetchone()
        return row and row[0]


def postmaster_pid(server: EmbeddedPostgres) -> int:
    return int((server.data_dir / "postmaster.pid").read_text().splitlines()[0])


def test_first_call_starts_and_later_calls_find_it_running(server: EmbeddedPostgres) -> None:
    assert server.ensure_started() is True
    assert server.ensure_started() is False
    assert EmbeddedPostgres(server.data_dir, server.port).ensure_started() is False


def test_settings_are_in_force_and_only_loopback_is_served(server: EmbeddedPostgres) -> None:
    server.ensure_started()
    assert ask(server, "SHOW fsync") == "off"
    assert ask(server, "SHOW listen_addresses") == "127.0.0.1"
    assert ask(server, "SHOW unix_socket_directories") == ""


def test_every_login_needs_the_password_kept_in_a_private_file(server: EmbeddedPostgres) -> None:
    server.ensure_started()
    secret = server.data_dir.parent / "secrets" / "postgres_superuser"
    assert secret.stat().st_mode & 0o777 == 0o600
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://postgres:wrong@127.0.0.1:{server.port}/postgres")
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(f"postgresql://postgres@127.0.0.1:{server.port}/postgres", passfile="/nonexistent")
    assert ask(server, "SELECT bool_and(auth_method = 'scram-sha-256') FROM pg_hba_file_rules") is True


def test_server_does_not_run_as_root(server: EmbeddedPostgres) -> None:
    server.ensure_started()
    assert server.data_dir.stat().st_uid != 0


def test_data_survives_a_stop(server: EmbeddedPostgres) -> None:
    server.ensure_started()
    with psycopg.connect(server.admin_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    server.stop()
    assert server.ensure_started() is True
    assert ask(server, "SELECT n FROM kept") == 7


def test_killed_with_everything_it_starts_again_with_its_data(tmp_path: Path) -> None:
    durable = EmbeddedPostgres(tmp_path / "postgres", free_port(), settings={"shared_buffers": "16MB"})
    durable.ensure_started()
    with psycopg.connect(durable.admin_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    pid = postmaster_pid(durable)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for victim in [pid, *map(int, children)]:
        os.kill(victim, signal.SIGKILL)
    again = EmbeddedPostgres(durable.data_dir, durable.port, settings={"shared_buffers": "16MB"})
    assert again.ensure_started() is True
    assert ask(again, "SELECT n FROM kept") == 7
    again.stop()


def test_stale_pid_that_another_program_has_now_is_no_obstacle(server: EmbeddedPostgres) -> None:
    server.ensure_started()
    pid_file = server.data_dir / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    server.stop()
    other = subprocess.Popen(["sleep", "60"], user=server.data_dir.stat().st_uid if os.geteuid() == 0 else None)
    try:
        pid_file.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
        assert server.ensure_started() is True
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_taken_port_is_refused_in_one_line(server: EmbeddedPostgres) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", server.port))
        other.listen()
        with pytest.raises(EmbeddedPostgresError, match=f"port {server.port} .* taken") as refusal:
            server.ensure_started()
    assert "\n" not in str(refusal.value)
    assert server.ensure_started() is True


def test_running_on_another_port_is_said_instead_of_starting_twice(server: EmbeddedPostgres) -> None:
    server.ensure_started()
    with pytest.raises(EmbeddedPostgresError, match=f"already runs on port {server.port}"):
        EmbeddedPostgres(server.data_dir, free_port()).ensure_started()


def test_bad_setting_is_reported_with_postgresql_s_own_reason(server: EmbeddedPostgres) -> None:
    broken = EmbeddedPostgres(server.data_dir, server.port, settings={"shared_buffers": "lots"})
    with pytest.raises(EmbeddedPostgresError, match="shared_buffers"):
        broken.ensure_started()


def test_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "thesis.txt").write_text("mine")
    with pytest.raises(EmbeddedPostgresError, match="is not empty"):
        EmbeddedPostgres(tmp_path / "postgres", free_port()).ensure_started()
    assert (tmp_path / "postgres" / "thesis.txt").read_text() == "mine"


def test_server_ends_when_the_program_that_started_it_is_killed(server: EmbeddedPostgres) -> None:
    program = (
        "import sys, time; from pathlib import Path; from backhaul.cli.embedded import EmbeddedPostgres\n"
        "EmbeddedPostgres(Path(sys.argv[1]), int(sys.argv[2])).ensure_started()\n"
        "print('up', flush=True); time.sleep(60)"
    )
    arguments = [sys.executable, "-c", program, str(server.data_dir), str(server.port)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None and parent.stdout.readline() == "up\n"
        pid_file = server.data_dir / "postmaster.pid"
        assert pid_file.exists()
        parent.kill()
    deadline = time.monotonic() + 20
    while pid_file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not pid_file.exists()


def test_binaries_in_a_closed_folder_are_no_obstacle_even_for_root(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    packages = wheel_bin_dir().parents[2]
    for part in embedded.WHEEL_PARTS:
        shutil.copytree(packages / part, closed / part, symlinks=True)
    bin_dir = closed / embedded.WHEEL_PARTS[0] / "bin"
    hidden = EmbeddedPostgres(tmp_path / "postgres", free_port(), settings=FAST, bin_dir=bin_dir)
    try:
        assert hidden.ensure_started() is True
        assert ask(hidden, "SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'") == 1
    finally:
        hidden.stop()


def test_two_callers_at_once_start_it_once(server: EmbeddedPostgres) -> None:
    program = (
        "import sys; from pathlib import Path; from backhaul.cli.embedded import EmbeddedPostgres\n"
        "print(EmbeddedPostgres(Path(sys.argv[1]), int(sys.argv[2])).ensure_started(), flush=True); sys.stdin.read()"
    )
    arguments = [sys.executable, "-c", program, str(server.data_dir), str(server.port)]
    callers = [subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = sorted(caller.stdout.readline().strip() for caller in callers if caller.stdout)
    for caller in callers:
        caller.communicate()
    assert answers == ["False", "True"]
