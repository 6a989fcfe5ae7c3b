"""How tests wait: for a state, with a limit that only a hang reaches. How long something took is never a result."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Value = TypeVar("Value")

GENEROUS_SECONDS = 120.0
"""Longer than anything here takes on a machine with twenty times as much to do."""
PAUSE_SECONDS = 0.02


class TooLateError(AssertionError):
    """A state that was waited for did not come."""


def until(condition: Callable[[], Value | None], seconds: float = GENEROUS_SECONDS, what: object = "") -> Value:
    """The condition's value as soon as it is true.

    Raises TooLateError, with `what` (called first where it can be), when it is not within `seconds`.
    """
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise TooLateError(f"not within {seconds} s: {(what() if callable(what) else what) or condition}")
        time.sleep(PAUSE_SECONDS)
    return value


def stays(condition: Callable[[], object], seconds: float, what: object = "") -> None:
    """Raises AssertionError when the condition is not true at some moment of the next `seconds`.

    For what must not happen. On a loaded machine it has less of a chance to happen, so the test is weaker, not wrong.
    """
    end = time.monotonic() + seconds
    while True:
        over = time.monotonic() > end
        if not condition():
            raise AssertionError(f"no longer so: {(what() if callable(what) else what) or condition}")
        if over:
            return
        time.sleep(PAUSE_SECONDS)


@contextmanager
def ends(cpu_seconds: float = 30.0) -> Iterator[None]:
    """For what has been made never to end: raises TooLateError in the block when that uses so much of the CPU.

    The limit is many times what is needed; who else uses the machine does not count. For the main thread.
    """

    def too_late(*_: object) -> None:
        raise TooLateError(f"it goes on after {cpu_seconds} s of the CPU")

    before = signal.signal(signal.SIGPROF, too_late)
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def takes(seconds: float) -> None:
    """A workload: a fake part, or a fault, that lasts so long. Nothing is waited for."""
    time.sleep(seconds)


def hangs() -> None:
    """A workload that never ends by itself."""
    while True:
        time.sleep(60)
