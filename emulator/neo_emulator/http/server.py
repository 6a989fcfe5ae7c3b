"""The HTTP server: a thread per keep-alive connection; plain HTTP and, with a certificate, TLS on the same port."""

from __future__ import annotations

import contextlib
import json
import logging
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from http.client import responses
from types import TracebackType
from typing import Any, Self
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from neo_emulator.http.body import DRAIN_BYTES
from neo_emulator.http.errors import ClientGone, RequestError
from neo_emulator.http.limits import DEFAULT, Limits
from neo_emulator.http.receiver import Receiver, Request
from neo_emulator.http.request import fixed_environ, make_environ
from neo_emulator.http.response import Reply

TLS_HANDSHAKE = b"\x16"
"""First byte of a TLS connection; no HTTP method starts with it."""
GRACE_SECONDS = 2.0
"""How long a stopping server waits for requests in progress."""
LINGER_SECONDS = 1.0
"""Read timeout before a connection is closed: closing while the client still sends could destroy the response."""

Refusal = Callable[[WSGIEnvironment, StartResponse, RequestError], Iterable[bytes]]
"""Returns an error response; the environ is empty for a request that could not be parsed."""

log = logging.getLogger(__name__)


def as_json(environ: WSGIEnvironment, start_response: StartResponse, error: RequestError) -> Iterable[bytes]:
    """A `Refusal` in the form of AWS's JSON protocols."""
    body = json.dumps({"__type": error.code, "message": str(error)}).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(f"{error.status} {responses[error.status]}", headers)
    return [body]


class Connection(threading.Thread):
    """One connection: any number of requests, one after the other."""

    def __init__(self, server: Server, sock: socket.socket, client: Any, limits: Limits, overloaded: bool) -> None:
        super().__init__(daemon=True, name="http")
        self._server, self._limits, self._overloaded = server, limits, overloaded
        self._sock = sock
        self._client = client[:2] if client else ("", 0)
        self.idle = True  # between two requests

    def run(self) -> None:
        """Answers until one of the two sides ends the connection."""
        try:
            self._sock.settimeout(self._limits.idle_seconds)
            fixed = fixed_environ(self._take_up_tls(), self._server.address, self._client)
            receiver = Receiver(self._sock, self._limits)
            while self._next(receiver, fixed):
                pass
        except OSError:  # the client disconnected, or TLS failed
            log.debug("connection from %s", self._client, exc_info=True)
        except Exception:
            log.exception("connection from %s", self._client)
        finally:
            self._server.forget(self)
            self._sock.close()

    def cut(self, how: int) -> None:
        """Shuts down reading (SHUT_RD) or both directions, from another thread."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(
                self._sock, how
            )  # not SSLSocket.shutdown, which drops the TLS state that the reading thread uses

    def _take_up_tls(self) -> str:
        tls = self._server.tls
        if tls is None or self._sock.recv(1, socket.MSG_PEEK) != TLS_HANDSHAKE:
            return "http"
        self._sock = tls.wrap_socket(self._sock, server_side=True, do_handshake_on_connect=False)
        self._sock.do_handshake()
        return "https"

    def _next(self, receiver: Receiver, fixed: WSGIEnvironment) -> bool:
        """Whether another request may follow."""
        self.idle = True
        if self._server.stopping:
            return False
        request: Request | None = None
        environ: WSGIEnvironment = {}
        try:
            request = receiver.next()
            self.idle = False
            if request is None:
                return False
            environ = make_environ(request, receiver, fixed)
            receiver.check(request)
            if self._overloaded:
                raise RequestError(503, "Too many connections. Please try again.")
        except RequestError as error:
            self._refuse(Reply(self._sock, request or Request()), environ, error)
            return self._linger()
        body, reply = environ["wsgi.input"], Reply(self._sock, request, environ["wsgi.input"])
        self._answer(environ, reply)
        if reply.keep_open and body.drain():
            return True
        return False if request.complete else self._linger()

    def _answer(self, environ: WSGIEnvironment, reply: Reply) -> None:
        body = environ["wsgi.input"]
        try:
            pieces = self._server.app(environ, reply.start)
            try:
                if body.failure is not None:  # the application used an incomplete body
                    raise body.failure
                reply.keep_open = reply.keep_open and not self._server.stopping
                reply.send(pieces)
            finally:
                if hasattr(pieces, "close"):
                    pieces.close()
        except ClientGone:
            raise
        except RequestError as error:
            self._refuse(reply, environ, error)
        except Exception:
            log.exception("%s %s", environ["REQUEST_METHOD"], environ["RAW_URI"])
            unknown = RequestError(500, "The request processing has failed because of an unknown error.")
            self._refuse(reply, environ, unknown)

    def _refuse(self, reply: Reply, environ: WSGIEnvironment, error: RequestError) -> None:
        """Sends an error response, unless a response has been started, and marks the connection to be closed."""
        reply.keep_open = False
        if not reply.begun:
            reply.send(self._server.refusal(environ, reply.start, error))

    def _linger(self) -> bool:
        """Closes the connection so that a client that is still sending can read the response. Returns False."""
        self._sock.shutdown(socket.SHUT_WR)
        self._sock.settimeout(LINGER_SECONDS)
        end, read = time.monotonic() + self._limits.idle_seconds, 0
        while read < DRAIN_BYTES and time.monotonic() < end and (data := self._sock.recv(1 << 16)):
            read += len(data)
        return False


class Server:
    """Serves a listening socket, each connection in a daemon thread, from `start` to `stop` or as a context manager."""

    def __init__(
        self,
        app: WSGIApplication,
        listener: socket.socket,
        limits: Limits,
        tls: ssl.SSLContext | None,
        refusal: Refusal,
    ) -> None:
        self.app, self.tls, self.refusal = app, tls, refusal
        self.stopping = False
        self._limits = limits
        self._listener = listener
        name = listener.getsockname()
        self.address: tuple[str, int] = name[:2] if isinstance(name, tuple) else ("", 0)
        self._connections: set[Connection] = set()
        self._waker, self._woken = socket.socketpair()
        self._accepting = threading.Thread(target=self._accept, daemon=True, name="http-accept")

    @property
    def port(self) -> int:
        """The TCP port, 0 for a Unix socket."""
        return self.address[1]

    def start(self) -> Self:
        """Starts to accept connections."""
        self._accepting.start()
        return self

    def stop(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """Stops accepting requests, gives those in progress `grace_seconds` to finish, and closes all connections."""
        self.stopping = True
        self._waker.send(b"x")
        if self._accepting.is_alive():
            self._accepting.join()
        for end in (self._listener, self._waker, self._woken):
            end.close()
        for connection in list(self._connections):
            if connection.idle:
                connection.cut(socket.SHUT_RD)
        self._join(grace_seconds)
        for connection in list(self._connections):
            connection.cut(socket.SHUT_RDWR)
        self._join(1.0)

    def _join(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for connection in list(self._connections):
            connection.join(max(0.0, deadline - time.monotonic()))

    def forget(self, connection: Connection) -> None:
        """Removes a connection that has ended."""
        self._connections.discard(connection)

    def _accept(self) -> None:
        self._listener.setblocking(False)
        with selectors.DefaultSelector() as ready:
            for end in (self._listener, self._woken):
                ready.register(end, selectors.EVENT_READ)
            while not self.stopping:
                ready.select()
                while len(self._connections) >= 2 * self._limits.connections and not self.stopping:
                    time.sleep(0.01)
                try:
                    if not self.stopping:
                        self._take(*self._listener.accept())
                except BlockingIOError:  # the client has already disconnected
                    pass
                except (OSError, RuntimeError) as error:  # out of file descriptors or threads
                    log.warning("cannot accept a connection: %s", error)
                    time.sleep(0.1)

    def _take(self, sock: socket.socket, client: Any) -> None:
        overloaded = len(self._connections) >= self._limits.connections
        connection = Connection(self, sock, client, self._limits.overloaded if overloaded else self._limits, overloaded)
        self._connections.add(connection)
        try:
            connection.start()
        except RuntimeError:
            self.forget(connection)
            sock.close()
            raise

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def make_server(
    app: WSGIApplication,
    listener: socket.socket | None = None,
    *,
    limits: Limits = DEFAULT,
    tls: ssl.SSLContext | None = None,
    refusal: Refusal = as_json,
) -> Server:
    """A server for `app` on `listener`, by default on a free port of 127.0.0.1.

    With `tls`, clients may speak either HTTP or HTTPS.
    """
    return Server(app, listener or socket.create_server(("127.0.0.1", 0)), limits, tls, refusal)
