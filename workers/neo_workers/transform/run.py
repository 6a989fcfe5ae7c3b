"""One transform job under way in this process, in a thread of its own."""

from __future__ import annotations

import contextlib
import logging
import secrets
import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path

from redis.exceptions import RedisError

from neo_compiler.storage.s3 import Storage
from neo_workers.store.record_hash import now_ms
from neo_workers.transform.jobs import TransformId, TransformJob, TransformStatus
from neo_workers.transform.model_process import ModelError, ModelProcess
from neo_workers.transform.sources import Source, SourceError, sources
from neo_workers.transform.store import JobNotFound
from neo_workers.transform.surroundings import Surroundings
from neo_workers.transform.transformer import ObjectFailedError, Plan, StoppedError, Transformer

WORKERS_LOST = "InternalServerError: We encountered an internal error. Please try again."
SEE_LOGS = "See job logs for more information"
log = logging.getLogger(__name__)


class TransformRun:
    """Runs one job, whose lease this process has."""

    def __init__(self, job_id: TransformId, around: Surroundings) -> None:
        self.job_id, self._around = job_id, around
        self._stop = threading.Event()
        self._stream = f"{job_id.name}/i-{secrets.token_hex(8)}0-{now_ms()}"
        self._model: ModelProcess | None = None
        self._abandoned = False
        self.thread = threading.Thread(target=self._run, daemon=True, name=f"transform {job_id.name}")
        self.thread.start()

    def stop(self) -> None:
        """Ends the run soon: the job is Stopping, or this process's no more."""
        self._stop.set()
        if self._model is not None:
            self._model.stop()

    def abandon(self) -> None:
        """Ends the run soon and leaves the job to other workers."""
        self._abandoned = True
        self.stop()

    def _run(self) -> None:
        store = self._around.store
        try:
            job = store.claim(self.job_id)
            if job.status is TransformStatus.IN_PROGRESS:
                status, reason = self._outcome(job)
            else:
                status, reason = TransformStatus.STOPPED, ""
            if self._abandoned:
                store.release(job)
            elif status is TransformStatus.STOPPED or not self._stop.is_set():
                store.finish(job, status, reason)
            else:  # stopped while it ended
                store.finish(job, TransformStatus.STOPPED, "")
        except JobNotFound:
            log.info("transform job %s is gone", self.job_id)
        except RedisError as error:
            log.warning("transform job %s: the store is away: %s", self.job_id, error)

    def _outcome(self, job: TransformJob) -> tuple[TransformStatus, str]:
        """How the job ends, and its FailureReason."""
        settings = self._around.store.settings
        if job.attempts > settings.max_attempts:
            return TransformStatus.FAILED, WORKERS_LOST
        try:
            reason = self._transform_all(job)
        except StoppedError:
            return TransformStatus.STOPPED, ""
        except (ModelError, SourceError) as error:
            self._log_data(str(error))
            reason = str(error)
        except Exception:
            log.exception("transform job %s", self.job_id)
            reason = WORKERS_LOST
        return (TransformStatus.FAILED, reason) if reason else (TransformStatus.COMPLETED, "")

    def _transform_all(self, job: TransformJob) -> str:
        """The FailureReason, "" if every object has its result. Raises StoppedError, ModelError, SourceError."""
        around, plan = self._around, Plan.of(job.request)
        settings = around.store.settings
        storage = Storage(settings.s3_endpoint_url, job.id.scope.region)
        found = sources(job.request, storage)
        folder = around.folder / f"{job.id}-{job.fence}".replace(":", "-")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with ModelProcess(
                job, settings, around.context, around.make_twin, folder, self._log_container
            ) as self._model:
                self._model.wait_until_loaded(self._stop.is_set)
                megabytes = job.request.get("MaxPayloadInMB", 6)
                strategy = "SINGLE_RECORD" if plan.single else "MULTI_RECORD"
                self._log_data(
                    f"MaxConcurrentTransforms={plan.concurrent}, MaxPayloadInMB={megabytes}, BatchStrategy={strategy}"
                )
                transformer = Transformer(plan, storage, self._model.invoke, self._stop.is_set, self._log_data)
                reason = self._transform_each(found, transformer, folder)
                begun_ms = job.started_ms or now_ms()
                self._stop.wait(max(0.0, begun_ms / 1000 + settings.min_transform_seconds - now_ms() / 1000))
                return reason
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _transform_each(self, found: list[Source], transformer: Transformer, folder: Path) -> str:
        """The FailureReason. Objects that fail do not hold up the others. Raises StoppedError."""
        reason = ""
        for source in found:
            if self._stop.is_set():
                raise StoppedError
            try:
                transformer.transform(source, folder)
            except ObjectFailedError as error:
                reason = reason or f"{'ClientError' if error.client else 'AlgorithmError'}: {SEE_LOGS}"
        return reason

    def _log_container(self, text: str) -> None:
        self._around.add_line(self.job_id, self._stream, text)

    def _log_data(self, text: str) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").partition("+")[0]
        with contextlib.suppress(RedisError):
            self._around.add_line(self.job_id, f"{self._stream}/data-log", f"{at}:[sagemaker logs]: {text}")
