"""Requests as WSGI environs: what werkzeug and moto would make of them, and what is refused beside the parser's own."""

import socket
from typing import Any

import pytest

from neo_emulator.http.errors import RequestError
from neo_emulator.http.limits import DEFAULT
from neo_emulator.http.receiver import Receiver
from neo_emulator.http.request import HEADERS, fixed_environ, make_environ


def environ(data: bytes) -> dict[str, Any]:
    client, server = socket.socketpair()
    with client, server:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        receiver = Receiver(server, DEFAULT)
        request = receiver.next()
        assert request is not None
        return make_environ(request, receiver, fixed_environ("http", ("127.0.0.1", 80), ("127.0.0.2", 1234)))


def get(target: bytes, *headers: bytes, method: bytes = b"GET", version: bytes = b"1.1") -> bytes:
    lines = [method + b" " + target + b" HTTP/" + version, *(headers or [b"Host: h"]), b"", b""]
    return b"\r\n".join(lines)


def test_a_request() -> None:
    made = environ(
        b"POST /b/a%2Fb%20c?list-type=2&x HTTP/1.1\r\nHost: h:1\r\nContent-Type: text/plain\r\nX-A:  1 \t\r\nx-a: 2\r\n"
        b"Content-Length: 3\r\n\r\nabc"
    )
    assert (made["REQUEST_METHOD"], made["SERVER_PROTOCOL"], made["HTTP_HOST"]) == ("POST", "HTTP/1.1", "h:1")
    assert (made["PATH_INFO"], made["QUERY_STRING"]) == ("/b/a/b c", "list-type=2&x")
    assert made["RAW_URI"] == made["REQUEST_URI"] == "/b/a%2Fb%20c?list-type=2&x"
    assert (made["CONTENT_TYPE"], made["CONTENT_LENGTH"], made["HTTP_X_A"]) == ("text/plain", "3", "1,2")
    assert made["wsgi.input"].read() == b"abc"


def test_bytes_of_a_path_stay_as_they_are() -> None:
    assert environ(get(b"/%C3%A9%ff"))["PATH_INFO"].encode("latin-1") == b"/\xc3\xa9\xff"


def test_an_absolute_url_names_the_host() -> None:
    made = environ(get(b"http://b.s3.local:1/k%2F?q", b"Host: other"))
    assert (made["HTTP_HOST"], made["PATH_INFO"], made["QUERY_STRING"]) == ("b.s3.local:1", "/k/", "q")
    assert made["RAW_URI"] == "/k%2F?q"
    assert environ(get(b"http://h", b"Host: h"))["RAW_URI"] == "/"


def test_a_path_begins_with_one_slash() -> None:
    assert environ(get(b"//b//k"))["RAW_URI"] == "/b//k"


def test_who_names_no_host_means_this_one() -> None:
    assert environ(b"GET / HTTP/1.0\r\n\r\n")["HTTP_HOST"] == "127.0.0.1:80"
    assert environ(get(b"/", b"Host:"))["HTTP_HOST"] == "127.0.0.1:80"


def test_underscores_pass_for_nothing_but_are_handed_on() -> None:
    made = environ(get(b"/b/k", b"Host: h", b"x-amz-meta-a_b: 1", b"Content_Length: 9", b"X_Amz_Target: evil"))
    assert not {"CONTENT_LENGTH", "HTTP_X_AMZ_TARGET", "HTTP_X_AMZ_META_A_B"} & set(made)
    assert made[HEADERS][1] == ("x-amz-meta-a_b", "1")
    assert HEADERS not in environ(get(b"/"))


def test_chunked_bodies_say_so() -> None:
    made = environ(b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    assert "CONTENT_LENGTH" not in made
    assert made["wsgi.input_terminated"]
    assert made["wsgi.input"].read() == b"abc"


@pytest.mark.parametrize("host", ["h", "h:80", "[::1]", "[::1]:80", "b_1.s3.localhost:4577", "1.2.3.4:", "%C3%A9.x"])
def test_hosts(host: str) -> None:
    assert environ(get(b"/", b"Host: " + host.encode()))["HTTP_HOST"] == host


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (get(b"/", b"X: y"), 400),
        (get(b"/", b"Host: a", b"Host: a"), 400),
        (get(b"/", b"Host: a", b"host: b"), 400),
        (get(b"/", b"Host: a, b"), 400),
        (get(b"/", b"Host: a/b"), 400),
        (get(b"/", b"Host: u@h"), 400),
        (get(b"/", b"Host: [::1"), 400),
        (get(b"/", b"Host: h:80x"), 400),
        (get(b"http://[::1"), 400),
        (get(b"http://u:p@h/"), 400),
        (get(b"ftp://h/"), 400),
        (get(b"/a#b"), 400),
        (get(b"*"), 400),
        (get(b"/", version=b"2.0"), 505),
        (get(b"/", b"Host: h", b"Expect: tea"), 417),
        (get(b"/", b"Host: h", b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n", 501),
        (get(b"/", b"Host: h", b"Transfer-Encoding: chunked", version=b"1.0") + b"0\r\n\r\n", 400),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_is_refused(data: bytes, status: int) -> None:
    with pytest.raises(RequestError) as refused:
        environ(data)
    assert refused.value.status == status
