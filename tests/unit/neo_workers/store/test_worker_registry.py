"""Workers say that they live, on a real Valkey, and whether S3 answers, on real sockets."""

import http.server
import threading
from collections.abc import Iterator

import pytest
from support.waiting import until

from neo_workers.settings import Settings
from neo_workers.store import worker_registry
from neo_workers.store.store import Store


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    store = Store(Settings(redis_url=redis_url, s3_endpoint_url="http://127.0.0.1:9", workers=3))
    yield store
    store.connection.close()


def test_workers_are_listed_while_they_report(store: Store) -> None:
    worker = worker_registry.Worker("h:1", 2, "ok", ("ONNX", "PYTORCH"))
    worker_registry.report(store, worker)
    silent = worker_registry.Worker("a:1", 2, "ok")
    worker_registry.report(store, silent)
    assert worker_registry.workers(store) == [silent, worker]
    worker_registry.report(store, silent, ttl_seconds=0.05)
    until(lambda: worker_registry.workers(store) == [worker])
    worker_registry.retire(store, "h:1")
    assert worker_registry.workers(store) == []


def test_a_framework_is_remembered_longer_than_its_worker(store: Store) -> None:
    assert not worker_registry.seen_with(store, "PYTORCH")
    worker_registry.report(store, worker_registry.Worker("h:1", 2, "ok", ("PYTORCH",)))
    worker_registry.retire(store, "h:1")
    store.clear()  # as before each test of a user
    assert worker_registry.seen_with(store, "PYTORCH")
    assert not worker_registry.seen_with(store, "KERAS")
    assert 0 < int(store.connection.pttl("neo:seen:PYTORCH")) <= 1000 * worker_registry.SEEN_SECONDS


def test_a_worker_reports_itself_and_s3_until_it_stops(store: Store) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=worker_registry.report_forever, args=(store, stop))
    thread.start()
    found = until(lambda: worker_registry.workers(store))
    assert [(worker.name, worker.slots) for worker in found] == [(worker_registry.own_name(), 3)]
    assert found[0].s3.startswith("http://127.0.0.1:9: ")
    stop.set()
    thread.join()
    assert worker_registry.workers(store) == []


@pytest.mark.parametrize(("status", "answer"), [(200, "ok"), (403, "ok"), (503, "HTTP 503 from")])
def test_s3_answers(status: int, answer: str) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        assert worker_registry.ask_s3(Settings(s3_endpoint_url=url)).startswith(answer)
    assert worker_registry.ask_s3(Settings()) == "ok"
