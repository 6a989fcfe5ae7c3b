"""Compilers that are killed, go over a limit, or mean harm; archives that do (rows 1, 18, 19)."""

import os
import signal
from typing import Any

import pytest
from chaos.conftest import Settle
from chaos.invariants import ARCHIVE, BUCKET, create
from chaos.stack import Stack
from support.hostile_archives import REFUSED

from neo_workers.sandbox import process_tree

LIMITS = {
    "memory": "NEO_EMULATOR_MAX_MEMORY_BYTES",
    "disk": "NEO_EMULATOR_MAX_WORK_BYTES",
    "large_file": "NEO_EMULATOR_MAX_FILE_BYTES",
    "files": "NEO_EMULATOR_MAX_OPEN_FILES",
    "forks": "NEO_EMULATOR_MAX_PROCESSES",
    "bomb": "NEO_EMULATOR_MAX_PROCESSES",
}


def with_model(stack: Stack, name: str) -> str:
    """A job for a model whose compiler does what hostile.py has under that name."""
    stack.client("s3").put_object(Bucket=BUCKET, Key=f"{name}.tar.gz", Body=ARCHIVE)
    return create(stack, name, max_runtime=5 if name == "hang" else 3600)


def test_compiler_killed(stack: Stack, settle: Settle) -> None:
    stack.pace(min_run_seconds=3600)
    names = [create(stack), create(stack)]
    victims = [pid for name in names for pid in stack.compilers(stack.owner(name))]
    os.kill(victims[0], signal.SIGKILL)
    outcome = settle(stack, names)
    assert sorted(outcome.statuses.values()) == ["COMPLETED", "FAILED"]
    reason = next(job["FailureReason"] for job in outcome.descriptions.values() if "FailureReason" in job)
    assert "killed by signal 9" in reason
    assert "NEO_EMULATOR_MAX_MEMORY_BYTES" in reason


QUICK = ("memory", "forks", "bomb", "daemon", "babble")


def cases(*names: str) -> list[Any]:
    """Parameters, of which those not in QUICK are long."""
    return [pytest.param(name, marks=() if name in QUICK else (pytest.mark.long,)) for name in names]


@pytest.mark.parametrize("limit", cases(*LIMITS))
def test_over_a_limit(stack: Stack, settle: Settle, limit: str) -> None:
    good = create(stack)
    name = with_model(stack, limit)
    outcome = settle(stack, [name, good])
    assert (outcome.statuses[name], outcome.statuses[good]) == ("FAILED", "COMPLETED")
    assert LIMITS[limit] in outcome.descriptions[name]["FailureReason"]


@pytest.mark.parametrize("how", cases("daemon", "flood", "hang", "babble", "segfault"))
def test_unruly_compiler(stack: Stack, settle: Settle, how: str) -> None:
    name = with_model(stack, how)
    outcome = settle(stack, [name])  # no process is left
    reason = outcome.descriptions[name]["FailureReason"]
    words = {"daemon": "status 7", "flood": "flooded", "hang": "TimeOut", "segfault": "signal 11"}
    assert words.get(how, "ServerError") in reason
    logged = sum(worker.log.stat().st_size for worker in stack.workers)
    assert logged < 8 << 20
    assert max(process_tree.table()[worker.pid].resident_bytes for worker in stack.workers) < 400 << 20


@pytest.mark.long
def test_fork_server_killed(stack: Stack, settle: Settle) -> None:
    stack.pace(min_run_seconds=3600)
    names = [create(stack) for _ in range(3)]
    for name in names:
        stack.owner(name)
    for worker in stack.workers:
        for pid in process_tree.descendants(worker.pid):
            if process_tree.table().get(pid) and process_tree.table()[pid].parent == worker.pid:
                os.kill(pid, signal.SIGKILL)
    again = create(stack)
    outcome = settle(stack, [*names, again])
    assert outcome.statuses[again] == "COMPLETED"


@pytest.mark.long
def test_hostile_archives(stack: Stack, settle: Settle) -> None:
    s3, names = stack.client("s3"), []
    for number, make in enumerate(list(REFUSED.values())[:: max(1, len(REFUSED) // 8)]):
        s3.put_object(Bucket=BUCKET, Key=f"hostile{number}.tar.gz", Body=make())
        names.append(create(stack, f"hostile{number}"))
    outcome = settle(stack, names)
    assert set(outcome.statuses.values()) == {"FAILED"}
    reasons = [job["FailureReason"] for job in outcome.descriptions.values()]
    assert [reason for reason in reasons if not reason.startswith("ClientError: InputConfiguration: ")] == []
