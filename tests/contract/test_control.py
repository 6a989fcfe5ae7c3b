"""/_neo/pace and /_neo/faults on a live server; the engine's side is walked by hand."""

from typing import Any

import pytest
from support.waiting import until

from neo_workers.jobs import JobId
from neo_workers.store.store import Store


def test_starting_is_held_until_the_pace_lets_it_go(
    sagemaker: Any, store: Store, engine: Any, request_for: Any, curl: Any
) -> None:
    assert curl("POST", "/_neo/pace", {"min_starting_seconds": 60}).json["min_starting_seconds"] == 60
    sagemaker.create_compilation_job(**request_for())
    job_id = JobId(engine.scope, "job")
    assert store.claim(job_id, "w") is None
    assert sagemaker.describe_compilation_job(CompilationJobName="job")["CompilationJobStatus"] == "STARTING"
    assert store.reap() == []
    assert curl("POST", "/_neo/pace", {"min_starting_seconds": 0}).json == {
        "min_starting_seconds": 0.0,
        "min_run_seconds": 0.0,
    }
    assert store.reap() == [job_id]  # announced at once, not after republish_seconds
    assert store.claim(job_id, "w") is not None


def test_a_held_job_is_announced_when_its_time_has_come(store: Store, engine: Any, curl: Any) -> None:
    curl("POST", "/_neo/pace", {"min_starting_seconds": 2})
    job_id = JobId(engine.scope, "job")
    store.add(job_id, {}, {})
    assert store.claim(job_id, "w") is None
    assert store.reap() == []
    until(lambda: store.reap() == [job_id])
    assert store.claim(job_id, "w") is not None


def test_a_held_job_can_be_stopped(sagemaker: Any, store: Store, request_for: Any, curl: Any) -> None:
    curl("POST", "/_neo/pace", {"min_starting_seconds": 60})
    sagemaker.create_compilation_job(**request_for())
    sagemaker.stop_compilation_job(CompilationJobName="job")
    store.reap()
    assert sagemaker.describe_compilation_job(CompilationJobName="job")["CompilationJobStatus"] == "STOPPED"


def test_faults_are_dealt_out_by_name_and_count(store: Store, engine: Any, curl: Any) -> None:
    curl("POST", "/_neo/faults", {"reason": "CapacityError: none", "name": "train-*", "count": 2})
    planned = curl("POST", "/_neo/faults", {"reason": "ServerError: any"}).json["faults"]
    assert [(row["name"], row["count"]) for row in planned] == [("train-*", 2), ("*", 1)]
    dealt = {}
    for name in ("train-1", "trainer", "train-2", "train-3", "other"):
        store.add(JobId(engine.scope, name), {}, {})
        dealt[name] = engine.start(name).fault
    assert dealt == {
        "train-1": "CapacityError: none",
        "trainer": "ServerError: any",
        "train-2": "CapacityError: none",
        "train-3": "",
        "other": "",
    }
    assert curl("GET", "/_neo/faults").json == {"faults": []}


def test_faults_can_be_withdrawn_and_go_with_a_reset(store: Store, engine: Any, curl: Any) -> None:
    for forget in (("DELETE", "/_neo/faults"), ("POST", "/_neo/reset")):
        curl("POST", "/_neo/faults", {})
        curl("POST", "/_neo/pace", {"min_run_seconds": 9})
        curl(*forget)
        store.add(JobId(engine.scope, forget[0]), {}, {})
        assert engine.start(forget[0]).fault == ""
    assert curl("GET", "/_neo/pace").json["min_run_seconds"] == 0


@pytest.mark.parametrize(
    ("page", "body"),
    [
        ("pace", {"min_run_seconds": -1}),
        ("pace", {"min_run_seconds": "1"}),
        ("pace", {"min_run_seconds": True}),
        ("pace", {"seconds": 1}),
        ("pace", b"[]"),
        ("pace", b"{"),
        ("pace", b'{"min_run_seconds": NaN}'),
        ("faults", {"reason": ""}),
        ("faults", {"reason": "x" * 1025}),
        ("faults", {"reason": 1}),
        ("faults", {"name": "a_b"}),
        ("faults", {"count": 0}),
        ("faults", {"count": True}),
        ("faults", b"[" * 100_000),
    ],
    ids=lambda value: str(value)[:30],
)
def test_wrong_controls_are_refused(curl: Any, page: str, body: Any) -> None:
    answer = curl("POST", f"/_neo/{page}", body)
    assert (answer.status, set(answer.json)) == (400, {"error"})


def test_as_many_active_jobs_as_the_settings_allow(redis_url: str) -> None:
    from neo_workers.jobs import JobStatus, Scope
    from neo_workers.settings import Settings
    from neo_workers.store.store import TooManyJobs

    store = Store(Settings(redis_url=redis_url, max_active_jobs=2))
    ids = [JobId(Scope("123456789012", "us-east-1"), name) for name in "abc"]
    store.add(ids[0], {}, {})
    store.add(ids[1], {}, {})
    with pytest.raises(TooManyJobs):
        store.add(ids[2], {}, {})
    store.add(JobId(Scope("123456789012", "eu-west-1"), "c"), {}, {})
    claim = store.claim(ids[0], "w")
    assert claim is not None
    store.finish(claim, JobStatus.FAILED, "x")
    store.add(ids[2], {}, {})
