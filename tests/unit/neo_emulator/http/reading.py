"""Requests and bodies out of a receiver."""

from collections.abc import Callable

from neo_emulator.http.body import Body
from neo_emulator.http.receiver import Receiver, Request

Arriving = Callable[..., Receiver]


def one(receiver: Receiver) -> Request:
    request = receiver.next()
    assert request is not None
    return request


def body(receiver: Receiver, length: int | None) -> Body:
    return Body(one(receiver), receiver, length, wants_continue=False)
