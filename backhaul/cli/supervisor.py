"""Keeps a set of processes running: restarts what dies with growing pauses, stops all of them together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backhaul.cli.embedded import die_with_parent

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
STEADY_SECONDS = 60.0  # who ran this long starts again without a pause
STOP_SECONDS = 25.0
LOG_BYTES_KEPT = 20_000_000


@dataclass
class Child:
    """One supervised process; what it prints goes to its log file, it dies with us, it leads a session of its own."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log_file: Path
    when_orphaned: signal.Signals = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    started_at: float = 0.0
    due_at: float = 0.0

    def start(self) -> None:
        """Start the process now."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_BYTES_KEPT:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(self.when_orphaned),  # noqa: PLW1509  one system call, prepared before
            )
        self.started_at = time.monotonic()

    def last_words(self) -> str:
        """The last line of its log."""
        with contextlib.suppress(OSError):
            lines = self.log_file.read_bytes()[-4000:].decode(errors="replace").strip().splitlines()
            return lines[-1] if lines else "it printed nothing"
        return "it printed nothing"


@dataclass
class Supervisor:
    """Runs children; `tell` gets one line for each event worth a person's eye."""

    tell: Callable[[str], None]
    children: list[Child] = field(default_factory=list)

    def add(self, child: Child) -> None:
        """Start a child and watch it from now on."""
        self.children.append(child)
        child.start()

    def check(self) -> None:
        """Restart whatever died and has paused long enough; call it a few times a second."""
        now = time.monotonic()
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                self._plan_restart(child, now)
            elif child.process is None and now >= child.due_at:
                child.start()

    def _plan_restart(self, child: Child, now: float) -> None:
        assert child.process is not None
        with contextlib.suppress(ProcessLookupError):  # its own children would hold on to its port
            os.killpg(child.process.pid, signal.SIGKILL)
        child.failures = 0 if now - child.started_at > STEADY_SECONDS else child.failures + 1
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**child.failures) if child.failures else 0.0
        self.tell(f"{child.name} ended ({_manner(child.process.returncode)}): {child.last_words()}")
        self.tell(f"starting {child.name} again in {pause:.0f} s (log: {child.log_file})")
        child.process, child.due_at = None, now + pause

    def stop(self) -> None:
        """Ask all to end at once, wait, and kill with their descendants those that do not."""
        running = [child.process for child in self.children if child.process is not None]
        for process in running:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _manner(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
