import os
import socket
from pathlib import Path
from typing import Any

import pytest

from neo_emulator.http.address import listen, reach, release
from neo_emulator.http.server import make_server


def hello(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


def ask(family: int, place: Any) -> bytes:
    with socket.socket(family) as client:
        client.settimeout(5)
        client.connect(place)
        client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        return b"".join(iter(lambda: client.recv(1000), b""))


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
        ("box", "http://box:80"),
    ],
)
def test_url_by_which_this_machine_reaches_the_server(address: str, url: str) -> None:
    class Bound:
        def getsockname(self) -> tuple[str, int]:
            return "10.0.0.1", 80

    assert reach(address, Bound()) == url  # type: ignore[arg-type]


@pytest.mark.parametrize(("address", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_port_0_picks_a_free_one(address: str, family: int) -> None:
    try:
        listener = listen(address, 0)
    except OSError:
        if family == socket.AF_INET6:
            pytest.skip("no IPv6 here")
        raise
    with make_server(hello, listener) as server:
        assert server.port > 0
        assert reach(address, listener).endswith(f":{server.port}")
        assert ask(family, listener.getsockname()).endswith(b"hello")
        with pytest.raises(OSError):
            listen(address, server.port)


def test_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    address = f"unix:{path}"
    listener = listen(address, 0)
    assert reach(address, listener) == "http+unix://" + str(path).replace("/", "%2F")
    with make_server(hello, listener):
        assert ask(socket.AF_UNIX, str(path)).endswith(b"hello")
        with pytest.raises(OSError):
            listen(address, 0)
    again = listen(address, 0)  # what a killed server leaves is taken over
    release(address, again)
    assert not path.exists()


def test_an_inherited_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as theirs:
        ours = listen(f"fd:{os.dup(theirs.fileno())}", 0)
        port = theirs.getsockname()[1]
    assert reach("fd:3", ours) == f"http://127.0.0.1:{port}"
    with make_server(hello, ours) as server:
        assert server.port == port
        assert ask(socket.AF_INET, ("127.0.0.1", port)).endswith(b"hello")


def test_what_is_no_listening_socket() -> None:
    with socket.socket() as sock, pytest.raises(ValueError, match="is not a listening socket"):
        listen(f"fd:{sock.fileno()}", 0)
    with pytest.raises(ValueError):
        listen("fd:x", 0)
    with pytest.raises(OSError):
        listen("fd:999", 0)
