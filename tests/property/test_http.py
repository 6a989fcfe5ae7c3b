"""Requests out of any bytes, however the network cuts them."""

from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from neo_emulator.http.errors import ClientGone, RequestError
from neo_emulator.http.limits import Limits
from neo_emulator.http.receiver import Receiver
from neo_emulator.http.request import fixed_environ, make_environ

LIMITS = Limits(head_bytes=4096, headers=30, body_bytes=10_000)
FIXED = fixed_environ("http", ("127.0.0.1", 80), ("127.0.0.1", 1))
WORDS = [
    *(b"GET ", b"POST ", b"/", b"/a%2Fb?c=d", b"http://h/k", b"http://[::1", b"*", b" HTTP/1.1\r\n", b" HTTP/1.0\r\n"),
    *(b"Host: h\r\n", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n"),
    *(b"Connection: upgrade\r\nUpgrade: h2c\r\n", b"Connection: close\r\n", b"X: \xff\r\n", b"x-amz-meta-a_b: 1\r\n"),
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b" ",
        b":",
        b"abc",
        b"3\r\nabc\r\n",
        b"0\r\n\r\n",
        b"ffffffffffffffff\r\n",
        b"x" * 5000,
    ),
    b"POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
    b"POST /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"GET /3 HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
]


class Pieces:
    """A socket that gives these pieces, and then the client's end."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def recv_into(self, buffer: memoryview, most: int) -> int:
        piece = self._pieces.pop(0) if self._pieces else b""
        assert len(piece) <= most
        buffer[: len(piece)] = piece
        return len(piece)

    def sendall(self, data: bytes) -> None:
        assert data == b"HTTP/1.1 100 Continue\r\n\r\n"

    def settimeout(self, seconds: float) -> None:
        assert seconds > 0

    def gettimeout(self) -> float:
        return LIMITS.idle_seconds


def read(pieces: list[bytes]) -> list[Any]:
    """What the server would make of it: the requests, and how it ended."""
    receiver, seen = Receiver(cast(Any, Pieces(pieces)), LIMITS), []
    try:
        while (request := receiver.next()) is not None:
            environ = make_environ(request, receiver, FIXED)
            seen.append((environ["REQUEST_METHOD"], environ["RAW_URI"], environ["wsgi.input"].read()))
    except RequestError as error:
        seen.append(error.status)
    except ClientGone:
        seen.append("gone")
    return seen


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(b"".join), st.lists(st.integers(0, 300), max_size=8))
def test_where_the_network_cuts_changes_nothing(data: bytes, cuts: list[int]) -> None:
    ends = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
    pieces = [data[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
    whole, cut = read([data]), read(pieces)
    if whole != cut:  # the one difference: the status of a fault, which may be seen earlier or with less around it
        assert whole[:-1] == cut[:-1]
        assert {whole[-1], cut[-1]} <= {400, 413, 414, 431, 501, 505, "gone"}


@given(st.binary(max_size=200))
def test_any_bytes_are_requests_or_refused(data: bytes) -> None:
    assert read([data]) == [] or isinstance(read([data])[-1], int | str | tuple)
