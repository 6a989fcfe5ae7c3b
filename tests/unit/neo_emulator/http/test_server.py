"""The server over small applications: framing, limits, what fails, and how it stops."""

import contextlib
import hashlib
import http.client
import logging
import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.waiting import takes

from neo_emulator.http.limits import Limits
from neo_emulator.http.server import make_server

Say = Callable[..., bytes]
CLOSE = b"Connection: close\r\n\r\n"


def echo(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["RAW_URI"].encode()]


def read_all(environ: Any, start_response: Any) -> list[bytes]:
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def lazy(environ: Any, start_response: Any) -> list[bytes]:
    """Leaves its body unread."""
    start_response("200 OK", [("Content-Length", "2")])
    return [environ["PATH_INFO"].encode()]


def get(port: int, path: str) -> tuple[int, bytes, int]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path)
    response = connection.getresponse()
    answer = response.status, response.read(), response.version
    connection.close()
    return answer


def test_raw_path_and_version() -> None:
    with make_server(echo) as server:
        assert get(server.port, "/a%2Fb?c") == (200, b"/a%2Fb?c", 11)


def test_go_on_is_said_when_the_body_is_asked_for() -> None:
    with make_server(read_all) as server, socket.create_connection(server.address, 5) as client:
        client.sendall(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: 100-continue\r\n" + CLOSE)
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"x")
        answer = b"".join(iter(lambda: client.recv(1000), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nx")


def test_go_on_is_not_said_without_need(say: Say) -> None:
    head = b"PUT /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    with make_server(lazy) as server:
        said = say(server, head)  # ends: whether the client sends the body after this answer nobody knows
        assert said.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nConnection: close\r\n" in said
        assert say(server, head + b"xyGET /2 HTTP/1.1\r\nHost: h\r\n" + CLOSE).count(b"HTTP/1.1 200 OK") == 2
    with make_server(read_all) as server:
        assert b"100 Continue" not in say(server, head + b"xyGET /2 HTTP/1.1\r\nHost: h\r\n" + CLOSE)
        old = say(server, head.replace(b"1.1", b"1.0") + b"xy")
        assert old.startswith(b"HTTP/1.1 200 OK\r\n")


def test_quiet_but_for_errors(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(environ: Any, start_response: Any) -> list[bytes]:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(logging.getLogger(), "handlers", [caplog.handler])  # not those that other tests left behind
    caplog.set_level(logging.INFO)
    with make_server(echo) as server:
        get(server.port, "/")
    assert caplog.records == []
    with make_server(broken) as server:
        assert get(server.port, "/")[0] == 500
    assert "on purpose" in caplog.text


@pytest.mark.parametrize("error", [TimeoutError, ConnectionResetError, BrokenPipeError, OSError, ValueError])
def test_what_an_application_raises_is_answered(say: Say, error: type[Exception]) -> None:
    def failing(environ: Any, start_response: Any) -> list[bytes]:
        raise error("of something else than this connection")

    with make_server(failing) as server:
        said = say(server, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert b'{"__type": "InternalFailure"' in said


def test_an_answer_that_breaks_off_ends_the_connection(say: Say) -> None:
    def breaks(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"abc"
        raise TimeoutError("on purpose")

    with make_server(breaks) as server:
        said = say(server, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert said.endswith(b"3\r\nabc\r\n")  # and no last chunk: the client knows that this is not all


def test_a_header_cannot_carry_another(say: Say) -> None:
    for value in ("a\r\nSet-Cookie: x", "a\rb", "a\nb", "a\0b"):

        def splitting(environ: Any, start_response: Any, value: str = value) -> list[bytes]:
            start_response("200 OK", [("X-A", value)])
            return [b""]

        with make_server(splitting) as server:
            said = say(server, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert said.startswith(b"HTTP/1.1 500 ")
        assert b"X-A" not in said


def test_many_requests_on_one_connection(say: Say) -> None:
    requests = b"".join(
        b"POST /%d HTTP/1.1\r\nHost: h\r\nContent-Length: 70000\r\n\r\n" % n + b"x" * 70000 for n in range(3)
    )
    with make_server(lazy) as server:
        said = say(server, requests + b"GET /9 HTTP/1.1\r\nHost: h\r\n" + CLOSE)
    assert [part[-2:] for part in said.split(b"HTTP/1.1 200 OK")[1:]] == [b"/0", b"/1", b"/2", b"/9"]
    assert said.count(b"Connection: keep-alive") == 3


def test_body_without_length_is_chunked_and_head_has_none(say: Say) -> None:
    def stream(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"abc"
        yield b""
        yield b"de"

    with make_server(stream) as server:
        said = say(server, b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n" + CLOSE)
        head, body = said.split(b"\r\n\r\n", 2)[0], said.split(b"\r\n\r\n", 2)[2]
        assert b"chunked" not in head
        assert body == b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        old = say(server, b"GET / HTTP/1.0\r\n\r\n")
    assert b"chunked" not in old
    assert old.endswith(b"\r\n\r\nabcde")


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\n", True),
        (b"GET /1 HTTP/1.1\r\nHost: h\r\nConnection: foo, Close\r\n\r\n", False),
        (b"GET /1 HTTP/1.0\r\n\r\n", False),
        (b"GET /1 HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", True),
    ],
)
def test_keeping_the_connection(say: Say, asked: bytes, kept: bool) -> None:
    with make_server(lazy) as server:
        assert (b"\r\nConnection: keep-alive\r\n" in say(server, asked, close=True)) is kept


def test_a_body_of_another_length_than_was_promised(say: Say) -> None:
    def wrong(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Length", "4")])
        return [environ["PATH_INFO"].encode()]

    with make_server(wrong) as server:
        assert say(server, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n").endswith(b"/a")  # and then the end
        long = say(server, b"GET /abcdef HTTP/1.1\r\nHost: h\r\n\r\nGET /ghi HTTP/1.1\r\nHost: h\r\n" + CLOSE)
    assert [part[-4:] for part in long.split(b"HTTP/1.1 200 OK")[1:]] == [b"/abc", b"/ghi"]


def test_client_that_goes_away_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    def large(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        for _ in range(200):
            yield b"x" * 100_000

    with make_server(large) as server:
        client = socket.create_connection(server.address, 5)
        client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        client.recv(10)
        client.close()
        assert get(server.port, "/")[0] == 200
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_bodies_of_any_size_pass_through_without_being_held() -> None:
    block, count = b"0123456789abcdef" * 4096, 1600  # 100 MiB each way

    def digest_and_back(environ: Any, start_response: Any) -> Iterator[bytes]:
        seen = hashlib.sha256()
        while data := environ["wsgi.input"].read(1 << 18):
            seen.update(data)
        start_response("200 OK", [("X-Digest", seen.hexdigest())])
        yield from (block for _ in range(count))

    with make_server(digest_and_back) as server:
        connection = http.client.HTTPConnection(*server.address, timeout=60)
        tracemalloc.start()
        for headers in ({"Content-Length": str(len(block) * count)}, {"Transfer-Encoding": "chunked"}):
            chunked = "Transfer-Encoding" in headers
            connection.request("PUT", "/", (block for _ in range(count)), headers, encode_chunked=chunked)
            response, size = connection.getresponse(), 0
            assert response.getheader("X-Digest") == hashlib.sha256(block * count).hexdigest()
            tracemalloc.reset_peak()
            while data := response.read(1 << 16):
                size += len(data)
            assert size == len(block) * count
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        connection.close()
    assert held < 8 << 20


def test_a_request_that_was_cut_is_refused_even_if_the_application_does_not_mind(say: Say) -> None:
    def careless(environ: Any, start_response: Any) -> list[bytes]:
        with contextlib.suppress(Exception):
            environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    with make_server(careless) as server:
        answer = say(server, b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc", close=True)
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"IncompleteBody" in answer
        chunked = b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nnothing\r\n"
        assert say(server, chunked).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_a_malformed_body_is_refused_even_if_nobody_reads_it(say: Say) -> None:
    with make_server(lazy) as server:
        said = say(server, b"PUT /1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nnothing\r\n")
    assert said.startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_what_is_no_http_is_refused_as_json(say: Say) -> None:
    with make_server(echo) as server:
        said = say(server, b"hello\r\n\r\n")
        assert said.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b'{"__type": "BadRequestException"' in said
        assert b"html" not in said.lower()


def test_idle_and_slow_clients_are_let_go() -> None:
    with make_server(read_all, limits=Limits(idle_seconds=0.3)) as server:
        for beginning in (b"", b"\r\n"):
            with socket.create_connection(server.address, 20) as client:
                client.sendall(beginning)
                assert client.recv(100) == b""
        for beginning in (
            b"GET / HT",
            b"GET / HTTP/1.1\r\nHost: h\r\nX-A: ",
            b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n",
        ):
            with socket.create_connection(server.address, 20) as client:
                client.sendall(beginning)
                assert client.recv(100).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


def test_a_head_byte_by_byte_has_no_more_time(say: Say) -> None:
    limits = Limits(idle_seconds=0.5)
    with make_server(read_all, limits=limits) as server, socket.create_connection(server.address, 20) as client:
        sender = threading.Thread(target=_drip, args=(client, b"GET / HTTP/1.1\r\nX: " + b"y" * 1000))
        sender.start()
        said = client.recv(100)
        sender.join()
    assert said.startswith(b"HTTP/1.1 408 Request Timeout\r\n")


def _drip(client: socket.socket, data: bytes) -> None:
    for number in range(len(data)):
        try:
            client.sendall(data[number : number + 1])
        except OSError:
            return
        takes(0.02)


def test_connections_beyond_the_limit_are_told_so(say: Say) -> None:
    ask = b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
    with make_server(lazy, limits=Limits(connections=2)) as server:
        held = [socket.create_connection(server.address, 20) for _ in range(2)]
        for each in held:
            each.sendall(ask)
            assert each.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
        said = say(server, ask)
        assert said.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b'{"__type": "ServiceUnavailable"' in said
        for each in held:
            each.close()
        while not (said := say(server, ask.replace(b"\r\n\r\n", b"\r\n" + CLOSE))).startswith(b"HTTP/1.1 200"):
            assert said.startswith(b"HTTP/1.1 503")  # the two that closed are still being put away


def test_a_stop_lets_requests_end_and_leaves_nothing() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(environ: Any, start_response: Any) -> list[bytes]:
        begun.set()
        assert go_on.wait(20)
        start_response("200 OK", [("Content-Length", "4")])
        return [b"done"]

    before = set(threading.enumerate())
    server = make_server(slow).start()
    idle = socket.create_connection(server.address, 20)
    busy = http.client.HTTPConnection(*server.address, timeout=20)
    busy.request("GET", "/")
    assert begun.wait(20)
    stopping = threading.Thread(target=server.stop, args=(20,))
    stopping.start()
    assert idle.recv(10) == b""
    with pytest.raises(OSError):
        socket.create_connection(server.address, 5)
    go_on.set()
    response = busy.getresponse()
    assert (response.read(), response.getheader("Connection")) == (b"done", "close")
    stopping.join(20)
    assert set(threading.enumerate()) - before == set()
    for end in (idle, busy):
        end.close()


def test_a_stop_does_not_wait_for_ever() -> None:
    never = threading.Event()

    def stuck(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        while not never.wait(0.01):
            yield b"x" * 1000

    server = make_server(stuck).start()
    with socket.create_connection(server.address, 20) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert client.recv(10)
        server.stop(0.1)
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("http")]
