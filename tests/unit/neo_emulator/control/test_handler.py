import json
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest
from redis.exceptions import TimeoutError as RedisTimeoutError

from neo_emulator.aws.moto import Moto
from neo_emulator.control.handler import Control
from neo_workers.store import worker_registry
from neo_workers.store.store import Store


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Any:
    store = create_autospec(Store, instance=True)
    store.alive = []
    monkeypatch.setattr(worker_registry, "workers", lambda store: store.alive)
    return store


def get(send: Any, make_environ: Any, control: Control, path: str, method: str = "GET") -> tuple[int, Any]:
    status, headers, body = send(control, make_environ(REQUEST_METHOD=method, PATH_INFO=path))
    assert headers["content-type"] == "application/json"
    return status, json.loads(body)


def ready(send: Any, make_environ: Any, control: Control) -> tuple[int, dict[str, str], int]:
    status, answer = get(send, make_environ, control, "/_neo/ready")
    assert answer["ready"] is (status == 200)
    return status, answer["components"], answer["workers"]


def test_ready_names_what_is_missing(send: Any, make_environ: Any, store: Any) -> None:
    control, parts = Control(store, Mock()), ("store", "workers", "s3")
    away = dict(zip(parts, ("ok", "none alive", "unknown: no worker checks it"), strict=True))
    assert ready(send, make_environ, control) == (503, away, 0)
    control.trouble = lambda: "ended with status 1: no module named x"
    away["workers"] = "none alive: ended with status 1: no module named x"
    assert ready(send, make_environ, control) == (503, away, 0)
    store.alive = [worker_registry.Worker("a", 1, "refused")]
    assert ready(send, make_environ, control) == (503, {"store": "ok", "workers": "ok", "s3": "refused"}, 1)
    store.alive += [
        worker_registry.Worker("b", 1, "ok", ("ONNX", "XGBOOST")),
        worker_registry.Worker("c", 1, "ok", ("PYTORCH", "ONNX")),
    ]
    assert ready(send, make_environ, control) == (200, dict.fromkeys(parts, "ok"), 3)
    answer = get(send, make_environ, control, "/_neo/ready")[1]
    assert answer["frameworks"] == ["ONNX", "PYTORCH", "XGBOOST"]
    store.ping.side_effect = RedisTimeoutError("slow")
    assert ready(send, make_environ, control)[:2] == (
        503,
        {"store": "slow", "workers": "unknown: ended with status 1: no module named x", "s3": away["s3"]},
    )


def test_reset_clears_jobs_then_moto(send: Any, make_environ: Any, store: Any) -> None:
    order = Mock()
    order.attach_mock(store.clear, "jobs")
    control = Control(store, order.moto)
    assert get(send, make_environ, control, "/_neo/reset", "POST") == (200, {"status": "ok"})
    assert [call[0] for call in order.mock_calls] == ["jobs", "moto.reset"]


def test_moto_s_reset_clears_jobs_too(send: Any, make_environ: Any, store: Any) -> None:
    def moto(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"moto's"]

    control = Control(store, create_autospec(Moto, instance=True, side_effect=moto))
    assert send(control, make_environ(PATH_INFO="/moto-api/reset")) == (200, {}, b"moto's")
    store.clear.assert_called_once()
    assert send(control, make_environ(PATH_INFO="/moto-api/reset", REQUEST_METHOD="GET")) is None
    store.clear.assert_called_once()


def test_other_addresses(send: Any, make_environ: Any, store: Any) -> None:
    control = Control(store, Mock())
    assert send(control, make_environ(PATH_INFO="/bucket/_neo/reset")) is None
    assert get(send, make_environ, control, "/_neo/")[0] == 404
    assert get(send, make_environ, control, "/_neo/health", "DELETE")[0] == 405
