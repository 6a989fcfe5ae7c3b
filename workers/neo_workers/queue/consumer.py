"""Celery's consumer, hardened: nonsense is thrown away, and a consumer that ends takes its worker along.

Celery and kombu trust what they find in Redis: one entry that is no message ends the worker's loop, while its process
lives on as long as jobs are under way and takes none. Source: celery 5.7, worker/consumer/consumer.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery.worker.consumer import Consumer
from redis.exceptions import ResponseError

REFUSALS = (ResponseError,)
"""What redis-py raises when Redis answers that it cannot: its disk or its memory is full. It may again, soon."""
NONSENSE = (ValueError, TypeError, KeyError, AttributeError)
"""What kombu raises for an entry that it cannot read."""

log = logging.getLogger(__name__)


def consumer_class(on_end: Callable[[], object]) -> type[Any]:
    """A class for Celery's setting `worker_consumer`; `on_end` is called when such a consumer has ended, however."""

    class Hardened(Consumer):  # type: ignore[misc]
        connection_errors: Any

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            # the entry is gone from Redis by then: as with a lost connection, the loop begins anew
            self.connection_errors = (*self.connection_errors, *NONSENSE, *REFUSALS)

        def create_task_handler(self, *args: Any, **options: Any) -> Callable[[Any], None]:
            take = super().create_task_handler(*args, **options)

            def receive(message: Any) -> None:
                try:
                    take(message)
                except NONSENSE as error:
                    log.warning("threw away a message that is none of ours: %r", error)
                    message.reject_log_error(log, self.connection_errors)

            return receive

        def start(self) -> None:
            try:
                super().start()
            finally:
                on_end()

    return Hardened
