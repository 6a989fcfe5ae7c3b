"""A stock moto server in this process, for parts that only need some S3."""

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from moto.server import ThreadedMotoServer


@contextmanager
def moto_server() -> Iterator[str]:
    """Its endpoint. moto's state is one for the process, so it is emptied in the end: other tests look at it."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    yield endpoint
    urllib.request.urlopen(f"{endpoint}/moto-api/reset", b"", timeout=60).close()
    server.stop()
