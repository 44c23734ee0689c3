"""A running FreeRADIUS and what asks it: radclient and eapol_test, programs not written by us."""

from __future__ import annotations

import contextlib
import io
import os
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pyrad.client import Client, Timeout
from pyrad.dictionary import Dictionary
from pyrad.packet import AccountingResponse

from backhaul.network.radius import server

SECRET = "testing123"


def free_ports() -> int:
    """A UDP port that is free together with the next one."""
    while True:
        with socket.socket(type=socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as two:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            with contextlib.suppress(OSError, OverflowError):
                two.bind(("127.0.0.1", port + 1))
                return port


@dataclass
class Reply:
    """What came back: "Access-Accept", "Access-Reject", "Accounting-Response" or "" for silence."""

    code: str
    attributes: dict[str, str] = field(default_factory=dict)
    raw: str = ""

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]

    def __contains__(self, name: str) -> bool:
        return name in self.attributes


@dataclass
class Radius:
    """FreeRADIUS on `port` (accounting on the next) with its log."""

    port: int
    folder: Path
    log: Path

    def login(
        self,
        username: str,
        password: str = "secret-1",
        *,
        method: str = "User-Password",
        mac: str = "AA:BB:CC:00:00:01",
        source: str | None = None,
        secret: str = SECRET,
    ) -> Reply:
        """Ask for access as a router would; `method` CHAP-Password or MS-CHAP-Password for those."""
        lines: dict[str, str | int] = {"User-Name": username, method: password, "Calling-Station-Id": mac}
        return self._ask("auth", self.port, lines, source, secret)

    def account(self, status: str, *, source: str | None = None, **attributes: str | int) -> Reply:
        """Send an accounting record; attribute names are given with underscores for dashes."""
        lines = {"Acct-Status-Type": status, **{name.replace("_", "-"): value for name, value in attributes.items()}}
        return self._ask("acct", self.port + 1, lines, source, SECRET)

    def account_raw(self, status: str, attributes: dict[int, bytes]) -> bool:
        """Whether a record with these very bytes is answered; for what radclient would not send."""
        client = Client("127.0.0.1", acctport=self.port + 1, secret=SECRET.encode(), dict=Dictionary(io.StringIO("")))
        client.timeout, client.retries = 2.5, 1
        packet = client.CreateAcctPacket()
        packet[40] = [{"Start": 1, "Stop": 2, "Interim-Update": 3}[status].to_bytes(4, "big")]
        for number, value in attributes.items():
            packet[number] = [value]
        try:
            return bool(client.SendPacket(packet).code == AccountingResponse)
        except Timeout:
            return False

    def _ask(self, kind: str, port: int, lines: dict[str, str | int], source: str | None, secret: str) -> Reply:
        if source:
            lines["Packet-Src-IP-Address"] = source
        text = "\n".join(f"{name} = {_quoted(value)}" for name, value in lines.items())
        done = subprocess.run(
            ["radclient", "-x", "-r", "1", "-t", "2.5", f"127.0.0.1:{port}", kind, secret],
            input=text.encode("utf-8", "surrogateescape") + b"\n",
            capture_output=True,
            check=False,
        )
        raw = (done.stdout + done.stderr).decode("utf-8", "replace")
        answer = re.search(r"Received (\S+) Id.*?\n((?:\t.*\n)*)", raw)
        if answer is None:
            return Reply("", raw=raw)
        pairs = re.findall(r"\t(\S+) = (.*)\n", answer[2])
        return Reply(answer[1], {name: value.strip('"') for name, value in pairs}, raw)


def _quoted(value: str | int) -> str:
    if isinstance(value, int) or value.startswith("0x"):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@contextlib.contextmanager
def running(
    home: Path, database: server.Database, *, client_seconds: int = 1, reject_seconds: int = 0
) -> Iterator[Radius]:
    """Start FreeRADIUS for the block as the product does."""
    port = free_ports()
    folder = server.render_configuration(
        home, database=database, auth_port=port, client_seconds=client_seconds, reject_seconds=reject_seconds
    )
    log = home / "radius.log"
    with log.open("wb") as out:
        process = subprocess.Popen(server.command(folder), stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        try:
            await_ready(process, log)
            yield Radius(port, folder, log)
        finally:
            process.terminate()
            process.wait(timeout=10)


def await_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a FreeRADIUS says that it listens."""
    deadline = time.monotonic() + 10
    while "Ready to process requests" not in log.read_text(errors="replace"):
        assert process.poll() is None and time.monotonic() < deadline, log.read_text(errors="replace")[-3000:]
        time.sleep(0.03)


def eap_login(radius: Radius, method: str, username: str, password: str) -> bool:
    """Whether eapol_test logs in with an EAP method (MSCHAPV2 or MD5)."""
    lines = [f"eap={method}", f'identity="{username}"', f'password="{password}"', "eapol_flags=0", "key_mgmt=IEEE8021X"]
    network = "network={\n" + "\n".join(lines) + "\n}\n"
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as config:
        config.write(network)
        config.flush()
        done = subprocess.run(
            ["eapol_test", "-c", config.name, "-a", "127.0.0.1", "-p", str(radius.port), "-s", SECRET, "-t", "6",
             "-r", "0", "-n"],
            capture_output=True, text=True, check=False, env={**os.environ},
        )  # fmt: skip
    return done.stdout.strip().endswith("SUCCESS")
