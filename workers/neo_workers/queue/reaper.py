"""Recovers lost jobs. Runs in every worker and in the API; several may run at the same time."""

from __future__ import annotations

import logging
import threading

from redis.exceptions import RedisError

from neo_workers.queue import publisher
from neo_workers.store.store import Store

log = logging.getLogger(__name__)


def reap_forever(store: Store, stop: threading.Event) -> None:
    """Until `stop`: fails or requeues jobs whose lease expired, and announces unclaimed jobs again."""
    while not stop.wait(store.settings.reap_seconds):
        try:
            unclaimed = store.reap()
            for job_id in unclaimed[: publisher.room(store)] if unclaimed else ():
                log.info("announced again", extra={"job": str(job_id)})
                publisher.submit(job_id, store.settings)
        except RedisError as error:
            log.debug("reaper: the store is unavailable: %s", error)
        except Exception:
            log.exception("reaper")


def start(store: Store, stop: threading.Event) -> threading.Thread:
    """Starts the reaper in a daemon thread."""
    thread = threading.Thread(target=reap_forever, args=(store, stop), daemon=True, name="reaper")
    thread.start()
    return thread
