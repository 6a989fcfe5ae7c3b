"""Takes away the artifacts of jobs that did not complete after all: stopped, timed out or given up in the last moment.

The store notes each upload that begins, and, when the job ends otherwise than COMPLETED, that it is to be withdrawn.
Any worker does it, so nothing is forgotten when the uploader dies or S3 is away. Only objects that carry the
uploader's own mark are removed, so another job's artifact at the same address is safe.
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
"""For that long after its end a job's upload may still be on its way: its uploader was killed, its bytes were sent."""
PAUSE_SECONDS = 1.0

log = logging.getLogger(__name__)


def owner(job_id: JobId, fence: int) -> str:
    """The mark of an upload: which job, by which holder."""
    return f"{job_id}:{fence}"


def sweep(store: Store) -> int:
    """Removes every artifact that is to be withdrawn; how many there are. Raises RedisError."""
    noted = cast("dict[str, str]", store.connection.hgetall(WITHDRAW))
    seconds, _ = store.connection.time() if noted else (0, 0)
    for mark, text in noted.items():
        ended_ms, _, uri = text.partition(" ")
        if remove(store, mark, uri) and seconds - int(ended_ms) / 1000 > SETTLE_SECONDS:
            store.connection.hdel(WITHDRAW, mark)
    return len(noted)


def remove(store: Store, mark: str, uri: str) -> bool:
    """Whether S3 answered; the object at `uri` is gone then if it carries `mark`."""
    # imported here: boto3 is slow to import and hardly ever needed in this process
    from neo_compiler.storage.s3 import Storage

    job_id = JobId.parse(mark.rpartition(":")[0])
    try:
        # one attempt: who calls may hold a lease, and it is tried again anyway
        Storage(store.settings.s3_endpoint_url, job_id.scope.region, attempts=1).remove(parse(uri), mark)
    except CompileError as error:
        log.warning("an artifact waits to be removed: %s", error, extra={"job": str(job_id)})
        return False
    return True


def sweep_forever(store: Store, stop: threading.Event) -> None:
    """Sweeps until `stop`."""
    while not stop.wait(PAUSE_SECONDS):
        try:
            sweep(store)
        except RedisError as error:
            log.debug("withdrawal: the store is away: %s", error)
        except Exception:
            log.exception("withdrawal")
            time.sleep(PAUSE_SECONDS)
