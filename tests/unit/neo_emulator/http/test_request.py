"""Requests from bytes to environ: what werkzeug and moto would make of them, and what cannot be read."""

import io
from typing import Any

import pytest

from neo_emulator.http.request import Body, ChunkedBody, keeps_connection, make_environ, read_head
from neo_emulator.protocol.errors import RequestError


def environ(data: bytes) -> dict[str, Any]:
    stream = io.BytesIO(data)
    head = read_head(stream)
    assert head is not None
    return make_environ(head, stream, {"wsgi.url_scheme": "http"})


def test_a_request() -> None:
    made = environ(
        b"POST /b/a%2Fb%20c?list-type=2&x HTTP/1.1\r\nHost: h:1\r\nContent-Type: text/plain\r\nX-A:  1 \r\nx-a: 2\r\n"
        b"Content-Length: 3\r\n\r\nabcNEXT"
    )
    assert (made["REQUEST_METHOD"], made["SERVER_PROTOCOL"], made["HTTP_HOST"]) == ("POST", "HTTP/1.1", "h:1")
    assert (made["PATH_INFO"], made["QUERY_STRING"]) == ("/b/a/b c", "list-type=2&x")
    assert made["RAW_URI"] == made["REQUEST_URI"] == "/b/a%2Fb%20c?list-type=2&x"
    assert (made["CONTENT_TYPE"], made["CONTENT_LENGTH"], made["HTTP_X_A"]) == ("text/plain", "3", "1,2")
    assert made["wsgi.input"].read() == b"abc"


def test_bytes_of_a_path_stay_as_they_are() -> None:
    assert environ(b"GET /%C3%A9%ff HTTP/1.1\r\n\r\n")["PATH_INFO"].encode("latin-1") == b"/\xc3\xa9\xff"
    assert environ("GET /é HTTP/1.1\r\n\r\n".encode())["PATH_INFO"].encode("latin-1") == "/é".encode()


def test_an_absolute_url_names_the_host() -> None:
    made = environ(b"GET http://b.s3.local:1/k?q HTTP/1.1\r\nHost: other\r\n\r\n")
    assert (made["HTTP_HOST"], made["PATH_INFO"], made["QUERY_STRING"]) == ("b.s3.local:1", "/k", "q")


def test_underscores_only_of_metadata() -> None:
    made = environ(b"PUT /b/k HTTP/1.1\r\nx-amz-meta-a_b: 1\r\nContent_Length: 9\r\nX_Amz_Target: evil\r\n\r\n")
    assert made["HTTP_X_AMZ_META_A_B"] == "1"
    assert not {"CONTENT_LENGTH", "HTTP_X_AMZ_TARGET"} & set(made)


def test_folded_values_and_empty_lines_before_a_request() -> None:
    assert environ(b"\r\nGET / HTTP/1.1\r\nX-A: 1\r\n  2\r\n\r\n")["HTTP_X_A"] == "1 2"


def test_chunked_bodies_override_a_length() -> None:
    made = environ(
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    assert "CONTENT_LENGTH" not in made
    assert made["wsgi.input"].read() == b"abcde"


@pytest.mark.parametrize("data", [b"", b"GET / HTTP/1.1\r\nHost: h\r\n", b"\r\n"])
def test_a_client_that_has_gone(data: bytes) -> None:
    assert read_head(io.BytesIO(data)) is None


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n", 400),
        (b"GET / a b HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 201 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length : 3\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: -3\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_read(data: bytes, status: int) -> None:
    with pytest.raises(RequestError) as refused:
        environ(data)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("version", "wish", "keeps"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"close", False),
        (b"1.1", b"Close", False),
        (b"1.0", b"", False),
        (b"1.0", b"Keep-Alive", True),
    ],
)
def test_keeping_the_connection(version: bytes, wish: bytes, keeps: bool) -> None:
    header = b"Connection: " + wish + b"\r\n" if wish else b""
    assert keeps_connection(environ(b"GET / HTTP/" + version + b"\r\n" + header + b"\r\n")) is keeps


def test_rest_of_a_body() -> None:
    stream = io.BytesIO(b"abcdefNEXT")
    body = Body(stream, 6)
    assert body.read(2) == b"ab"
    assert body.drain()
    assert stream.read() == b"NEXT"
    assert not Body(io.BytesIO(b"short"), 9).drain()
    assert not Body(io.BytesIO(b""), 1 << 31).drain()


def test_a_body_that_was_cut_is_no_body() -> None:
    for body in (Body(io.BytesIO(b"short"), 9), ChunkedBody(io.BytesIO(b"5\r\nabc"))):
        with pytest.raises(ConnectionError):
            body.read()


def test_chunks_extensions_and_trailers() -> None:
    stream = io.BytesIO(b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\nOther: o\r\n\r\nNEXT")
    body = ChunkedBody(stream)
    assert body.read(2) == b"ab"
    assert body.read() == b"c0123456789"
    assert body.drain()
    assert stream.read() == b"NEXT"


@pytest.mark.parametrize("data", [b"\r\n", b"zz\r\nab", b"-1\r\n", b"2\r\nabc\r\n0\r\n\r\n", b"0x2\r\nab\r\n"])
def test_what_is_no_chunk(data: bytes) -> None:
    with pytest.raises(RequestError):
        ChunkedBody(io.BytesIO(data)).read()
    assert not ChunkedBody(io.BytesIO(data)).drain()
