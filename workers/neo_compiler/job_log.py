"""The log of one compilation: what loggers below `neo_compiler` write at INFO in the thread that compiles."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOGGER = logging.getLogger("neo_compiler")


class _Lines(logging.Handler):
    """Passes on the messages of one thread."""

    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._write, self._thread = write, threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        return record.thread == self._thread

    def emit(self, record: logging.LogRecord) -> None:
        self._write(record.getMessage())


@contextmanager
def written_to(write: Callable[[str], None]) -> Iterator[None]:
    """Inside, `write` is called with each line of the job's log, without a line break."""
    handler, level = _Lines(write), LOGGER.level
    LOGGER.addHandler(handler)
    LOGGER.setLevel(min(logging.INFO, level or logging.INFO))
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(level)
