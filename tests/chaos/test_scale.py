"""Many jobs over worker processes on several hosts, one Redis, one S3; what the engine itself costs each job."""

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import time
from pathlib import Path

import pytest
from chaos import invariants
from chaos.conftest import Settle
from chaos.invariants import REPORT, create
from chaos.parts import Host
from chaos.stack import Stack
from support.waiting import until

from neo_workers.store import job_streams


def hosts_are_to_be_had() -> bool:
    if os.getuid() != 0 or shutil.which("ip") is None:
        return False
    try:
        with Host(250):
            return True
    except subprocess.CalledProcessError:
        return False


def costs(stack: Stack, names: list[str]) -> list[dict[str, float]]:
    """Milliseconds of each job: Create to COMPLETED, claim to COMPLETED, and its compile (unpack to package)."""
    connection, moments = stack.store.connection, {}
    for key, row in connection.xrange(job_streams.EVENTS):
        moments[row["id"].rsplit(":", 1)[1], row["status"]] = int(key.split("-")[0])
    for _, row in connection.xrange(job_streams.LOGS):
        for milliseconds, text in json.loads(row["lines"]):
            moments[row["id"].rsplit(":", 1)[1], text] = milliseconds
    rows = []
    for name in names:
        at = {what: moment for (job, what), moment in moments.items() if job == name}
        compile_ms = at["step: upload"] - at["step: unpack"]
        rows.append(
            {
                "compile": compile_ms,
                "overhead": at["COMPLETED"] - at["STARTING"] - compile_ms,
                "overhead after the claim": at["COMPLETED"] - at["INPROGRESS"] - compile_ms,
            }
        )
    return rows


def median(rows: list[dict[str, float]], what: str) -> float:
    return statistics.median(row[what] for row in rows)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_two_hundred_jobs(workers: int, settle: Settle, tmp_path: Path) -> None:
    spread(200, workers, settle, tmp_path)


@pytest.mark.timeout(300)
def test_a_few_jobs_over_two_hosts(settle: Settle, tmp_path: Path) -> None:
    spread(16, 2, settle, tmp_path)


def spread(count: int, workers: int, settle: Settle, folder: Path) -> None:
    if not hosts_are_to_be_had():
        pytest.skip("needs root and iproute2 for network namespaces")
    with contextlib.ExitStack() as kept:
        hosts = [kept.enter_context(Host(number)) for number in range(workers)]
        stack = kept.enter_context(Stack(folder, workers, hosts=hosts))
        invariants.prepare(stack)
        sagemaker, begun = stack.client("sagemaker"), time.monotonic()
        names = [create(stack, max_runtime=900, sagemaker=sagemaker) for _ in range(count)]
        outcome = settle(stack, names, seconds=500, begun=begun)
        assert set(outcome.statuses.values()) == {"COMPLETED"}
        holders = [
            str(stack.store.connection.hget(f"neo:job:{invariants.HERE}:{name}", "worker")).rsplit(":")[-1]
            for name in names
        ]
        shares = sorted((holders.count(holder) for holder in set(holders)), reverse=True)
        assert len(shares) == workers
        rows = costs(stack, names)
        REPORT.append(
            f"{count} jobs over {workers} worker processes on as many hosts: {outcome.seconds:.1f} s, "
            f"shares {shares}, compile {median(rows, 'compile'):.0f} ms, engine after the claim "
            f"{median(rows, 'overhead after the claim'):.0f} ms (medians)"
        )


@pytest.mark.long
def test_overhead_of_one_job_at_a_time(settle: Settle, tmp_path: Path) -> None:
    """Without proxies, and with nothing to do for this process meanwhile: either would be in the figures."""
    with Stack(tmp_path, proxied=False) as stack:
        invariants.prepare(stack)
        sagemaker, names = stack.client("sagemaker"), []
        for _ in range(int(os.environ.get("NEO_CHAOS_JOBS", "8"))):
            names.append(create(stack, sagemaker=sagemaker))
            ended = f"neo:{invariants.HERE}:status:COMPLETED"
            until(lambda: stack.store.connection.zscore(ended, names[-1]) is not None, what=names[-1])  # noqa: B023
        settle(stack, names)
        rows = costs(stack, names)
    REPORT.append(
        f"one job at a time, {len(rows)} jobs: engine {median(rows, 'overhead'):.0f} ms "
        f"({min(row['overhead'] for row in rows):.0f} to {max(row['overhead'] for row in rows):.0f}), "
        f"compile {median(rows, 'compile'):.0f} ms (medians)"
    )
