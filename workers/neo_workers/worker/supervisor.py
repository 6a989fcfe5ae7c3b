"""Supervises one claimed job: starts its compiler, renews its lease, applies Stop and MaxRuntimeInSeconds, ends it."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from concurrent import futures
from concurrent.futures import Future
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from neo_compiler.errors import CompilationError, InternalError, TimeOutError
from neo_compiler.storage.s3_uri import artifact_of
from neo_workers.jobs import Claim, JobStatus
from neo_workers.sandbox.limits import Watch, exit_hint
from neo_workers.settings import PREFIX, Settings
from neo_workers.store.counters import Phases
from neo_workers.store.job_streams import LineWriter
from neo_workers.store.store import Store, StoreError
from neo_workers.store.test_controls import Controls
from neo_workers.worker import artifact_cleanup
from neo_workers.worker.compile_process import CompileProcess, result_of
from neo_workers.worker.outcome import Outcome, Verdict

MAX_RUNTIME_SECONDS = 86_400
"""Default of MaxRuntimeInSeconds (1 day). Source: StoppingCondition in the API reference."""

REDIS_PAUSE_SECONDS = 0.2
log = logging.getLogger(__name__)


class Supervisor:
    """The supervision of one job, from claim to terminal status; call `run` once."""

    def __init__(self, claim: Claim, store: Store, work_root: Path, draining: threading.Event) -> None:
        self.claim, self.store, self.draining = claim, store, draining
        self.settings: Settings = store.settings
        self.work_dir = work_root / f"{claim.id.name}-{claim.fence}"
        self.extra = {"job": str(claim.id)}
        self.begun = self.renewed = time.monotonic()
        self.progress = "start"
        self.max_runtime = self._max_runtime()
        self.deadline: float = self.begun + self.max_runtime - claim.used_seconds
        self.wants_upload = False  # the child waits for permission to upload
        self.uploading = False  # permission was given
        self.heard_all = False  # the child has closed its event pipe
        self.verdict: Verdict | None = None  # reported by the child
        self.log_bytes = 0
        self.lines = LineWriter(store, claim.id)  # for CloudWatch
        self.phases = Phases()
        self.watch = Watch(self.settings, self.work_dir)
        self.token = artifact_cleanup.owner(claim.id, claim.fence)  # token of the child's upload
        self.min_run: float = self.settings.min_run_seconds

    def run(self) -> JobStatus | None:
        """Runs the job. Returns the terminal status written, or None if the job was requeued or lost."""
        self.lines.add(f"attempt {self.claim.attempt}")
        self.lines.flush()
        if self.claim.fault:
            return self._conclude(self._pretend(self.claim.fault))
        self.work_dir.mkdir(parents=True, mode=0o700)
        starting = self._start()
        try:
            verdict = self._await(starting) or self._watch(starting.result())
            if verdict.outcome is Outcome.COMPLETED or not self.uploading:
                # written before the child has ended: a large one may take longer for that than a lease lasts
                if verdict.outcome is not Outcome.COMPLETED and starting.done() and not starting.exception():
                    starting.result().begin_kill()
                return self._conclude(verdict)
        finally:
            starting.add_done_callback(self._put_away)
        return self._conclude(verdict)

    def _start(self) -> Future[CompileProcess]:
        """Starts the child in a thread: its fork server may still be loading TVM, which can outlast a lease."""
        future: Future[CompileProcess] = Future()

        def make() -> None:
            try:
                future.set_result(
                    CompileProcess(self.claim.id, self.claim.request, self.work_dir, self.settings, self.token)
                )
            except Exception as error:
                future.set_exception(error)

        threading.Thread(target=make, daemon=True, name="start").start()
        return future

    def _await(self, starting: Future[CompileProcess]) -> Verdict | None:
        """None once the child has started; a verdict if supervision ended before."""
        while not starting.done():
            if time.monotonic() > self.deadline:
                return Verdict(Outcome.FAILED, self._timed_out())
            if ended := self._beat():
                return ended
            futures.wait([starting], timeout=self.settings.beat_seconds)
        if error := starting.exception():
            log.error("cannot start the compiler: %s", error, extra=self.extra)
            return Verdict(Outcome.LOST)  # retried when the lease has expired, max_attempts times in total
        return None

    def _put_away(self, starting: Future[CompileProcess]) -> None:
        if not starting.exception():
            starting.result().close()
        shutil.rmtree(self.work_dir, ignore_errors=True)

    def _max_runtime(self) -> int:
        return self.claim.request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds") or MAX_RUNTIME_SECONDS

    # while the child runs

    def _watch(self, child: CompileProcess) -> Verdict:
        begun, next_beat, deadline = self.begun, time.monotonic(), self.deadline
        open_ends: list[Any] = [child.events, child.log, child.process.sentinel]
        while True:
            hold_until = begun + self.min_run
            settled = self.wants_upload or self.verdict is not None
            wake = min(next_beat, hold_until) if settled and not self.uploading else next_beat
            for end in wait(open_ends, timeout=max(0.0, min(wake, deadline) - time.monotonic())):
                if not self._read(child, end):
                    open_ends.remove(end)
            self._notice_crash(child)
            now = time.monotonic()
            if now > deadline:
                return Verdict(Outcome.FAILED, self._timed_out())
            may_settle = now >= hold_until and (self.wants_upload or self.verdict is not None)
            if now >= next_beat or may_settle:
                next_beat = now + self.settings.beat_seconds
                may_upload = may_settle and self.verdict is None
                if ended := self._beat(may_upload) or self._overuse(child):
                    return ended
                if may_settle and self.verdict:
                    return self.verdict
                if may_upload and self.renewed >= now:  # Redis has the URI
                    self.wants_upload, self.uploading = False, True
                    child.allow_upload()
                elif may_settle:
                    time.sleep(REDIS_PAUSE_SECONDS)

    def _overuse(self, child: CompileProcess) -> Verdict | None:
        """FAILED if the compilation exceeds a limit; an upload in progress may finish."""
        if self.uploading or not (breach := self.watch.breach(child.pid)):
            return None
        return Verdict(Outcome.FAILED, CompilationError(f"{breach}; it was at: {self.progress}").reason)

    def _pretend(self, fault: str) -> Verdict:
        """Simulates a failure that a user planned: keeps the minimum state durations, compiles nothing."""
        begun = self.begun
        while True:
            if ended := self._beat():
                return ended
            now = time.monotonic()
            if now > self.deadline:
                return Verdict(Outcome.FAILED, self._timed_out())
            if now >= begun + self.min_run:
                return Verdict(Outcome.FAILED, fault)
            self.draining.wait(min(self.settings.beat_seconds, begun + self.min_run - now))

    def _notice_crash(self, child: CompileProcess) -> None:
        if self.verdict is None and self.heard_all and child.exit_code is not None:
            self.verdict = Verdict(Outcome.FAILED, self._crash(child.exit_code))

    def _read(self, child: CompileProcess, end: object) -> bool:
        """Reads what is available from one pipe; False at its end."""
        try:
            if end is child.events:
                for kind, value in child.read_events():
                    self._heard(kind, value)
                return True
            if end is child.log:
                return self._log(os.read(child.log.fileno(), 1 << 16))
        except (EOFError, OSError):
            self.heard_all = self.heard_all or end is child.events
        except (ValueError, TypeError) as error:
            log.error("malformed event from the compiler: %s", error, extra=self.extra)
            child.kill()
            self.heard_all = True
        return False

    def _heard(self, kind: str, value: Any) -> None:
        if kind == "step":
            self.progress = str(value)
            self.phases.enter(self.progress)
            if self.log_bytes >= self.settings.max_log_bytes:  # the child's line about the step was dropped
                self.lines.add(f"step: {value}")
            log.debug("step: %s", value, extra=self.extra)
        elif kind == "ready":
            self.wants_upload = True
        elif kind == "done":
            self.verdict = Verdict(Outcome.COMPLETED, result=result_of(value))
        elif kind == "failed":
            self.verdict = Verdict(Outcome.FAILED, reason=value)

    def _log(self, data: bytes) -> bool:
        room = self.settings.max_log_bytes - self.log_bytes
        self.log_bytes += len(data)
        if not data or room <= 0:
            return bool(data)
        lines = data[:room].decode(errors="replace").splitlines()
        if len(data) >= room:
            lines.append(f"the rest of the output is dropped: {PREFIX}MAX_LOG_BYTES is {self.settings.max_log_bytes}")
        for line in lines:
            log.info("compiler: %.2000s", line, extra=self.extra)
            self.lines.add(line)
        return True

    def _beat(self, uploading: bool = False) -> Verdict | None:
        """Renews the lease. Returns a verdict if supervision is over, else None: a requested upload may start."""
        if self.draining.is_set():
            return Verdict(Outcome.RELEASED)
        asked = time.monotonic()
        try:
            status = self.store.beat(
                self.claim, self.progress, str(artifact_of(self.claim.request)) if uploading else ""
            )
            self.min_run = Controls(self.store).pace().min_run_seconds
        except RedisError:
            # not renewed: assume that the lease is lost and another worker has the job
            if time.monotonic() - self.renewed > self.settings.lease_seconds:
                return Verdict(Outcome.LOST)
            return None
        self.renewed = asked
        if status is None:
            return Verdict(Outcome.LOST)
        self.lines.flush()
        # let an upload in progress finish, so that its artifact can be deleted reliably
        return Verdict(Outcome.STOPPED) if status is JobStatus.STOPPING and not self.uploading else None

    def _timed_out(self) -> str:
        limit = f"MaxRuntimeInSeconds ({self.max_runtime})"
        return TimeOutError(f"the job did not complete within {limit}; it was at: {self.progress}").reason

    def _crash(self, exit_code: int) -> str:
        how = f"was killed by signal {-exit_code}" if exit_code < 0 else f"exited with status {exit_code}"
        return InternalError(f"the compiler {how} at: {self.progress}{exit_hint(exit_code)}").reason

    # after it

    def _conclude(self, verdict: Verdict) -> JobStatus | None:
        if verdict.outcome is not Outcome.LOST:
            self.lines.add(f"{verdict.outcome.name} {verdict.reason or ''}".rstrip())
            self.lines.flush()  # before the status, so that the log is complete when a client sees the end
        if self.uploading and verdict.outcome in (Outcome.FAILED, Outcome.STOPPED):
            artifact_cleanup.remove(self.store, self.token, str(artifact_of(self.claim.request)))
        written = self._write(verdict)
        if self.uploading and written is not JobStatus.COMPLETED:
            self._withdraw()
        self.phases.end(self.store, written)
        log.info("%s", written or verdict.outcome.name, extra=self.extra)
        return written

    def _write(self, verdict: Verdict) -> JobStatus | None:
        """Writes the terminal status to the store; waits while Redis is unavailable."""
        while verdict.outcome is not Outcome.LOST:
            try:
                if verdict.outcome is Outcome.RELEASED:
                    self.store.release(self.claim)
                    return None
                status = JobStatus.COMPLETED if verdict.outcome is Outcome.COMPLETED else JobStatus.FAILED
                return self.store.finish(self.claim, status, verdict.reason, verdict.result)
            except RedisError:
                if self.draining.is_set():
                    return None
                time.sleep(REDIS_PAUSE_SECONDS)
        return None

    def _withdraw(self) -> None:
        """Deletes the artifact of a job that was stopped, timed out, deleted or reset during its upload."""
        try:
            artifact_cleanup.sweep(self.store)
            job = self.store.get(self.claim.id)
            if job.status in (JobStatus.COMPLETED, JobStatus.INPROGRESS) and job.fence != self.claim.fence:
                return  # another worker has the job now
        except StoreError:
            pass
        except RedisError as error:
            log.warning("cannot delete the artifact now; a worker will retry: %s", error, extra=self.extra)
            return
        artifact_cleanup.remove(self.store, self.token, str(artifact_of(self.claim.request)))
