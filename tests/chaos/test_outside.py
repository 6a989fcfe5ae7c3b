"""S3, disks, the API, and everything at once (rows 12 to 16 and 22)."""

import contextlib
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from chaos import invariants
from chaos.conftest import Settle
from chaos.invariants import HERE, create, request
from chaos.stack import Stack
from chaos.test_workers import running
from support import jobs, processes
from support.kept import Kept
from support.waiting import takes, until

from neo_workers.jobs import JobId, Query
from neo_workers.sandbox import process_tree

SEED = int(os.environ.get("NEO_CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)


@pytest.mark.long
def test_one_name_for_many(stack: Stack, settle: Settle) -> None:
    with stack.second_api() as other:
        clients = [stack.client("sagemaker"), stack.client("sagemaker", endpoint=other)]
        answers: list[str] = []

        def ask(sagemaker: Any) -> None:
            try:
                sagemaker.create_compilation_job(**request(name))
                answers.append("created")
            except ClientError as error:
                answers.append(error.response["Error"]["Code"])

        name = f"one-{time.monotonic_ns()}"
        threads = [threading.Thread(target=ask, args=(clients[n % 2],)) for n in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == ["ResourceInUse"] * 49 + ["created"]
        settle(stack, [name])


# S3


def test_s3_gone_for_a_while(stack: Stack, settle: Settle) -> None:
    names, _ = running(stack, 2)
    begun = time.monotonic()
    with stack.s3_way.fault("cut"):
        stack.pace()
        takes(2)
    outcome = settle(stack, names, begun=begun)
    assert set(outcome.statuses.values()) == {"COMPLETED"}


@pytest.mark.long
def test_s3_fails(stack: Stack, settle: Settle) -> None:
    begun = time.monotonic()
    with stack.s3_way.fault("refuse"):
        name = create(stack)
        until(lambda: str(stack.store.get(JobId(HERE, name)).status) == "FAILED")
    outcome = settle(stack, [name], begun=begun)
    assert outcome.descriptions[name]["FailureReason"].startswith("ServerError: S3 failed at ")


@pytest.mark.long
def test_s3_slow(stack: Stack, settle: Settle) -> None:
    with stack.s3_way.fault("slow"):
        outcome = settle(stack, [create(stack), create(stack)])
    assert set(outcome.statuses.values()) == {"COMPLETED"}


@pytest.mark.long
def test_s3_hangs(stack: Stack, settle: Settle) -> None:
    with stack.s3_way.fault("hold"):
        outcome = settle(stack, [create(stack, max_runtime=4)])
    (job,) = outcome.descriptions.values()
    assert job["FailureReason"].startswith("ClientError: TimeOut: ")


# the API


def test_api_killed(stack: Stack, settle: Settle) -> None:
    sagemaker, asked, acknowledged = stack.client("sagemaker", attempts=1), list[str](), list[str]()

    def ask(number: int) -> None:
        for turn in range(40):
            name = f"api-{stack.mark[:6]}-{time.monotonic_ns()}-{number}-{turn}"
            asked.append(name)
            try:
                sagemaker.create_compilation_job(**request(name))
                acknowledged.append(name)
            except (BotoCoreError, ClientError):
                return

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    until(lambda: len(acknowledged) >= 3)
    begun = time.monotonic()
    stack.parts["api"].kill()
    for thread in threads:
        thread.join()
    silent = f"silent-{time.monotonic_ns()}"
    stack.store.add(JobId(HERE, silent), request(silent), {})  # as if it had been killed before the message
    stack.heal()
    known = {job.id.name for job in stack.store.page(HERE, Query(limit=10_000)).jobs}
    assert set(acknowledged) <= known
    outcome = settle(stack, [silent, *(name for name in asked if name in known)], begun=begun)
    assert set(outcome.statuses.values()) == {"COMPLETED"}


# the embedded stack


@pytest.mark.long
def test_guards_killed(trial: int, tmp_path: Path, whole: Stack) -> None:
    kept = Kept(tmp_path / "data", lease_seconds=3, republish_seconds=2, max_attempts=10, cache="false").start()
    try:
        s3, sagemaker = kept.client("s3"), kept.client("sagemaker")
        s3.create_bucket(Bucket=invariants.BUCKET)
        s3.put_object(Bucket=invariants.BUCKET, Key="tiny.tar.gz", Body=invariants.ARCHIVE)
        for number, wanted in enumerate(("valkey", "neo_workers", "both")):
            name = f"guards-{number}"
            sagemaker.create_compilation_job(**request(name))
            jobs.wait(sagemaker, name, "INPROGRESS", "COMPLETED")
            for pid in process_tree.descendants(kept.pid()):
                line = processes.command(pid)
                if "lifeline.py" in line and (wanted == "both" or wanted in line):
                    os.kill(pid, signal.SIGKILL)
            job = jobs.wait(sagemaker, name)
            assert job["CompilationJobStatus"] == "COMPLETED", job.get("FailureReason")
        family = [kept.pid(), *process_tree.descendants(kept.pid())]
        kept.kill()
        processes.all_gone(family)
    finally:
        kept.stop()


def test_everything_killed(stack: Stack, settle: Settle) -> None:
    names, _ = running(stack, 4)
    names += [create(stack) for _ in range(2)]
    begun = time.monotonic()
    for part in stack.parts.values():
        part.send(signal.SIGKILL)
    for part in stack.parts.values():
        part.wait()
    until(lambda: not stack.strays())
    stack.heal()
    outcome = settle(stack, names, begun=begun)
    assert set(outcome.statuses.values()) == {"COMPLETED"}


# disks


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


@pytest.mark.long
def test_work_disk_full(stack: Stack, settle: Settle, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "256k") as disk, stack.only_worker(work_dir=disk):
        stack.client("s3").put_object(
            Bucket=invariants.BUCKET, Key="wide.tar.gz", Body=jobs.archive(a__bin=os.urandom(300_000))
        )
        name = create(stack, "wide")
        outcome = settle(stack, [name])
        assert "No space is left on the worker's disk." in outcome.descriptions[name]["FailureReason"]
        assert list(disk.glob("*/chaos-*")) == []


def test_redis_disk_full(trial: int, settle: Settle, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "4m") as disk, Stack(tmp_path, workers=1, valkey_dir=disk / "v") as stack:
        invariants.prepare(stack)
        names, _ = running(stack)
        filler, once = disk / "filler", stack.client("sagemaker", attempts=1)
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

        def refused() -> bool:
            try:
                once.create_compilation_job(**request(f"full-{time.monotonic_ns()}"))
            except ClientError as error:
                return bool(error.response["ResponseMetadata"]["HTTPStatusCode"] == 503)
            return False

        until(refused)
        begun = time.monotonic()
        filler.unlink()
        outcome = settle(stack, names, begun=begun)
        assert set(outcome.statuses.values()) == {"COMPLETED"}


# everything


@pytest.mark.timeout(600)
def test_rolling_restart(stack: Stack, settle: Settle, trial: int) -> None:
    chance = random.Random(SEED + trial)
    print(f"NEO_CHAOS_SEED={SEED + trial}")
    sagemaker, names, killed = stack.client("sagemaker", attempts=20), list[str](), list[str]()

    def ask() -> None:
        while len(names) < 50:
            try:
                names.append(create(stack, sagemaker=sagemaker))
            except BotoCoreError:
                continue  # the API was away at each of its attempts
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                    raise
            takes(1.0)

    asking = threading.Thread(target=ask)
    asking.start()
    for _ in range(30):
        takes(2)
        killed.append(kill_one(stack, chance))
    stack.heal()
    asking.join()
    outcome = settle(stack, names, begun=time.monotonic(), seconds=200)
    ends = {end: list(outcome.statuses.values()).count(end) for end in set(outcome.statuses.values())}
    print(f"killed {', '.join(killed)}; {ends}")
    reasons = [job["FailureReason"] for job in outcome.descriptions.values() if "FailureReason" in job]
    allowed = (
        "ServerError: the compiler was killed",
        "ServerError: S3 cannot be reached",
        "ServerError: S3 failed",
    )
    assert [reason for reason in reasons if not reason.startswith(allowed)] == []
    assert ends["COMPLETED"] > 25


def kill_one(stack: Stack, chance: random.Random) -> str:
    """Kills a part, or a compiler, at random, and starts what is down."""
    for part in stack.parts.values():
        if not part.alive:
            part.start()
    compilers = [pid for worker in stack.workers for pid in stack.compilers(worker)]
    victim = chance.choice([*stack.parts, "compiler"])
    if victim != "compiler":
        stack.parts[victim].kill()
        stack.parts[victim].start()
    elif compilers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(compilers), signal.SIGKILL)
    return victim
