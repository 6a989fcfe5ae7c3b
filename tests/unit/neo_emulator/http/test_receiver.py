"""Requests out of the bytes of a connection."""

import pytest
from unit.neo_emulator.http.reading import Arriving, body, one

from neo_emulator.http.body import Body
from neo_emulator.http.errors import RequestError


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


def test_many_that_ask_for_another_protocol_at_once(arriving: Arriving) -> None:
    receiver = arriving(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n" * 1500)
    assert sum(receiver.next() is not None for _ in range(1501)) == 1500


def test_a_silent_client_is_no_fault_and_a_slow_one_is(arriving: Arriving) -> None:
    assert arriving(b"", goes=False).next() is None
    with pytest.raises(RequestError) as refused:
        arriving(b"GET / HTTP/1.1\r\nHost: h\r\n", goes=False).next()
    assert refused.value.status == 408
    with pytest.raises(RequestError) as refused:
        body(arriving(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc", goes=False), 9).read()
    assert refused.value.status == 408
