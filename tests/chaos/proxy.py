"""A TCP proxy on the way to Redis or S3, with the faults of a network."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.waiting import takes

Address = tuple[str, int] | Path
REFUSAL = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Proxy:
    """Forwards what comes in on `port` to `target`, a TCP address or a unix socket. `with proxy.fault("cut"):`

    cut     connections are closed, new ones too at once
    hold    connections stay, nothing passes; what was held passes when the fault is over
    slow    every piece from the client waits SLOW_SECONDS
    refuse  HTTP 500 for every request
    """

    SLOW_SECONDS = 0.3

    def __init__(self, target: Address, host: str = "127.0.0.1") -> None:
        self.target, self.host = target, host
        self.mode = "open"
        self.held: list[bytes] = []
        """What waits for the end of "hold"."""
        self._passes = threading.Event()
        self._passes.set()
        self._pairs: set[socket.socket] = set()
        self._listener = socket.create_server((host, 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @contextmanager
    def fault(self, mode: str) -> Iterator[None]:
        self.mode = mode
        if mode == "hold":
            self._passes.clear()
        if mode in ("cut", "refuse"):
            self._drop()
        try:
            yield
        finally:
            self.heal()

    def heal(self) -> None:
        """No fault."""
        self.mode = "open"
        self._passes.set()

    def close(self) -> None:
        self._listener.close()
        self._drop()

    def _drop(self) -> None:
        for end in list(self._pairs):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            if self.mode == "cut":
                return
            if self.mode == "refuse":
                with contextlib.suppress(OSError):
                    client.recv(1 << 16)
                    client.sendall(REFUSAL)
                return
            try:
                server = self._connect()
            except OSError:
                return
            with server:
                self._pairs |= {client, server}
                back = threading.Thread(target=self._pump, args=(server, client, False), daemon=True)
                back.start()
                self._pump(client, server, True)
                back.join()
                self._pairs -= {client, server}

    def _connect(self) -> socket.socket:
        if isinstance(self.target, tuple):
            return socket.create_connection(self.target)
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.connect(str(self.target))
        return server

    def _pump(self, source: socket.socket, target: socket.socket, upward: bool) -> None:
        try:
            while data := source.recv(1 << 16):
                if not self._passes.is_set():
                    self.held.append(data)
                    self._passes.wait()
                    self.held.remove(data)
                if self.mode == "slow" and upward:
                    takes(self.SLOW_SECONDS)
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
