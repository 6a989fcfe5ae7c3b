import json
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest
from redis.exceptions import TimeoutError as RedisTimeoutError

from neo_emulator.control import Control
from neo_workers.store import Store


@pytest.fixture
def store() -> Any:
    store = create_autospec(Store, instance=True)
    store.workers.return_value = []
    return store


def get(send: Any, make_environ: Any, control: Control, path: str, method: str = "GET") -> tuple[int, Any]:
    status, headers, body = send(control, make_environ(REQUEST_METHOD=method, PATH_INFO=path))
    assert headers["content-type"] == "application/json"
    return status, json.loads(body)


def test_ready_names_what_is_missing(send: Any, make_environ: Any, store: Any) -> None:
    control = Control(store, Mock())
    assert get(send, make_environ, control, "/_neo/ready")[0] == 503
    store.workers.return_value = ["a", "b"]
    components = {"store": "ok", "workers": "ok"}
    expected = {"ready": True, "components": components, "workers": 2}
    assert get(send, make_environ, control, "/_neo/ready") == (200, expected)
    store.workers.side_effect = RedisTimeoutError("slow")
    components = {"store": "slow", "workers": "unknown"}
    expected = {"ready": False, "components": components, "workers": 0}
    assert get(send, make_environ, control, "/_neo/ready") == (503, expected)


def test_reset_clears_jobs_then_moto(send: Any, make_environ: Any, store: Any) -> None:
    order = Mock()
    order.attach_mock(store.clear, "jobs")
    control = Control(store, order.moto)
    assert get(send, make_environ, control, "/_neo/reset", "POST") == (200, {"status": "ok"})
    assert [call[0] for call in order.mock_calls] == ["jobs", "moto"]


def test_moto_reset_clears_jobs_and_goes_on(send: Any, make_environ: Any, store: Any) -> None:
    control = Control(store, Mock())
    assert send(control, make_environ(PATH_INFO="/moto-api/reset")) is None
    store.clear.assert_called_once()
    assert send(control, make_environ(PATH_INFO="/moto-api/reset", REQUEST_METHOD="GET")) is None
    store.clear.assert_called_once()


def test_other_addresses(send: Any, make_environ: Any, store: Any) -> None:
    control = Control(store, Mock())
    assert send(control, make_environ(PATH_INFO="/bucket/_neo/reset")) is None
    assert get(send, make_environ, control, "/_neo/")[0] == 404
    assert get(send, make_environ, control, "/_neo/health", "DELETE")[0] == 405
