"""Supervised processes: what dies comes back with growing pauses, what does not stop is killed."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from backhaul.cli import supervisor
from backhaul.cli.supervisor import Child, Supervisor


def child(tmp_path: Path, program: str) -> Child:
    return Child("sleeper", [sys.executable, "-c", program], dict(os.environ), tmp_path / "log" / "sleeper.log")


def test_child_that_keeps_dying_is_started_with_growing_pauses(tmp_path: Path) -> None:
    told: list[str] = []
    watch = Supervisor(tell=told.append)
    watch.add(child(tmp_path, "import time; print(time.monotonic()); raise SystemExit(3)"))
    deadline = time.monotonic() + 20
    while len(told) < 6 and time.monotonic() < deadline:
        watch.check()
        time.sleep(0.05)
    first, second, third = map(float, (tmp_path / "log" / "sleeper.log").read_text().split())
    assert 1 <= second - first < third - second
    assert told[0].startswith("sleeper ended (exit code 3): ")
    watch.stop()


def test_child_that_ignores_the_request_to_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.5)
    watch = Supervisor(tell=print)
    deaf = child(
        tmp_path, "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    watch.add(deaf)
    while "deaf" not in deaf.log_file.read_text():
        time.sleep(0.05)
    watch.stop()
    assert deaf.process is not None and deaf.process.returncode == -9
