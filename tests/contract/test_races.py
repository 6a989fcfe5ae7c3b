"""Stop and Delete from many clients at once, against a job that is ending: one consistent end, never a 5xx."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from neo_workers.jobs import JobStatus

ALLOWED = {200, 400}


@pytest.mark.parametrize("turn", range(5))
def test_stop_races_a_finish(call: Any, store: Any, engine: Any, request_for: Any, turn: int) -> None:
    assert call("CreateCompilationJob", request_for()).status == 200
    claim = engine.start("job")
    name = {"CompilationJobName": "job"}
    with ThreadPoolExecutor(9) as pool:
        stops = [pool.submit(call, "StopCompilationJob", name) for _ in range(8)]
        written = pool.submit(store.finish, claim, JobStatus.FAILED, "ClientError: x").result()
        answers = Counter(stop.result().status for stop in stops)
    assert set(answers) <= ALLOWED
    described = call("DescribeCompilationJob", name).json
    assert described["CompilationJobStatus"] == written
    assert written == (JobStatus.STOPPED if answers[200] else JobStatus.FAILED)
    assert ("FailureReason" in described) == (written is JobStatus.FAILED)
    history = store.history(claim.id)
    assert history[-1] is written
    assert len(history) == len(set(history))


def test_delete_races_itself_and_a_new_create(call: Any, engine: Any, request_for: Any) -> None:
    call("CreateCompilationJob", request_for())
    engine.bring("job", JobStatus.COMPLETED)
    name = {"CompilationJobName": "job"}
    with ThreadPoolExecutor(16) as pool:
        deletes = [pool.submit(call, "DeleteCompilationJob", name) for _ in range(8)]
        creates = [pool.submit(call, "CreateCompilationJob", request_for()) for _ in range(8)]
        deleted = Counter(each.result().status for each in deletes)
        created = Counter(each.result().status for each in creates)
    assert deleted[200] == 1  # the new job is STARTING and may not be deleted
    assert created[200] <= 1
    assert set(deleted) | set(created) <= ALLOWED
    assert call("DescribeCompilationJob", name).status == (200 if created[200] else 400)
