"""Serves one generation of a variant: starts, restarts and ends its process."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol

from redis.exceptions import RedisError

from neo_workers.hosting import assignment as serving
from neo_workers.hosting.assignment import CannotServeError
from neo_workers.hosting.endpoint_store import Change
from neo_workers.hosting.endpoints import Endpoint, EndpointId, Variant, VariantState
from neo_workers.hosting.invocations import Answer, Invocation
from neo_workers.jobs import JsonObject
from neo_workers.settings import Settings

MOST_LOADS = 3
"""The variant becomes FAILED if its process ends so often before it has loaded the model."""
SCRIPT_VARIABLES = ("SAGEMAKER_PROGRAM", "SAGEMAKER_SUBMIT_DIRECTORY")
NO_SCRIPTS = (
    "This version runs no inference scripts: {what}. Deploy the compiled artifact itself, without an entry point"
)
TAKE_SECONDS = 0.25
"""How often an idle thread checks whether its process is alive, and whether to stop."""
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 5.0
END_SECONDS = 2.0

log = logging.getLogger(__name__)

MakeTwin = Callable[[JsonObject, Path, Callable[[str], None]], str]
"""Compiles what a serving process's TWIN asks for into a file, passing on log lines.

Returns the reason of a failure, "" for success.
"""


class Records(Protocol):
    """Where a served variant's state is kept: EndpointStore, or a transform job's own."""

    def update(self, endpoint_id: EndpointId, change: Change) -> Endpoint | None:
        """The record after `change`."""


class Requests(Protocol):
    """Where a served variant's requests come from: InvocationQueue, or a transform job's own."""

    def take(self, generation: str, timeout_seconds: float) -> tuple[str, Invocation] | None:
        """The next request's id and the request, None when none came in time."""

    def answer(self, generation: str, number: str, answer: Answer) -> None:
        """Sends the answer of a request that was taken."""

    def recover(self, generation: str) -> int:
        """Queues again what a process that is gone had taken; how many there are."""

    def close(self, generation: str) -> None:
        """Answers all that is left with STOPPED."""


@dataclass(frozen=True)
class Surroundings:
    """What the served variants of a worker share, or what those of a transform job have."""

    settings: Settings  # the worker's
    records: Records
    queue: Requests
    context: BaseContext  # starts processes
    make_twin: MakeTwin
    folder: Path  # of their models
    add_line: Callable[[EndpointId, str, str], None]  # one line into a stream of the log


class ServedVariant:
    """One generation, supervised by its own thread."""

    def __init__(self, endpoint_id: EndpointId, variant: Variant, around: Surroundings) -> None:
        self.endpoint_id, self.variant, self._around = endpoint_id, variant, around
        self.folder = around.folder / variant.generation
        self._stream = f"{variant.name}/i-{secrets.token_hex(8)}0"
        self._stop = threading.Event()
        self._digest = self._owner = ""  # of the model's archive, "" until it is fetched
        self._process: BaseProcess | None = None
        self._line: Connection | None = None
        self.thread = threading.Thread(target=self._run, daemon=True, name=f"serve {variant.name}")
        self.thread.start()

    def stop(self) -> None:
        """Ends the process after its current request. Call `forget` once the thread has ended."""
        self._stop.set()

    def restart(self) -> None:
        """Kills the process, whatever it does; after `stop` it is not started again."""
        process = self._process
        if process is not None and process.pid is not None and process.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)

    def forget(self) -> None:
        """Answers the waiting requests with STOPPED, and removes the model's files."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._around.queue.close(self.variant.generation)

    def _run(self) -> None:
        try:
            self._prepare()
            self._serve()
        except CannotServeError as error:
            self._fail(str(error))
        except RedisError as error:
            log.warning("endpoint %s: the store is unavailable: %s", self.endpoint_id, error)
        except Exception:
            log.exception("endpoint %s", self.endpoint_id)
            self._fail("ServerError: the emulator failed to serve the model; see the worker's log")
        finally:
            self._end()

    def _prepare(self) -> None:
        """Fetches the model's archive. Raises CannotServeError."""
        from neo_workers.hosting import model_data  # importing boto3 is slow, and most workers serve nothing

        if given := [name for name in SCRIPT_VARIABLES if self.variant.environment.get(name)]:
            raise CannotServeError(NO_SCRIPTS.format(what=f"the model's Environment has {' and '.join(given)}"))
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        region, settings = self.endpoint_id.scope.region, self._around.settings
        self._digest, self._owner = model_data.fetch(self.variant, region, self.folder, settings)

    def _serve(self) -> None:
        loads, pause = 0, PAUSE_SECONDS
        while not self._stop.is_set():
            word, facts = self._start()
            if word == serving.READY:
                loads, pause = 0, PAUSE_SECONDS
                self._ready()
                self._pass_on()
            elif word == serving.TWIN:
                self._make_twin(facts)
                continue
            elif word == serving.FAILED:
                raise CannotServeError(str(facts["reason"]))
            else:
                loads += 1
                if loads == MOST_LOADS:
                    text = f"The model's process ended {loads} times while it was loading: {facts['reason']}"
                    raise CannotServeError(text)
            self._stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _start(self) -> tuple[str, JsonObject]:
        """Starts a process; returns its first message, ("", reason) if it ended without one."""
        self._end()
        self._around.queue.recover(self.variant.generation)
        line, theirs = self._around.context.Pipe()
        arguments = (serving.Assignment(self.folder.absolute()), self._around.settings.for_compiler(), theirs)
        make: Any = self._around.context.Process  # type: ignore[attr-defined]
        process: BaseProcess = make(target=serving.main, args=arguments, daemon=True, name=self._stream)
        self._process, self._line = process, line
        process.start()
        theirs.close()
        try:
            word, facts, _ = serving.receive(line)
            return word, facts
        except (EOFError, OSError, ValueError):
            process.join(END_SECONDS)
            return "", {"reason": f"exit status {process.exitcode}"}

    def _pass_on(self) -> None:
        """Passes requests to the process and its answers back, until the process ends or `stop` was called."""
        generation, queue = self.variant.generation, self._around.queue
        while not self._stop.is_set() and self._process is not None and self._process.is_alive():
            taken = queue.take(generation, TAKE_SECONDS)
            if taken is None:
                continue
            number, invocation = taken
            answer = self._ask(invocation)
            if answer is None:
                break
            if answer.status != 200:
                self._log(f"{answer.status}: {answer.body.decode(errors='replace')}")
            queue.answer(generation, number, answer)
        if not self._stop.is_set() and self._process is not None:
            self._process.join(END_SECONDS)
            self._log(f"the model's process ended with status {self._process.exitcode}; it is restarted")

    def _ask(self, invocation: Invocation) -> Answer | None:
        """The model's answer, None if its process ended or sent an invalid message."""
        assert self._line is not None
        facts, waits = {"content_type": invocation.content_type, "accept": invocation.accept}, 0
        try:
            serving.send(self._line, serving.ASKED, facts, invocation.body)
            while not self._line.poll(TAKE_SECONDS):
                if self._stop.is_set():
                    waits += 1
                    if waits * TAKE_SECONDS > END_SECONDS:
                        return None
            _, said, body = serving.receive(self._line)
            return Answer(int(said["status"]), str(said["content_type"]), body)
        except (EOFError, OSError, ValueError, KeyError, TypeError):
            return None

    def _ready(self) -> None:
        twin_of = self.variant.twin_of
        what = f"its twin, because {twin_of}" if twin_of else self.variant.model_data_url
        self._log(f"model {self.variant.model_name} is loaded: {what}")
        self.variant = self._changed(state=VariantState.READY, digest=self._digest, twin_of=twin_of)

    def _make_twin(self, facts: JsonObject) -> None:
        """Compiles a twin, an artifact for this machine, next to the archive. Raises CannotServeError."""
        reason = f"this machine cannot run the artifact: {facts['reason']}"
        if self._around.settings.endpoint_model == "exact":
            raise CannotServeError(f"{reason} (NEO_EMULATOR_ENDPOINT_MODEL=exact)")
        self._log(f"{reason}; the same model is compiled for this machine, and that twin answers requests")
        wanted = {"owner": self._owner, "digest": self._digest, "output": facts["output"]}
        failure = self._around.make_twin(wanted, self.folder / serving.TWIN_MODEL, self._log)
        if failure:
            raise CannotServeError(f"{reason}, and no twin could be made: {failure}")
        self.variant = self._changed(twin_of=str(facts["reason"]), digest=self._digest)

    def _fail(self, reason: str) -> None:
        self._log(reason)
        with contextlib.suppress(RedisError):
            self._changed(state=VariantState.FAILED, reason=reason[:1024])

    def _changed(self, **changes: Any) -> Variant:
        """Changes the variant in its endpoint's record; returns it."""
        generation = self.variant.generation

        def change(found: Endpoint | None) -> Endpoint | None:
            return found.with_variant(generation, **changes) if found else None

        after = self._around.records.update(self.endpoint_id, change)
        mine = (v for v in (after.wanted if after else ()) if v.generation == generation)
        return next(mine, self.variant)

    def _log(self, text: str) -> None:
        log.info("endpoint %s, variant %s: %s", self.endpoint_id, self.variant.name, text)
        self._around.add_line(self.endpoint_id, self._stream, text)

    def _end(self) -> None:
        """Ends the process, if there is one."""
        if self._line is not None:
            self._line.close()  # a process that waits ends by itself
        if self._process is not None and self._process.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                if self._process.is_alive():
                    os.kill(self._process.pid, signal.SIGKILL)
            self._process.join()
        self._process = self._line = None
