import http.client
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from neo_emulator.server import make_server


@contextmanager
def serving(app: Any, **options: Any) -> Iterator[int]:
    server = make_server(app, **options)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def echo(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["RAW_URI"].encode(), b" ", environ.get("HTTP_X_AMZ_META_A_B", "").encode()]


def get(port: int, path: str, **headers: str) -> tuple[int, bytes, int]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    answer = response.status, response.read(), response.version
    connection.close()
    return answer


def test_raw_path_underscores_and_version() -> None:
    with serving(echo) as port:
        assert get(port, "/a%2Fb?c", **{"x-amz-meta-a_b": "1"}) == (200, b"/a%2Fb?c 1", 11)


def test_given_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
        with serving(echo, host="127.0.0.1", port=number, fd=listener.fileno()) as port:
            assert port == number
            assert get(port, "/")[0] == 200


def test_expect_continue() -> None:
    def read_one(environ: Any, start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"].read(1)
        start_response("200 OK", [("Content-Length", "1")])
        return [body]

    with serving(read_one) as port, socket.create_connection(("127.0.0.1", port), 5) as client:
        client.sendall(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"x")
        answer = b"".join(iter(lambda: client.recv(1000), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nx")


def test_quiet_but_for_errors(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(environ: Any, start_response: Any) -> list[bytes]:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(logging.getLogger(), "handlers", [caplog.handler])  # not those that other tests left behind
    caplog.set_level(logging.INFO)
    with serving(echo) as port:
        get(port, "/")
    assert caplog.records == []
    with serving(broken) as port:
        assert get(port, "/")[0] == 500
    assert "on purpose" in caplog.text
