import json
import subprocess
import sys
from queue import SimpleQueue
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest

from neo_emulator.gateway.app import Application, create_app
from neo_emulator.gateway.cors import Cors
from neo_emulator.protocol.hosts import Hosts
from neo_workers.settings import Settings
from neo_workers.store.store import Store


def test_import_stays_light() -> None:
    code = """
import json, sys
import neo_emulator.gateway.app, neo_emulator.http.server, neo_emulator.cli.main
from neo_emulator.protocol import service_model
service_model.operation_names()
print(json.dumps(sorted(sys.modules)))
"""
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    loaded = set(json.loads(output))
    heavy = {"tvm", "onnx", "numpy", "torch", "tensorflow", "celery", "moto", "flask", "boto3", "neo_compiler.pipeline"}
    assert heavy & loaded == set()


def test_the_first_handler_that_responds_wins(make_environ: Any, send: Any) -> None:
    asked: list[str] = []

    def handler(name: str, answer: list[bytes] | None) -> Any:
        def handle(environ: Any, start_response: Any) -> Any:
            asked.append(name)
            if answer is not None:
                start_response("200 OK", [])
            return answer

        return handle

    handlers = [handler("a", None), handler("b", [b"b"]), handler("c", [b"c"])]
    app = Application(handlers, handler("moto", [b"moto"]), [Mock()], Mock(), Cors("", lambda _: False), Hosts())
    assert send(app, make_environ())[2] == b"b"
    assert asked == ["a", "b"]
    app.handlers = app.handlers[:1]
    assert send(app, make_environ())[2] == b"moto"


def test_submits_through_celery_by_default(
    make_environ: Any, send: Any, make_job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: SimpleQueue[Any] = SimpleQueue()
    monkeypatch.setattr("neo_workers.queue.publisher.submit", lambda job_id, settings: sent.put((job_id, settings)))
    settings = Settings(region="eu-west-3")
    store = create_autospec(Store, instance=True)
    store.settings = settings
    app = create_app(settings, store)
    request = {**make_job().request, "CompilationJobName": "new"}
    assert send(app, make_environ("CreateCompilationJob", request))[0] == 200
    job_id, given = sent.get(timeout=5)
    assert (str(job_id), given) == ("123456789012:eu-west-3:new", settings)
