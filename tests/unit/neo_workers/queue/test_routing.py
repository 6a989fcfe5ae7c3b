"""Where a job is passed on to, on a real Valkey."""

import sys
from collections.abc import Iterator

import pytest

from neo_compiler.frontends import FRAMEWORKS
from neo_workers.jobs import MODEL_PACKAGE_INPUT, JobId, Scope
from neo_workers.queue import QUEUE, routing
from neo_workers.settings import Settings
from neo_workers.store import worker_registry
from neo_workers.store.store import Store

A = JobId(Scope("123456789012", "us-east-1"), "a")
TREES = {"InputConfig": {"Framework": "XGBOOST"}}


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    store = Store(Settings(redis_url=redis_url))
    yield store
    store.connection.close()


@pytest.fixture(autouse=True)
def _without_treelite(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Here the frameworks of the extra `trees` are not installed."""
    monkeypatch.setitem(sys.modules, "treelite", None)  # type: ignore[arg-type]
    routing.own_frameworks.cache_clear()
    yield
    routing.own_frameworks.cache_clear()


def test_own_frameworks_and_queues() -> None:
    plain = {name for name, row in FRAMEWORKS.items() if not row.modules}
    assert plain == {"ONNX", "MXNET", "DARKNET"}
    assert plain <= set(routing.own_frameworks())
    assert not {"XGBOOST", "SKLEARN"} & set(routing.own_frameworks())
    queues = routing.own_queues()
    assert queues[0] == QUEUE
    assert set(queues[1:]) == {routing.queue_of(name) for name in routing.own_frameworks() if FRAMEWORKS[name].modules}


@pytest.mark.parametrize("request_", [TREES, {MODEL_PACKAGE_INPUT: TREES["InputConfig"]}])
def test_a_job_is_passed_on_where_somebody_has_its_framework(store: Store, request_: dict[str, object]) -> None:
    store.add(A, request_, {})
    assert routing.elsewhere(store, A) is None  # nobody has it: the job fails here, and says why
    worker_registry.report(store, worker_registry.Worker("other:1", 1, "ok", ("ONNX", "XGBOOST")))
    assert routing.elsewhere(store, A) == f"{QUEUE}-xgboost"


@pytest.mark.parametrize("request_", [{"InputConfig": {"Framework": "ONNX"}}, {}])
def test_other_jobs_stay(store: Store, request_: dict[str, object]) -> None:
    worker_registry.report(store, worker_registry.Worker("other:1", 1, "ok", tuple(FRAMEWORKS)))
    assert routing.elsewhere(store, A) is None  # there is no such job
    store.add(A, request_, {})
    assert routing.elsewhere(store, A) is None


def test_who_has_all_keeps_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    worker_registry.report(store, worker_registry.Worker("other:1", 1, "ok", tuple(FRAMEWORKS)))
    store.add(A, TREES, {})
    with monkeypatch.context() as patch:
        patch.setattr(routing, "own_frameworks", lambda: tuple(FRAMEWORKS))
        assert routing.elsewhere(store, A) is None
