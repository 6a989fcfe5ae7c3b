"""Celery's consumer, hardened: malformed messages are discarded, and the worker ends when its consumer ends.

Celery and kombu trust what they read from Redis: one malformed entry ends the worker's loop, while its process
stays alive as long as jobs are running, but takes no more. Source: celery 5.7, worker/consumer/consumer.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery.worker.consumer import Consumer
from redis.exceptions import ResponseError

REFUSALS = (ResponseError,)
"""What redis-py raises when Redis refuses because its disk or memory is full. This may be temporary."""
NONSENSE = (ValueError, TypeError, KeyError, AttributeError)
"""What kombu raises for an entry that it cannot decode."""

log = logging.getLogger(__name__)


def consumer_class(on_end: Callable[[], object]) -> type[Any]:
    """A class for Celery's setting `worker_consumer`. `on_end` is called when the consumer ends for any reason."""

    class Hardened(Consumer):  # type: ignore[misc]
        connection_errors: Any

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            # the entry has been removed from Redis: restart the loop, as after a lost connection
            self.connection_errors = (*self.connection_errors, *NONSENSE, *REFUSALS)

        def create_task_handler(self, *args: Any, **options: Any) -> Callable[[Any], None]:
            take = super().create_task_handler(*args, **options)

            def receive(message: Any) -> None:
                try:
                    take(message)
                except NONSENSE as error:
                    log.warning("discarded an unknown message: %r", error)
                    message.reject_log_error(log, self.connection_errors)

            return receive

        def start(self) -> None:
            try:
                super().start()
            finally:
                on_end()

    return Hardened
