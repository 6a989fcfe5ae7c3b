"""Requests out of the bytes of a connection, and bodies as an application reads them."""

import socket
from collections.abc import Callable, Iterator

import pytest

from neo_emulator.http.errors import ClientGone, RequestError
from neo_emulator.http.limits import Limits
from neo_emulator.http.receiver import Body, Receiver, Request

Arriving = Callable[..., Receiver]
LIMITS = Limits(head_bytes=2000, headers=20, body_bytes=100_000, idle_seconds=0.2)


@pytest.fixture
def arriving() -> Iterator[Arriving]:
    """A receiver of these bytes, after which the client has gone, or says nothing more if `goes` is False."""
    ends: list[socket.socket] = []

    def make(data: bytes, *, goes: bool = True) -> Receiver:
        client, server = socket.socketpair()
        ends.extend((client, server))
        server.settimeout(LIMITS.idle_seconds)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        client.sendall(data)
        if goes:
            client.shutdown(socket.SHUT_WR)
        return Receiver(server, LIMITS)

    yield make
    for end in ends:
        end.close()


def one(receiver: Receiver) -> Request:
    request = receiver.next()
    assert request is not None
    return request


def body(receiver: Receiver, length: int | None) -> Body:
    return Body(one(receiver), receiver, length, wants_continue=False)


def test_a_request_as_it_was_sent(arriving: Arriving) -> None:
    receiver = arriving(
        b"\r\n\r\nPOST /b/a%2Fb?x HTTP/1.1\r\nHost: h\r\nX-A:  1 \r\nx-a:\r\nContent-Length: 3\r\n\r\nabc"
    )
    request = one(receiver)
    assert (request.method, request.target, request.version) == ("POST", b"/b/a%2Fb?x", "1.1")
    assert [name for name, _ in request.headers] == [b"Host", b"X-A", b"x-a", b"Content-Length"]
    assert Body(request, receiver, 3, wants_continue=False).read() == b"abc"
    assert receiver.next() is None


def test_requests_in_one_read_come_one_after_the_other(arriving: Arriving) -> None:
    receiver = arriving(
        b"".join(b"PUT /%d HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nb%d" % (n, n) for n in range(5))
    )
    for number in range(5):
        request = one(receiver)
        assert request.target == b"/%d" % number
        assert Body(request, receiver, 2, wants_continue=False).read() == b"b%d" % number


def test_a_fault_comes_after_the_requests_before_it(arriving: Arriving) -> None:
    receiver = arriving(b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nbad header\r\n\r\n")
    assert one(receiver).target == b"/1"
    with pytest.raises(RequestError, match="cannot be read"):
        receiver.next()


def test_another_protocol_is_declined_and_the_body_stays(arriving: Arriving) -> None:
    receiver = arriving(
        b"POST /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
        b"Content-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nHost: h\r\n\r\n"
    )
    assert body(receiver, 3).read() == b"abc"
    assert one(receiver).target == b"/b"


def test_a_silent_client_is_no_fault_and_a_slow_one_is(arriving: Arriving) -> None:
    assert arriving(b"", goes=False).next() is None
    with pytest.raises(RequestError) as refused:
        arriving(b"GET / HTTP/1.1\r\nHost: h\r\n", goes=False).next()
    assert refused.value.status == 408
    with pytest.raises(RequestError) as refused:
        body(arriving(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc", goes=False), 9).read()
    assert refused.value.status == 408


def test_reading_in_parts(arriving: Arriving) -> None:
    lines = b"one\ntwo\nthree"
    head = b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(lines)
    part = body(arriving(head + lines), len(lines))
    assert (part.read(2), part.read(0), part.readline()) == (b"on", b"", b"e\n")
    buffer = bytearray(3)
    assert part.readinto(buffer) == 3
    assert bytes(buffer) == b"two"
    assert list(part) == [b"\n", b"three"]
    assert part.read() == part.read(5) == part.read1() == b""


def test_chunks_extensions_and_trailers(arriving: Arriving) -> None:
    receiver = arriving(
        b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'3;x="y"\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\nOther: o\r\n\r\nGET /next HTTP/1.1\r\nHost: h\r\n\r\n'
    )
    request = one(receiver)
    chunked = Body(request, receiver, None, wants_continue=False)
    assert chunked.read(2) == b"ab"
    assert chunked.read() == b"c0123456789"
    assert b"Trailer" not in [name for name, _ in request.headers]
    assert chunked.drain()
    assert one(receiver).target == b"/next"


def test_a_body_that_was_cut_is_no_body(arriving: Arriving) -> None:
    for framing, sent in ((b"Content-Length: 9", b"short"), (b"Transfer-Encoding: chunked", b"5\r\nabc")):
        cut = body(arriving(b"PUT / HTTP/1.1\r\nHost: h\r\n" + framing + b"\r\n\r\n" + sent), 9)
        with pytest.raises(ClientGone):
            cut.read()
        assert isinstance(cut.failure, ClientGone)
        assert not cut.drain()


@pytest.mark.parametrize("length", [100_001, 10**18, None])
def test_a_body_that_is_too_large(arriving: Arriving, length: int | None) -> None:
    framing = b"Transfer-Encoding: chunked" if length is None else b"Content-Length: %d" % length
    data = b"1F000\r\n" + b"x" * 0x1F000 + b"\r\n0\r\n\r\n" if length is None else b""
    large = body(arriving(b"PUT / HTTP/1.1\r\nHost: h\r\n" + framing + b"\r\n\r\n" + data), length)
    with pytest.raises(RequestError) as refused:
        large.read()
    assert refused.value.status == 413


@pytest.mark.parametrize(
    "data", [b"\r\n", b"zz\r\nab", b"-1\r\n", b"2\r\nabc\r\n0\r\n\r\n", b"0x2\r\nab\r\n", b"2\nab\n"]
)
def test_what_is_no_chunk(arriving: Arriving, data: bytes) -> None:
    bad = body(arriving(b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + data), None)
    with pytest.raises(RequestError) as refused:
        bad.read()
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "flood", [b"0\r\n" + b"T: x\r\n" * 100_000, b"1;" + b"x" * 300_000, b"0\r\nT: " + b"x" * 300_000]
)
def test_what_comes_beside_a_chunked_body_has_a_limit(arriving: Arriving, flood: bytes) -> None:
    head = b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    endless = body(arriving(head + flood[: 1 << 17]), None)
    with pytest.raises(RequestError) as refused:
        endless.read()
    assert refused.value.status == 431
