"""A router's side of change of authorization, played by FreeRADIUS itself: it checks the secret and answers."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from backhaul.network.radius import server
from tests.network.radius import SECRET, await_ready, free_ports

_CONFIGURATION = """
prefix = .
logdir = .
run_dir = .
max_requests = 4096
security {
	allow_core_dumps = no
}
modules {
	always ok {
		rcode = ok
	}
	always reject {
		rcode = reject
	}
	detail {
		filename = "./received"
		permissions = 0666
		locking = yes
	}
}
client router {
	ipaddr = 127.0.0.1
	secret = "%(secret)s"
}
server sink {
	listen {
		type = coa
		ipv4addr = 127.0.0.1
		port = %(port)s
	}
	recv-coa {
		detail
		if (&User-Name == "stubborn") {
			reject
		}
		ok
	}
	send-coa {
		ok
	}
}
"""


@dataclass
class Sink:
    """Acknowledges every request but those for "stubborn"."""

    port: int
    folder: Path

    def received(self) -> list[dict[str, str]]:
        """The requests so far, as attributes; "Packet-Type" is Disconnect-Request or CoA-Request."""
        file = self.folder / "received"
        text = file.read_text() if file.exists() else ""
        records = [block for block in text.split("\n\n") if block.strip()]
        return [{name: value.strip('"') for name, value in re.findall(r"\t(\S+) = (.*)", block)} for block in records]


@contextlib.contextmanager
def listening(folder: Path) -> Iterator[Sink]:
    """Run the sink in a folder for the block."""
    port = free_ports()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "radiusd.conf").write_text(_CONFIGURATION % {"secret": SECRET, "port": port})
    server._hand_over(folder)
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(server.command(folder), stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        try:
            await_ready(process, log)
            yield Sink(port, folder)
        finally:
            process.terminate()
            process.wait(timeout=10)
