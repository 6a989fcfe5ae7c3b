"""Bodies as an application reads them."""

import pytest
from unit.neo_emulator.http.reading import Arriving, body, one

from neo_emulator.http.body import Body
from neo_emulator.http.errors import RequestError


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
        with pytest.raises(RequestError) as refused:
            cut.read()
        assert (refused.value.status, refused.value.code) == (400, "IncompleteBody")
        assert cut.failure is refused.value
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
