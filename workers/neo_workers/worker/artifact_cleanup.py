"""Deletes artifacts of jobs that did not complete: stopped, timed out or lost while the upload was in progress.

The store records each upload that starts and, when the job ends other than COMPLETED, that it must be deleted.
Any worker can do it, so nothing is left when the uploader dies or S3 is unavailable. Only objects with the
uploader's token are deleted, so another job's artifact at the same URI is safe.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import cast

from redis.exceptions import RedisError

from neo_compiler.errors import CompileError
from neo_compiler.storage.s3_uri import parse
from neo_workers.jobs import JobId
from neo_workers.store.store import Store

WITHDRAW = "neo:withdraw"  # as in lua/_prelude.lua; owner -> "<milliseconds since the epoch> <address>"
SETTLE_SECONDS = 10.0
"""How long after a job's end its upload may still arrive: the uploader was killed, but the bytes were sent."""
PAUSE_SECONDS = 1.0

log = logging.getLogger(__name__)


def owner(job_id: JobId, fence: int) -> str:
    """The token of an upload: the job and the fence of its claim."""
    return f"{job_id}:{fence}"


def sweep(store: Store) -> int:
    """Deletes all artifacts recorded for deletion. Returns how many were recorded. Raises RedisError."""
    noted = cast("dict[str, str]", store.connection.hgetall(WITHDRAW))
    seconds, _ = store.connection.time() if noted else (0, 0)
    for token, text in noted.items():
        ended_ms, _, uri = text.partition(" ")
        if remove(store, token, uri) and seconds - int(ended_ms) / 1000 > SETTLE_SECONDS:
            store.connection.hdel(WITHDRAW, token)
    return len(noted)


def remove(store: Store, token: str, uri: str) -> bool:
    """Deletes the object at `uri` if it has the token `token`. Returns False if S3 is unavailable."""
    # imported here: boto3 is slow to import and rarely needed in this process
    from neo_compiler.storage.s3 import Storage

    job_id = JobId.parse(token.rpartition(":")[0])
    try:
        # one attempt: the caller may hold a lease, and a later sweep retries
        Storage(store.settings.s3_endpoint_url, job_id.scope.region, attempts=1).remove(parse(uri), token)
    except CompileError as error:
        log.warning("cannot delete an artifact yet: %s", error, extra={"job": str(job_id)})
        return False
    return True


def sweep_forever(store: Store, stop: threading.Event) -> None:
    """Runs `sweep` repeatedly until `stop`."""
    while not stop.wait(PAUSE_SECONDS):
        try:
            sweep(store)
        except RedisError as error:
            log.debug("artifact cleanup: the store is unavailable: %s", error)
        except Exception:
            log.exception("withdrawal")
            time.sleep(PAUSE_SECONDS)
