"""A line to the database on which the answer to a COMMIT is lost."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType

COMMIT = b"COMMIT"


class CommitSwallower:
    """Forwards connections to `target` from its own `port`; at the n-th COMMIT the server does it, and the client is
    cut off instead of being told.
    """

    def __init__(self, target: tuple[str, int], commits: int) -> None:
        self._target = target
        self._left = commits
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.swallowed = False

    def __enter__(self) -> CommitSwallower:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                silent = threading.Event()
                threading.Thread(target=self._answers, args=(server, client, silent), daemon=True).start()
                threading.Thread(target=self._questions, args=(client, server, silent), daemon=True).start()

    def _questions(self, client: socket.socket, server: socket.socket, silent: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                if COMMIT in data:
                    self._left -= 1
                    if self._left == 0:
                        silent.set()
                server.sendall(data)
        server.close()

    def _answers(self, server: socket.socket, client: socket.socket, silent: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if silent.is_set():  # it has answered, so it has committed
                    self.swallowed = COMMIT in data
                    client.shutdown(socket.SHUT_RDWR)
                    break
                client.sendall(data)
        client.close()
