"""A live server over an application, in this process."""

from collections.abc import Iterator
from contextlib import contextmanager

from neo_emulator.gateway.app import Application, refusal
from neo_emulator.http.server import make_server


@contextmanager
def serving(app: Application) -> Iterator[str]:
    """The endpoint of a server for `app`; afterwards moto is empty and the port is free."""
    with make_server(app, refusal=refusal) as server:
        yield f"http://127.0.0.1:{server.port}"
        app.moto.reset()
