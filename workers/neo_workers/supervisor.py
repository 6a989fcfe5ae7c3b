"""Sees one claimed job through: starts its child, renews its lease, obeys Stop and MaxRuntimeInSeconds, ends it."""

from __future__ import annotations

import json
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

from neo_workers.child import Child, result_of
from neo_workers.controls import Controls
from neo_workers.errors import CompileError, InternalError, TimeOutError
from neo_workers.feed import LineWriter
from neo_workers.jobs import Claim, JobResult, JobStatus
from neo_workers.s3uri import artifact_of
from neo_workers.settings import Settings
from neo_workers.store import Store, StoreError

MAX_RUNTIME_SECONDS = 86_400
"""MaxRuntimeInSeconds when the request gives none. Source: StoppingCondition in the API reference (1 day)."""

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
        finally:
            starting.add_done_callback(self._put_away)
        return self._conclude(verdict)

    def _start(self) -> Future[Child]:
        """The child to be: the process that it forks from may still be loading TVM, longer than a lease lasts."""
        future: Future[Child] = Future()

        def make() -> None:
            try:
                future.set_result(Child(self.claim.id, self.claim.request, self.work_dir, self.settings))
            except Exception as error:
                future.set_exception(error)

        threading.Thread(target=make, daemon=True, name="start").start()
        return future

    def _await(self, starting: Future[Child]) -> Verdict | None:
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

    def _put_away(self, starting: Future[Child]) -> None:
        if not starting.exception():
            starting.result().close()
        shutil.rmtree(self.work_dir, ignore_errors=True)

    def _max_runtime(self) -> int:
        return self.claim.request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds") or MAX_RUNTIME_SECONDS

    # while the child runs

    def _watch(self, child: Child) -> Verdict:
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
                if ended := self._beat():
                    return ended
            if may_settle and self.verdict:
                return self.verdict
            if may_settle:
                self.wants_upload, self.uploading = False, True
                child.allow_upload()

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

    def _notice_crash(self, child: Child) -> None:
        if self.verdict is None and self.heard_all and child.exit_code is not None:
            self.verdict = Verdict(Step.FAILED, self._crash(child.exit_code))

    def _read(self, child: Child, end: object) -> bool:
        """Takes in what one pipe holds; False when it holds no more for ever."""
        try:
            if end is child.events:
                kind, value = json.loads(child.events.recv_bytes(1 << 20))
                self._heard(kind, value)
                return True
            if end is child.log:
                return self._log(os.read(child.log.fileno(), 1 << 16))
            child.kill()  # it has ended: what it started must not hold its pipes open
        except (EOFError, OSError):
            self.heard_all = self.heard_all or end is child.events
        return False

    def _heard(self, kind: str, value: Any) -> None:
        if kind == "step":
            self.progress = value
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
        if data and room > 0:
            for line in data[:room].decode(errors="replace").splitlines():
                log.info("compiler: %s", line, extra=self.extra)
                self.lines.add(line)
        return bool(data)

    def _beat(self) -> Verdict | None:
        """Renews the lease; a verdict when supervision is over."""
        if self.draining.is_set():
            return Verdict(Step.RELEASED)
        try:
            status = self.store.beat(self.claim, self.progress)
            self.min_run = Controls(self.store).pace().min_run_seconds
        except RedisError:
            # without a renewal the lease must be presumed lost: another worker may have the job
            if time.monotonic() - self.renewed > self.settings.lease_seconds:
                return Verdict(Step.LOST)
            return None
        self.renewed = time.monotonic()
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
        hint = "; it may have run out of memory" if exit_code == -9 else ""
        return InternalError(f"the compiler {how} at: {self.progress}{hint}").reason

    # after it

    def _conclude(self, verdict: Verdict) -> JobStatus | None:
        if verdict.step is not Step.LOST:
            self.lines.add(f"{verdict.step.name} {verdict.reason or ''}".rstrip())
            self.lines.flush()  # before the status: who sees the end finds the log complete
        written = self._write(verdict)
        if self.uploading and written is not JobStatus.COMPLETED:
            self._withdraw()
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
                time.sleep(0.2)
        return None

    def _withdraw(self) -> None:
        """Removes the artifact of a job that was stopped, timed out, deleted or reset in the last moment."""
        try:
            job = self.store.get(self.claim.id)
            theirs = job.status in (JobStatus.COMPLETED, JobStatus.INPROGRESS) and job.fence != self.claim.fence
        except StoreError:
            theirs = False
        if theirs:
            return
        # imported here: boto3 is slow to import and hardly ever needed in this process
        from neo_workers.storage import Storage

        try:
            Storage(self.settings.s3_endpoint_url, self.claim.id.scope.region).remove(artifact_of(self.claim.request))
        except CompileError as error:
            log.warning("the artifact could not be removed: %s", error, extra=self.extra)
