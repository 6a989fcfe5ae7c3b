"""A real `serve` with all that can be switched on: HTTPS, buckets and scripts from the start, JSON logs, traces."""

import http.server
import json
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from e2e.models import conv_net
from support import jobs
from support.waiting import until

from neo_emulator.testing.server_process import ServerProcess

CONV = '{"data": [1, 3, 32, 32]}'
SCRIPT = """
import boto3
boto3.client("s3").put_object(Bucket="seeded", Key="by-script", Body=b"x")
"""


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes what OpenTelemetry's exporter sends."""

    bodies: list[bytes]

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def spans() -> Iterator[tuple[int, list[bytes]]]:
    bodies: list[bytes] = []
    handler = type("Handler", (Collector,), {"bodies": bodies})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], bodies
        server.shutdown()


@pytest.fixture(scope="module")
def server(spans: tuple[int, list[bytes]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("ready.d")
    (folder / "1.py").write_text(SCRIPT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{spans[0]}")
        settings = {"tls": True, "buckets": "seeded,neo", "ready_dir": folder, "log_format": "json", "otel": True}
        with ServerProcess(workers=1, **settings) as server:
            yield server


def test_buckets_and_scripts(server: ServerProcess) -> None:
    s3 = server.client("s3")
    assert {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]} == {"seeded", "neo"}

    def seeding() -> Any:
        return json.load(urllib.request.urlopen(f"{server.url}/_neo/info", timeout=60))["seeding"]

    seeded = until(lambda: now if (now := seeding())["state"] != "running" else None, what=seeding)
    assert seeded["state"] == "done", seeded
    assert [script["name"] for script in seeded["scripts"]] == ["1.py"]
    assert s3.get_object(Bucket="seeded", Key="by-script")["Body"].read() == b"x"


def test_https_and_http_on_one_port(server: ServerProcess) -> None:
    line = next(line for line in server.output.splitlines() if line.startswith("https: "))
    url, trust = line.removeprefix("https: ").rstrip(")").split(" (AWS_CA_BUNDLE=")
    assert Path(trust).is_file()
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    sagemaker = boto3.client("sagemaker", endpoint_url=url, verify=trust, **keys)
    assert sagemaker.list_compilation_jobs()["CompilationJobSummaries"] is not None
    boto3.client("s3", endpoint_url=url, verify=trust, **keys).put_object(Bucket="neo", Key="k", Body=b"x" * 100_000)


def test_traces_of_a_job_and_json_logs(server: ServerProcess, spans: tuple[int, list[bytes]]) -> None:
    server.client("s3").put_object(Bucket="neo", Key="c.tar.gz", Body=jobs.archive(model__onnx=conv_net().model))
    sagemaker = server.client("sagemaker")
    name = jobs.create(sagemaker, "s3://neo/c.tar.gz", CONV)
    job = jobs.wait(sagemaker, name)
    assert job["CompilationJobStatus"] == "COMPLETED", job.get("FailureReason")
    wanted = (b"neo-emulator-api", b"apply_async/neo.compile", b"neo-emulator-worker", b"run/neo.compile")
    until(lambda: all(any(text in body for body in spans[1]) for text in wanted), what=spans[1])
    rows = [json.loads(line) for line in server.output.splitlines() if line.startswith("{")]
    assert any(row.get("job", "").endswith(name) for row in rows)
