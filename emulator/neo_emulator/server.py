"""The HTTP server: werkzeug's threaded one, as moto's own; moto's S3 needs what only that puts into the environ."""

from __future__ import annotations

import logging
from typing import Any
from wsgiref.types import WSGIApplication

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler
from werkzeug.serving import make_server as make_werkzeug_server

from neo_emulator.moto_bridge import keep_underscores

log = logging.getLogger(__name__)


class RequestHandler(WSGIRequestHandler):
    """Speaks HTTP/1.1, one request per connection, and logs requests only on DEBUG."""

    disable_nagle_algorithm = True  # head and body are two writes; the second must not wait for an ACK

    def handle_expect_100(self) -> bool:
        """True: go on. werkzeug itself sends "100 Continue" later; http.server's would be a second one."""
        return True

    def make_environ(self) -> dict[str, Any]:
        """werkzeug's environ, with S3 metadata under its own names."""
        environ = super().make_environ()
        keep_underscores(environ, dict(self.headers.items()))
        return environ

    def log(self, type: str, message: str, *args: Any) -> None:
        """What werkzeug says of a connection: errors as they are, requests on DEBUG."""
        level = logging.DEBUG if type == "info" else logging.getLevelName(type.upper())
        log.log(level, message, *args)


def make_server(
    app: WSGIApplication, host: str = "127.0.0.1", port: int = 0, *, fd: int | None = None
) -> BaseWSGIServer:
    """A server that listens already; `serve_forever` answers, each request in a daemon thread.

    `port` 0 takes a free one, found in `server.port`; `fd` is a listening socket to use instead of host and port.
    Raises OSError when the address is taken.
    """
    return make_werkzeug_server(host, port, app, threaded=True, request_handler=RequestHandler, fd=fd)
