import json
import socket
from collections.abc import Iterator

import pytest

from neo_emulator.cli import main
from neo_workers.settings import Settings, get_settings
from neo_workers.store import worker_registry
from neo_workers.store.store import Store


@pytest.fixture
def store(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("NEO_EMULATOR_REDIS_URL", redis_url)
    get_settings.cache_clear()
    store = Store(Settings(redis_url=redis_url))
    yield store
    store.connection.close()
    get_settings.cache_clear()


def test_a_worker_of_this_host_is_known_by_its_report(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    worker_registry.report(store, worker_registry.Worker("elsewhere:7", 2, "ok"))
    assert main.main(["worker", "--check"]) == 1
    assert f"no worker on {socket.gethostname()}" in capsys.readouterr().err
    worker_registry.report(store, worker_registry.Worker(f"{socket.gethostname()}:7", 2, "ok", ("ONNX", "MXNET")))
    assert main.main(["worker", "--check"]) == 0
    assert capsys.readouterr().out == f"{socket.gethostname()}:7: 2 jobs in parallel, S3: ok, ONNX, MXNET\n"
    assert main.main(["worker", "--check", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row == {"name": f"{socket.gethostname()}:7", "slots": 2, "s3": "ok", "frameworks": ["ONNX", "MXNET"]}


def test_a_redis_that_is_away_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEO_EMULATOR_REDIS_URL", "redis://127.0.0.1:9/1")
    get_settings.cache_clear()
    assert main.main(["worker", "--check"]) == 1
    assert "Redis does not respond" in capsys.readouterr().err
    get_settings.cache_clear()
