"""Workers that are killed, frozen, told to end or cut off; Stop; reapers; clocks (rows 2, 3, 4, 11, 17, 20, 21)."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from chaos.conftest import Settle
from chaos.invariants import HERE, create
from chaos.parts import Part
from chaos.stack import Stack
from support import processes
from support.waiting import stays, until

from neo_workers.jobs import JobId
from neo_workers.queue import reaper


def running(stack: Stack, count: int = 1) -> tuple[list[str], Part]:
    """Names of that many jobs that compile now and are held until `settle`, and the first one's worker."""
    stack.pace(min_run_seconds=3600)
    names = [create(stack) for _ in range(count)]
    owners = [stack.owner(name) for name in names]
    return names, owners[0]


def attempts(stack: Stack, name: str) -> int:
    return stack.store.get(JobId(HERE, name)).attempt


def test_worker_killed(stack: Stack, settle: Settle) -> None:
    names, owner = running(stack, 4)
    below = stack.compilers(owner)
    begun = time.monotonic()
    owner.kill()
    processes.all_gone(below)
    outcome = settle(stack, names, begun=begun)
    assert set(outcome.statuses.values()) == {"COMPLETED"}
    assert attempts(stack, names[0]) == 2
    folders = len(list((stack.folder / "work").iterdir()))
    stack.heal()  # the worker that comes after it removes what it left
    assert len(list((stack.folder / "work").iterdir())) <= folders
    assert not list((stack.folder / "work").glob("*/chaos-*"))


@pytest.mark.long
def test_worker_frozen(stack: Stack, settle: Settle) -> None:
    names, owner = running(stack)
    owner.send(signal.SIGSTOP)
    until(lambda: attempts(stack, names[0]) == 2)
    owner.send(signal.SIGCONT)
    outcome = settle(stack, names)
    assert set(outcome.statuses.values()) == {"COMPLETED"}


@pytest.mark.parametrize("how", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_worker_told_to_end(stack: Stack, settle: Settle, how: signal.Signals) -> None:
    names, owner = running(stack, 3)
    begun = time.monotonic()
    owner.send(how)
    owner.wait()
    assert not owner.alive
    outcome = settle(stack, names, begun=begun)
    assert set(outcome.statuses.values()) == {"COMPLETED"}
    assert [attempts(stack, name) for name in names] == [1, 1, 1]


@pytest.mark.parametrize("fault", ["cut", pytest.param("hold", marks=pytest.mark.long)])
def test_worker_cut_off(stack: Stack, settle: Settle, fault: str) -> None:
    names, owner = running(stack)
    below = stack.compilers(owner)
    begun = time.monotonic()
    with stack.redis_ways[owner.name].fault(fault):
        processes.all_gone(below)  # it fences itself
        outcome = settle(stack, names, begun=begun)
    assert set(outcome.statuses.values()) == {"COMPLETED"}
    assert owner.alive
    stack.heal()


@pytest.mark.long
def test_many_reapers(stack: Stack, settle: Settle) -> None:
    stop = threading.Event()
    extra = [reaper.start(stack.store, stop) for _ in range(3)]
    try:
        names, owner = running(stack, 4)
        owner.kill()
        names += [create(stack) for _ in range(4)]
        outcome = settle(stack, names)
    finally:
        stop.set()
        for thread in extra:
            thread.join()
    assert set(outcome.statuses.values()) == {"COMPLETED"}
    assert max(attempts(stack, name) for name in names) == 2


def test_stop(stack: Stack, settle: Settle) -> None:
    sagemaker = stack.client("sagemaker")
    (first,), _ = running(stack)
    stack.pace(min_run_seconds=3600, min_starting_seconds=3600)
    queued = create(stack)
    for name in (queued, first):
        sagemaker.stop_compilation_job(CompilationJobName=name)
        try:  # stopping what is being stopped is no error
            sagemaker.stop_compilation_job(CompilationJobName=name)
        except sagemaker.exceptions.ClientError as error:
            assert "is in status STOPPED" in str(error)  # it has ended meanwhile
    outcome = settle(stack, [queued, first])
    assert set(outcome.statuses.values()) == {"STOPPED"}
    with pytest.raises(sagemaker.exceptions.ClientError, match="ValidationException"):
        sagemaker.stop_compilation_job(CompilationJobName=first)
    for worker in stack.workers:
        worker.kill()
    stack.pace()
    nobody = create(stack)
    sagemaker.stop_compilation_job(CompilationJobName=nobody)
    outcome = settle(stack, [nobody])
    assert outcome.statuses[nobody] == "STOPPED"
    stack.heal()
    assert attempts(stack, nobody) == 0  # it is not begun afterwards either


@contextmanager
def uploading(stack: Stack) -> Iterator[tuple[str, Part]]:
    """A job whose upload has begun and is held on its way to S3 until the block ends, and its worker."""
    (name,), owner = running(stack)
    until(lambda: stack.store.get(JobId(HERE, name)).progress == "upload")
    with stack.s3_way.fault("hold"):
        stack.pace()
        until(lambda: any(piece.startswith(b"PUT ") for piece in stack.s3_way.held))
        assert stack.store.connection.hget(f"neo:job:{HERE}:{name}", "uploaders")
        yield name, owner


@pytest.mark.long
def test_stop_during_the_upload(stack: Stack, settle: Settle) -> None:
    with uploading(stack) as (name, _):
        stack.client("sagemaker").stop_compilation_job(CompilationJobName=name)
        stays(lambda: stack.store.get(JobId(HERE, name)).status == "STOPPING", 0.5)
    outcome = settle(stack, [name])
    assert outcome.statuses[name] == "STOPPED"


def test_stop_after_a_dead_upload(stack: Stack, settle: Settle) -> None:
    with uploading(stack) as (name, owner):
        owner.kill()
        stack.client("sagemaker").stop_compilation_job(CompilationJobName=name)
        until(lambda: stack.store.get(JobId(HERE, name)).status == "STOPPED")
    outcome = settle(stack, [name])  # what the proxy held has arrived, and is taken away
    assert outcome.statuses[name] == "STOPPED"


def faketime() -> Path | None:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    return found[0] if found else None


@pytest.mark.long
@pytest.mark.skipif(faketime() is None, reason="needs libfaketime")
@pytest.mark.parametrize("jump", ["+3600", "-3600"])
def test_clock_jumps(stack: Stack, settle: Settle, tmp_path: Path, jump: str) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0")
    more = {
        "LD_PRELOAD": str(faketime()),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with stack.only_worker(more):
        names, _ = running(stack, 2)
        clock.write_text(jump)
        names.append(create(stack))
        outcome = settle(stack, names)
        assert set(outcome.statuses.values()) == {"COMPLETED"}
        assert {attempts(stack, name) for name in names} == {1}
