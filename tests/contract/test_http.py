"""What is wrong with a request as such: each case of RFC 9110 and 9112 gets its answer, in AWS's form, and no request
that came before or comes after is touched by it.
"""

import base64
import contextlib
import json
import re
import socket
import zlib
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from support.live import serving
from support.waiting import takes

from neo_emulator.gateway.app import create_app
from neo_workers.settings import Settings
from neo_workers.store.store import Store

Say = Callable[..., "Answer"]
LIST = b"POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: SageMaker.ListCompilationJobs\r\nContent-Length: 2\r\n\r\n{}"
SIGNED = (
    b"Authorization: AWS4-HMAC-SHA256 Credential=AKID/20240101/us-east-1/%b/aws4_request, SignedHeaders=h, Signature=0"
)
S3 = SIGNED % b"s3"


class Answer:
    """The last of the answers to what was said, which must be complete, and the end of the connection after it."""

    def __init__(self, said: bytes) -> None:
        assert said, "silence"
        begins = [match.start() for match in re.finditer(rb"HTTP/1\.1 \d\d\d ", said)]
        head, _, self.body = said[begins[-1] :].partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split()[1])
        self.count = len(begins)
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        assert len(self.body) == int(self.headers["content-length"])

    @property
    def code(self) -> str:
        """The AWS error's code."""
        if self.body.startswith(b"<?xml"):
            return ElementTree.fromstring(self.body).findtext(".//Code") or ""
        return str(json.loads(self.body)["__type"])


def exchange(url: str, *parts: bytes) -> Answer:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 30) as client:
        for part in parts:
            client.sendall(part)
        return Answer(b"".join(iter(lambda: client.recv(65536), b"")))


@pytest.fixture
def say(url: str) -> Say:
    return lambda *parts: exchange(url, *parts)


def lines(*each: bytes, first: bytes = b"GET / HTTP/1.1") -> bytes:
    return b"\r\n".join([first, *each, b"", b""])


def post(*each: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    return lines(b"Host: h", *each, first=b"POST / HTTP/" + version) + body


def chunked(body: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", body=body)


MALFORMED = {
    # RFC 9112, 3.2: Host
    "no Host": (lines(b"X: y"), 400),
    "two Hosts": (lines(b"Host: h", b"Host: h"), 400),
    "a list of Hosts": (lines(b"Host: a, b"), 400),
    "a Host that is a path": (lines(b"Host: h/p"), 400),
    # 6.3: the body's length
    "length and chunked": (post(b"Content-Length: 3", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 400),
    "chunked and length": (post(b"Transfer-Encoding: chunked", b"Content-Length: 3", body=b"0\r\n\r\n"), 400),
    "a length of 5000 digits": (post(b"Content-Length: " + b"9" * 5000), 400),
    "a length of 10^18": (post(b"Content-Length: 1" + b"0" * 18), 413),
    "a length of 2^64": (post(b"Content-Length: 18446744073709551616"), 400),
    "a negative length": (post(b"Content-Length: -5"), 400),
    "a length with a sign": (post(b"Content-Length: +5", body=b"hello"), 400),
    "a length in hex": (post(b"Content-Length: 0x5", body=b"hello"), 400),
    "an empty length": (post(b"Content-Length:"), 400),
    "two lengths": (post(b"Content-Length: 5", b"Content-Length: 6", body=b"hello!"), 400),
    "a list of lengths": (post(b"Content-Length: 5, 5", body=b"hello"), 400),
    "another coding": (post(b"Transfer-Encoding: gzip", body=b"x"), 400),
    "another coding, then chunked": (post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), 501),
    "chunked, then another": (post(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"), 400),
    "chunked twice": (post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 400),
    "nearly chunked": (post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"), 400),
    "chunked in HTTP/1.0": (post(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n", version=b"1.0"), 400),
    # 7.1: chunks
    "a chunk without a size": (chunked(b"\r\n"), 400),
    "a chunk size that is none": (chunked(b"zz\r\nab\r\n0\r\n\r\n"), 400),
    "a negative chunk": (chunked(b"-2\r\nab\r\n0\r\n\r\n"), 400),
    "a chunk size with 0x": (chunked(b"0x2\r\nab\r\n0\r\n\r\n"), 400),
    "a chunk of 2^68 bytes": (chunked(b"f" * 17 + b"\r\nab"), 400),
    "a chunk longer than it says": (chunked(b"2\r\nabc\r\n0\r\n\r\n"), 400),
    "a chunk line ended by LF": (chunked(b"2\nab\r\n0\r\n\r\n"), 400),
    "a chunk extension ended by LF": (chunked(b"2;a\nxx\r\nab\r\n0\r\n\r\n"), 400),
    "an endless chunk extension": (chunked(b"2;" + b"a" * 400_000), 431),
    "endless trailers": (chunked(b"0\r\n" + b"T: x\r\n" * 60_000), 431),
    # 2.2 and 5: lines and headers
    "lines ended by LF": (b"GET / HTTP/1.1\nHost: h\n\n", 400),
    "a header ended by LF": (b"GET / HTTP/1.1\r\nHost: h\r\nX: a\nY: b\r\n\r\n", 400),
    "a head ended by LF": (b"GET / HTTP/1.1\r\nHost: h\r\n\n", 400),
    "a CR in a value": (lines(b"Host: h", b"X: a\rb"), 400),
    "a NUL in a value": (lines(b"Host: h", b"X: a\0b"), 400),
    "a control character in a value": (lines(b"Host: h", b"X: a\x01b"), 400),
    "a folded value": (lines(b"Host: h", b"X: a\r\n b"), 400),
    "a folded first line": (lines(b" Host: h"), 400),
    "a space before the colon": (lines(b"Host : h"), 400),
    "a header without a colon": (lines(b"Host: h", b"nothing"), 400),
    "a header without a name": (lines(b"Host: h", b": x"), 400),
    "a NUL in a name": (lines(b"Host: h", b"X\0: x"), 400),
    "a head that is too large": (lines(b"Host: h", b"X: " + b"x" * 70_000), 431),
    "an endless header": (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 400_000, 431),
    "too many headers": (lines(b"Host: h", *[b"X: y"] * 300), 431),
    # 3: the first line
    "a target that is too long": (lines(b"Host: h", first=b"GET /" + b"x" * 70_000 + b" HTTP/1.1"), 414),
    "an endless target": (b"GET /" + b"x" * 400_000, 414),
    "an unfinished address": (lines(b"Host: h", first=b"GET http://[::1 HTTP/1.1"), 400),
    "an address with a password": (lines(b"Host: h", first=b"GET http://u:p@h/ HTTP/1.1"), 400),
    "another scheme": (lines(b"Host: h", first=b"GET ftp://h/ HTTP/1.1"), 400),
    "a relative target": (lines(b"Host: h", first=b"GET a/b HTTP/1.1"), 400),
    "a fragment": (lines(b"Host: h", first=b"GET /a#b HTTP/1.1"), 400),
    "GET of the server as a whole": (lines(b"Host: h", first=b"GET * HTTP/1.1"), 400),
    "a space in the target": (lines(b"Host: h", first=b"GET /a b HTTP/1.1"), 400),
    "bytes beyond ASCII in the target": (lines(b"Host: h", first=b"GET /\xc3\xa9 HTTP/1.1"), 400),
    "a control character in the target": (lines(b"Host: h", first=b"GET /\x01 HTTP/1.1"), 400),
    "an unknown method": (lines(b"Host: h", first=b"BREW / HTTP/1.1"), 501),
    "a tunnel": (lines(b"Host: h", first=b"CONNECT h:443 HTTP/1.1"), 501),
    "no HTTP at all": (b"hello\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500, 400),
    "HTTP/0.9": (b"GET /\r\n\r\n", 505),
    "HTTP/1.2": (lines(b"Host: h", first=b"GET / HTTP/1.2"), 505),
    "HTTP/2 in a first line": (lines(b"Host: h", first=b"GET / HTTP/2.0"), 505),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0", 505),
    "another expectation": (post(b"Expect: tea"), 417),
}


@pytest.mark.parametrize(("request_bytes", "status"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_requests(say: Say, request_bytes: bytes, status: int) -> None:
    answer = say(request_bytes)
    assert (answer.status, answer.count) == (status, 1)
    assert answer.headers["connection"] == "close"
    assert answer.code
    assert b"html" not in answer.body.lower()


@pytest.mark.parametrize(("request_bytes", "status"), MALFORMED.values(), ids=MALFORMED)
def test_what_follows_is_not_taken_for_a_request(say: Say, request_bytes: bytes, status: int) -> None:
    """No smuggling: the request before is answered, the malformed one refused, and what follows is not served."""
    answer = say(LIST + request_bytes + LIST)
    assert answer.count == 2
    assert answer.status in (status, 400 if status == 501 else status)  # where a method begins is known of the first


@pytest.mark.parametrize(("service", "more"), [("s3", []), ("sts", []), ("sagemaker", [LIST.split(b"\r\n")[2]])])
def test_refusals_speak_the_callers_protocol(say: Say, service: str, more: list[bytes]) -> None:
    answer = say(post(SIGNED % service.encode(), *more, b"Content-Length: 1" + b"0" * 18))
    assert answer.code == "RequestEntityTooLargeException"
    assert answer.body.startswith(b"<?xml") is not bool(more)


def test_http_1_0(say: Say) -> None:
    answer = say(LIST.replace(b"HTTP/1.1\r\nHost: h", b"HTTP/1.0"))
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert say(lines(S3, first=b"GET / HTTP/1.0")).status == 200


def test_pipelined_requests(say: Say) -> None:
    answer = say(LIST * 20 + LIST.replace(b"Host: h", b"Host: h\r\nConnection: close"))
    assert (answer.status, answer.count) == (200, 21)


def test_a_request_in_single_bytes(say: Say) -> None:
    request = LIST.replace(b"Host: h", b"Host: h\r\nConnection: close")
    answer = say(*(request[n : n + 1] for n in range(len(request))))
    assert answer.status == 200


@pytest.mark.parametrize("framed", [False, True])
def test_aws_chunked_objects(say: Say, client: Any, framed: bool) -> None:
    client("s3").create_bucket(Bucket="bucket")
    sum_ = base64.b64encode(zlib.crc32(b"abcdefg").to_bytes(4, "big"))
    data = b"4\r\nabcd\r\n3\r\nefg\r\n0\r\nx-amz-checksum-crc32:" + sum_ + b"\r\n\r\n"
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data) if framed else data
    answer = say(
        lines(
            b"Host: h",
            b"Connection: close",
            b"Content-Encoding: aws-chunked",
            b"x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            b"x-amz-trailer: x-amz-checksum-crc32",
            b"x-amz-decoded-content-length: 7",
            b"Transfer-Encoding: chunked" if framed else b"Content-Length: %d" % len(data),
            S3,
            first=b"PUT /bucket/key HTTP/1.1",
        )
        + body
    )
    assert answer.status == 200
    assert client("s3").get_object(Bucket="bucket", Key="key")["Body"].read() == b"abcdefg"


def test_another_protocol_is_declined(say: Say) -> None:
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
    answer = say(LIST.replace(b"Content-Length", upgrade + b"Content-Length") + lines(b"Host: h", b"Host: h"))
    assert (answer.status, answer.count) == (400, 2)  # the body was read as one: the next request is the next


def test_a_preflight_reflects_no_line_end(say: Say) -> None:
    asked = b"Access-Control-Request-Method: PUT", b"Access-Control-Request-Headers: a\rSet-Cookie: x"
    answer = say(lines(b"Host: h", b"Origin: https://page.example", *asked, first=b"OPTIONS / HTTP/1.1"))
    assert answer.status == 400
    assert "set-cookie" not in answer.headers


def test_a_query_puts_no_header_into_the_answer(say: Say, client: Any) -> None:
    client("s3").create_bucket(Bucket="bucket")
    client("s3").put_object(Bucket="bucket", Key="key", Body=b"body")
    target = b"GET /bucket/key?response-content-type=a%0D%0ASet-Cookie:x HTTP/1.1"
    answer = say(lines(b"Host: h", b"Connection: close", S3, first=target))
    assert answer.status == 400
    assert "set-cookie" not in answer.headers


@pytest.fixture
def strict(redis_url: str) -> Iterator[str]:
    """An endpoint that checks signatures."""
    settings = Settings(redis_url=redis_url, auth="sigv4", access_keys="AKIA:secret")
    with serving(create_app(settings, Store(settings), lambda _: None)) as url:
        yield url


def test_a_refusal_reaches_a_client_that_is_still_sending(strict: str) -> None:
    answer = exchange(
        strict, post(S3, b"Content-Length: 8000000", b"Connection: close"), *[b"x" * 1_000_000 for _ in range(8)]
    )
    assert (answer.status, answer.code) == (403, "AccessDenied")


@pytest.mark.parametrize("error", [TimeoutError, ConnectionError, BrokenPipeError, ValueError])
def test_a_fault_of_ours_is_answered(settings: Settings, store: Store, error: type[Exception]) -> None:
    def failing(environ: Any, start_response: Any) -> None:
        raise error("something else did not answer")

    app = create_app(settings, store, lambda _: None)
    app.handlers.insert(0, failing)
    with serving(app) as url:
        answer = exchange(url, LIST)
        assert (answer.status, answer.code) == (500, "InternalFailure")
        answer = exchange(url, lines(b"Host: h", S3))
    assert (answer.status, answer.code) == (500, "InternalFailure")
    assert answer.body.startswith(b"<?xml")


def test_a_slow_form_holds_up_nobody(url: str, say: Say) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    form = post(b"Content-Type: application/x-www-form-urlencoded", b"Content-Length: 1000", body=b"Action=")
    with contextlib.closing(socket.create_connection((host, int(port)), 30)) as slow:
        slow.sendall(form)
        takes(0.2)  # it is being read now
        assert say(lines(b"Host: h", b"Connection: close", S3)).status == 200
