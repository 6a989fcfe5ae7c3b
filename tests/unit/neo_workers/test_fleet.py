"""Workers say that they live, on a real Valkey, and whether S3 answers, on real sockets."""

import http.server
import threading
import time
from collections.abc import Iterator

import pytest

from neo_workers import fleet
from neo_workers.settings import Settings
from neo_workers.store import Store


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    store = Store(Settings(redis_url=redis_url, s3_endpoint_url="http://127.0.0.1:9", workers=3))
    yield store
    store.connection.close()


def test_workers_are_listed_while_they_report(store: Store) -> None:
    worker = fleet.Worker("h:1", 2, "ok", ("ONNX", "PYTORCH"))
    fleet.report(store, worker)
    fleet.report(store, fleet.Worker("a:1", 2, "ok"), ttl_seconds=0.05)
    assert len(fleet.workers(store)) == 2
    time.sleep(0.1)
    assert fleet.workers(store) == [worker]
    fleet.retire(store, "h:1")
    assert fleet.workers(store) == []


def test_a_framework_is_remembered_longer_than_its_worker(store: Store) -> None:
    assert not fleet.seen_with(store, "PYTORCH")
    fleet.report(store, fleet.Worker("h:1", 2, "ok", ("PYTORCH",)))
    fleet.retire(store, "h:1")
    store.clear()  # as before each test of a user
    assert fleet.seen_with(store, "PYTORCH")
    assert not fleet.seen_with(store, "KERAS")
    assert 0 < int(store.connection.pttl("neo:seen:PYTORCH")) <= 1000 * fleet.SEEN_SECONDS


def test_a_worker_reports_itself_and_s3_until_it_stops(store: Store) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=fleet.report_forever, args=(store, stop))
    thread.start()
    deadline = time.monotonic() + 10
    while not (found := fleet.workers(store)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [(worker.name, worker.slots) for worker in found] == [(fleet.own_name(), 3)]
    assert found[0].s3.startswith("http://127.0.0.1:9: ")
    stop.set()
    thread.join(10)
    assert fleet.workers(store) == []


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
        assert fleet.ask_s3(Settings(s3_endpoint_url=url)).startswith(answer)
    assert fleet.ask_s3(Settings()) == "ok"
