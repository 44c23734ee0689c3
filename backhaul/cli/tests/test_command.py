"""The `backhaul` command as a person or a script meets it: one line a problem, exit codes, the database as found."""

from __future__ import annotations

import os
import random
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import click

from backhaul.cli.main import COMMANDS, backhaul


def environment(home: Path, **more: str) -> dict[str, str]:
    """This process's environment, pointed at a home of its own with free ports."""
    ours = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "BACKHAUL_LISTEN")}
    return {
        **ours,
        "BACKHAUL_HOME": str(home),
        "BACKHAUL_PORT_OFFSET": str(free_offset()),
        "BACKHAUL_DEMO": "0",
        **more,
    }


def free_offset() -> int:
    """A port offset at which all of a server's ports are free, below those that the system hands out itself."""
    while True:
        offset = random.randrange(1000, 24000)
        if all(_is_free(port + offset) for port in (8000, 5433, 1812, 1813)):
            return offset


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def run(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "backhaul.cli.main", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120)


def test_every_listed_command_loads_under_its_name() -> None:
    context = click.Context(backhaul)
    listed = backhaul.list_commands(context)
    assert {"up", "down", "setup-database", "worker"} <= set(listed) <= set(COMMANDS)
    for name in listed:
        command = backhaul.get_command(context, name)
        assert command is not None and command.name == name


def test_unknown_command_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = run(environment(tmp_path), "frobnicate")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "backhaul: No such command 'frobnicate'.\n"


def test_without_a_command_the_help_is_shown(tmp_path: Path) -> None:
    done = run(environment(tmp_path))
    assert done.returncode == 2
    assert "\n  import-customers  Take over customers" in done.stderr


def test_bad_port_offset_is_refused_in_one_line(tmp_path: Path) -> None:
    done = run(environment(tmp_path, BACKHAUL_PORT_OFFSET="many"), "up")
    assert done.returncode == 1
    assert re.fullmatch(r"backhaul: BACKHAUL_PORT_OFFSET must be a whole number .*\n", done.stderr)


def test_bad_listen_address_is_refused_before_anything_starts(tmp_path: Path) -> None:
    done = run(environment(tmp_path / "home", BACKHAUL_LISTEN="everywhere"), "up")
    assert done.returncode == 1
    assert re.fullmatch(r"backhaul: BACKHAUL_LISTEN must be an address .*\n", done.stderr)
    assert not (tmp_path / "home" / "postgres").exists()


def test_database_that_does_not_answer_is_one_line_and_exit_code_3(tmp_path: Path) -> None:
    env = environment(tmp_path, DATABASE_URL="postgresql://127.0.0.1:1/backhaul")
    done = run(env, "setup-database", "--admin-url", "postgresql://admin:secret@127.0.0.1:1/postgres")
    assert done.returncode == 3
    assert done.stderr.startswith("backhaul: the database cannot be reached: ")
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


def test_down_says_when_nothing_runs_even_with_an_old_pid_file(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "backhaul.pid").write_text(f"{os.getpid()}\n")
    done = run(environment(tmp_path), "down")
    assert (done.returncode, done.stdout) == (0, f"no Backhaul runs in {tmp_path}\n")


USES_DATABASE = """
import sys
from backhaul.cli.database import database
with database():
    from django.db import connection
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        print(cursor.fetchone()[0], flush=True)
    sys.stdin.read()
"""


def start_user(env: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", USES_DATABASE],
        env=env,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_command_starts_the_database_sets_it_up_and_leaves_it_stopped(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", USES_DATABASE],
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "backhaul_app\n"), done.stderr
    assert (tmp_path / "postgres" / "PG_VERSION").exists()
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()


def test_command_that_started_the_database_waits_for_a_second_one_that_uses_it(tmp_path: Path) -> None:
    env = environment(tmp_path)
    first, second = start_user(env), None
    try:
        assert first.stdout is not None and first.stdout.readline() == "backhaul_app\n"
        second = start_user(env)
        assert second.stdout is not None and second.stdout.readline() == "backhaul_app\n"
        assert first.stdin is not None
        first.stdin.close()
        time.sleep(1.5)
        assert first.poll() is None
        assert (tmp_path / "postgres" / "postmaster.pid").exists()
        second.communicate()
        assert first.wait(timeout=30) == 0
    finally:
        for user in (first, second):
            if user is not None:
                user.kill()
                user.wait()
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()
