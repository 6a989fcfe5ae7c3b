"""A serving process's arguments, its entry point, and its message protocol with the supervisor.

Both sides send bytes: a line of JSON, [word, facts], followed by a body. Nothing from a serving process is ever
unpickled, because the artifact's code runs in it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from neo_workers.jobs import JsonObject
from neo_workers.settings import Settings

READY, FAILED, TWIN = "ready", "failed", "twin"
"""A serving process's first message, with facts: {}, {"reason"}, {"reason", "output"}."""
ASKED, ANSWERED = "asked", "answered"
"""A request, {"content_type", "accept"} and its body; its response, {"status", "content_type"} and its body."""
MODEL, TWIN_MODEL = "model.tar.gz", "twin.tar.gz"
"""Files in a generation's folder."""
PROCESS = "process"
"""The only folder in it that the serving process may write to."""
MAX_MESSAGE_BYTES = 512 << 20
MAX_HEAD_BYTES = 64 << 10


class CannotServeError(Exception):
    """The variant cannot be served; the text is its endpoint's FailureReason."""


@dataclass(frozen=True)
class Assignment:
    """What a serving process has to serve."""

    folder: Path  # of this generation only, with MODEL and, if it exists, TWIN_MODEL


def send(line: Connection, word: str, facts: JsonObject, body: bytes = b"") -> None:
    """Sends a message. Raises OSError if the other end is closed."""
    line.send_bytes(json.dumps([word, facts]).encode() + b"\n" + body)


def receive(line: Connection) -> tuple[str, JsonObject, bytes]:
    """The next message. Raises EOFError or OSError if the other end is closed, ValueError for an invalid message."""
    head, _, body = line.recv_bytes(MAX_MESSAGE_BYTES).partition(b"\n")
    if len(head) > MAX_HEAD_BYTES:
        raise ValueError("the first line is too long")
    match json.loads(head):
        case [str(word), dict(facts)]:
            return word, facts, body
    raise ValueError("not a message")


def main(assignment: Assignment, settings: Settings, line: Connection) -> None:
    """Serves until told to stop."""
    from neo_workers.hosting import serving_process

    serving_process.main(assignment, settings, line)
