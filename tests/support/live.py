"""A live server over an application, in this process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from neo_emulator.gateway.app import Application
from neo_emulator.http.server import make_server


@contextmanager
def serving(app: Application) -> Iterator[str]:
    """The endpoint of a server for `app`; afterwards moto is empty and the port is free."""
    server = make_server(app)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    app.moto.reset()
    server.shutdown()
    thread.join()
    server.server_close()
