import http.client
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from neo_emulator.http.server import make_server


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
        client.sendall(
            b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
        )
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


def answers(port: int, requests: bytes) -> bytes:
    """All that the server says to these bytes until it closes the connection."""
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        client.sendall(requests)
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_many_requests_on_one_connection() -> None:
    def lazy(environ: Any, start_response: Any) -> list[bytes]:  # leaves its body unread
        start_response("200 OK", [("Content-Length", "2")])
        return [environ["PATH_INFO"].encode()]

    requests = b"".join(
        b"POST /%d HTTP/1.1\r\nHost: h\r\nContent-Length: 70000\r\n\r\n" % n + b"x" * 70000 for n in range(3)
    )
    with serving(lazy) as port:
        said = answers(port, requests + b"GET /9 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert [part[-2:] for part in said.split(b"HTTP/1.1 200 OK")[1:]] == [b"/0", b"/1", b"/2", b"/9"]
    assert said.count(b"Connection: keep-alive") == 3


def test_body_without_length_is_chunked_and_head_has_none() -> None:
    def stream(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"abc"
        yield b"de"

    with serving(stream) as port:
        said = answers(
            port, b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        )
        head, body = said.split(b"\r\n\r\n", 2)[0], said.split(b"\r\n\r\n", 2)[2]
        assert b"chunked" not in head
        assert body == b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        old = answers(port, b"GET / HTTP/1.0\r\n\r\n")
    assert b"chunked" not in old
    assert old.endswith(b"\r\n\r\nabcde")


def test_connection_ends_when_the_body_is_shorter_than_promised() -> None:
    def short(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Length", "9")])
        return [b"abc"]

    with serving(short) as port:
        assert answers(port, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").endswith(b"abc")


def test_client_that_goes_away_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    def large(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        for _ in range(200):
            yield b"x" * 100_000

    with serving(large) as port:
        client = socket.create_connection(("127.0.0.1", port), 5)
        client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        client.recv(10)
        client.close()
        assert get(port, "/")[0] == 200
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_what_is_no_http_is_refused_as_json() -> None:
    with serving(echo) as port:
        said = answers(port, b"hello\r\n\r\n")
        assert said.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b'{"__type": "BadRequestException"' in said
        assert answers(port, b"GET / HTTP/2.0\r\n\r\n").startswith(b"HTTP/1.1 505 HTTP Version Not Supported\r\n")
        assert b"html" not in said.lower()
