"""Sees one claimed job through: starts its child, renews its lease, obeys Stop and MaxRuntimeInSeconds, ends it."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from concurrent import futures
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum, auto
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from neo_compiler.errors import CompilationError, InternalError, TimeOutError
from neo_compiler.storage.s3_uri import artifact_of
from neo_workers.jobs import Claim, JobResult, JobStatus
from neo_workers.sandbox.limits import Watch, exit_hint
from neo_workers.settings import PREFIX, Settings
from neo_workers.store.counters import Phases
from neo_workers.store.job_streams import LineWriter
from neo_workers.store.store import Store, StoreError
from neo_workers.store.test_controls import Controls
from neo_workers.worker import artifact_cleanup
from neo_workers.worker.compile_process import CompileProcess, result_of

MAX_RUNTIME_SECONDS = 86_400
"""MaxRuntimeInSeconds when the request gives none. Source: StoppingCondition in the API reference (1 day)."""

REDIS_PAUSE_SECONDS = 0.2
log = logging.getLogger(__name__)


class Step(Enum):
    """How supervision ended."""

    COMPLETED = auto()
    FAILED = auto()
    STOPPED = auto()  # a client asked
    RELEASED = auto()  # this worker is going away
    LOST = auto()  # the job is someone else's by now


@dataclass(frozen=True)
class Verdict:
    step: Step
    reason: str | None = None  # FailureReason, of FAILED
    result: JobResult | None = None  # of COMPLETED


class Supervisor:
    """One job's supervision, from claim to terminal status; `run` does it all."""

    def __init__(self, claim: Claim, store: Store, work_root: Path, draining: threading.Event) -> None:
        self.claim, self.store, self.draining = claim, store, draining
        self.settings: Settings = store.settings
        self.work_dir = work_root / f"{claim.id.name}-{claim.fence}"
        self.extra = {"job": str(claim.id)}
        self.begun = self.renewed = time.monotonic()
        self.progress = "start"
        self.max_runtime: float = self._max_runtime()
        self.wants_upload = False  # the child waits for our word
        self.uploading = False  # it has got it
        self.heard_all = False  # the child's events are at their end
        self.verdict: Verdict | None = None  # what the child said
        self.log_bytes = 0
        self.lines = LineWriter(store, claim.id)  # for CloudWatch
        self.phases = Phases()
        self.watch = Watch(self.settings, self.work_dir)
        self.mark = artifact_cleanup.owner(claim.id, claim.fence)  # of what our child uploads
        self.min_run: float = self.settings.min_run_seconds

    def run(self) -> JobStatus | None:
        """The terminal status written, or None when the job was given back or lost."""
        self.lines.add(f"attempt {self.claim.attempt}")
        self.lines.flush()
        if self.claim.fault:
            return self._conclude(self._pretend(self.claim.fault))
        self.work_dir.mkdir(parents=True, mode=0o700)
        starting = self._start()
        try:
            verdict = self._await(starting) or self._watch(starting.result())
            if verdict.step is Step.COMPLETED:  # its child has nothing left to do, and takes its time to end
                return self._conclude(verdict)
        finally:
            starting.add_done_callback(self._put_away)
        return self._conclude(verdict)

    def _start(self) -> Future[CompileProcess]:
        """The child to be: the process that it forks from may still be loading TVM, longer than a lease lasts."""
        future: Future[CompileProcess] = Future()

        def make() -> None:
            try:
                future.set_result(
                    CompileProcess(self.claim.id, self.claim.request, self.work_dir, self.settings, self.mark)
                )
            except Exception as error:
                future.set_exception(error)

        threading.Thread(target=make, daemon=True, name="start").start()
        return future

    def _await(self, starting: Future[CompileProcess]) -> Verdict | None:
        """None once the child is there; a verdict when supervision is over before."""
        while not starting.done():
            if time.monotonic() > self.begun + self.max_runtime:
                return Verdict(Step.FAILED, self._timed_out())
            if ended := self._beat():
                return ended
            futures.wait([starting], timeout=self.settings.beat_seconds)
        if error := starting.exception():
            log.error("no compile could be started: %s", error, extra=self.extra)
            return Verdict(Step.LOST)  # it is tried again when the lease has run out, max_attempts times in all
        return None

    def _put_away(self, starting: Future[CompileProcess]) -> None:
        if not starting.exception():
            starting.result().close()
        shutil.rmtree(self.work_dir, ignore_errors=True)

    def _max_runtime(self) -> int:
        return self.claim.request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds") or MAX_RUNTIME_SECONDS

    # while the child runs

    def _watch(self, child: CompileProcess) -> Verdict:
        begun, next_beat = self.begun, time.monotonic()
        deadline = begun + self.max_runtime
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
                return Verdict(Step.FAILED, self._timed_out())
            may_settle = now >= hold_until and (self.wants_upload or self.verdict is not None)
            if now >= next_beat or may_settle:
                next_beat = now + self.settings.beat_seconds
                may_upload = may_settle and self.verdict is None
                if ended := self._beat(may_upload) or self._overuse(child):
                    return ended
                if may_settle and self.verdict:
                    return self.verdict
                if may_upload and self.renewed >= now:  # Redis knows
                    self.wants_upload, self.uploading = False, True
                    child.allow_upload()
                elif may_settle:
                    time.sleep(REDIS_PAUSE_SECONDS)

    def _overuse(self, child: CompileProcess) -> Verdict | None:
        """FAILED when the compile uses more than it may; an upload under way is let finish."""
        if self.uploading or not (breach := self.watch.breach(child.pid)):
            return None
        return Verdict(Step.FAILED, CompilationError(f"{breach}; it was at: {self.progress}").reason)

    def _pretend(self, fault: str) -> Verdict:
        """A job that a user planned to fail: it holds its states, and compiles nothing."""
        begun = self.begun
        while True:
            if ended := self._beat():
                return ended
            now = time.monotonic()
            if now > begun + self.max_runtime:
                return Verdict(Step.FAILED, self._timed_out())
            if now >= begun + self.min_run:
                return Verdict(Step.FAILED, fault)
            self.draining.wait(min(self.settings.beat_seconds, begun + self.min_run - now))

    def _notice_crash(self, child: CompileProcess) -> None:
        if self.verdict is None and self.heard_all and child.exit_code is not None:
            self.verdict = Verdict(Step.FAILED, self._crash(child.exit_code))

    def _read(self, child: CompileProcess, end: object) -> bool:
        """Takes in what one pipe holds; False when it holds no more for ever."""
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
            log.error("the compiler's events make no sense: %s", error, extra=self.extra)
            child.kill()
            self.heard_all = True
        return False

    def _heard(self, kind: str, value: Any) -> None:
        if kind == "step":
            self.progress = str(value)
            self.phases.enter(self.progress)
            if self.log_bytes >= self.settings.max_log_bytes:  # the child's own line is left out
                self.lines.add(f"step: {value}")
            log.debug("step: %s", value, extra=self.extra)
        elif kind == "ready":
            self.wants_upload = True
        elif kind == "done":
            self.verdict = Verdict(Step.COMPLETED, result=result_of(value))
        elif kind == "failed":
            self.verdict = Verdict(Step.FAILED, reason=value)

    def _log(self, data: bytes) -> bool:
        room = self.settings.max_log_bytes - self.log_bytes
        self.log_bytes += len(data)
        if not data or room <= 0:
            return bool(data)
        lines = data[:room].decode(errors="replace").splitlines()
        if len(data) >= room:
            lines.append(f"the rest of the output is left out: {PREFIX}MAX_LOG_BYTES is {self.settings.max_log_bytes}")
        for line in lines:
            log.info("compiler: %.2000s", line, extra=self.extra)
            self.lines.add(line)
        return True

    def _beat(self, uploading: bool = False) -> Verdict | None:
        """Renews the lease; a verdict when supervision is over, else an upload that `uploading` asks for may begin."""
        if self.draining.is_set():
            return Verdict(Step.RELEASED)
        asked = time.monotonic()
        try:
            status = self.store.beat(
                self.claim, self.progress, str(artifact_of(self.claim.request)) if uploading else ""
            )
            self.min_run = Controls(self.store).pace().min_run_seconds
        except RedisError:
            # without a renewal the lease must be presumed lost: another worker may have the job
            if time.monotonic() - self.renewed > self.settings.lease_seconds:
                return Verdict(Step.LOST)
            return None
        self.renewed = asked
        if status is None:
            return Verdict(Step.LOST)
        self.lines.flush()
        # an upload under way is let finish: then it can be withdrawn for certain
        return Verdict(Step.STOPPED) if status is JobStatus.STOPPING and not self.uploading else None

    def _timed_out(self) -> str:
        limit = f"MaxRuntimeInSeconds ({self.max_runtime})"
        return TimeOutError(f"the job did not complete within {limit}; it was at: {self.progress}").reason

    def _crash(self, exit_code: int) -> str:
        how = f"was killed by signal {-exit_code}" if exit_code < 0 else f"exited with status {exit_code}"
        return InternalError(f"the compiler {how} at: {self.progress}{exit_hint(exit_code)}").reason

    # after it

    def _conclude(self, verdict: Verdict) -> JobStatus | None:
        if verdict.step is not Step.LOST:
            self.lines.add(f"{verdict.step.name} {verdict.reason or ''}".rstrip())
            self.lines.flush()  # before the status: who sees the end finds the log complete
        if self.uploading and verdict.step in (Step.FAILED, Step.STOPPED):
            artifact_cleanup.remove(self.store, self.mark, str(artifact_of(self.claim.request)))
        written = self._write(verdict)
        if self.uploading and written is not JobStatus.COMPLETED:
            self._withdraw()
        self.phases.end(self.store, written)
        log.info("%s", written or verdict.step.name, extra=self.extra)
        return written

    def _write(self, verdict: Verdict) -> JobStatus | None:
        """Writes the end into the store, waiting for Redis to come back if it is away."""
        while verdict.step is not Step.LOST:
            try:
                if verdict.step is Step.RELEASED:
                    self.store.release(self.claim)
                    return None
                status = JobStatus.COMPLETED if verdict.step is Step.COMPLETED else JobStatus.FAILED
                return self.store.finish(self.claim, status, verdict.reason, verdict.result)
            except RedisError:
                if self.draining.is_set():
                    return None
                time.sleep(REDIS_PAUSE_SECONDS)
        return None

    def _withdraw(self) -> None:
        """Removes the artifact of a job that was stopped, timed out, deleted or reset in the last moment."""
        try:
            artifact_cleanup.sweep(self.store)
            job = self.store.get(self.claim.id)
            if job.status in (JobStatus.COMPLETED, JobStatus.INPROGRESS) and job.fence != self.claim.fence:
                return  # another worker's by now
        except StoreError:
            pass
        except RedisError as error:
            log.warning("a worker removes the artifact later: %s", error, extra=self.extra)
            return
        artifact_cleanup.remove(self.store, self.mark, str(artifact_of(self.claim.request)))
