"""Requests per second of Create and Describe beside stock moto's, and pages out of 100 000 jobs at the store.

Both servers run at the same time and take turns in one loop, so that their figures are comparable on any machine.
"""

import contextlib
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from neo_emulator.stack import valkey
from neo_workers.jobs import JobId, JobStatus, Query, Scope, SortBy
from neo_workers.settings import Settings
from neo_workers.store.store import Store

OPERATIONS = ("CreateCompilationJob", "DescribeCompilationJob")
ROUNDS, REQUESTS = 5, 200
JOBS = 100_000
HERE = Scope("123456789012", "us-east-1")
SIGNED = "AWS4-HMAC-SHA256 Credential=AKID/20240101/us-east-1/sagemaker/aws4_request, SignedHeaders=host, Signature=0"
JOB = {
    "RoleArn": "arn:aws:iam::123456789012:role/neo",
    "InputConfig": {"S3Uri": "s3://b/m.tar.gz", "DataInputConfig": '{"data": [1, 3, 224, 224]}', "Framework": "ONNX"},
    "OutputConfig": {"S3OutputLocation": "s3://b/o", "TargetDevice": "ml_c5"},
    "StoppingCondition": {"MaxRuntimeInSeconds": 900},
}


@contextlib.contextmanager
def process(command: list[str], **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A process that ends with the block."""
    with subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        try:
            yield running
        finally:
            running.terminate()


@contextlib.contextmanager
def redis() -> Iterator[tuple[str, int]]:
    """The URL and the pid of a private Valkey."""
    with tempfile.TemporaryDirectory() as folder:
        unix_socket = Path(folder) / "v.sock"
        with process(valkey.command(unix_socket, Path(folder))) as server:
            while not unix_socket.exists():
                time.sleep(0.01)
            yield f"unix://{unix_socket}?db=1", server.pid


@dataclass(frozen=True)
class Server:
    """Where a server listens, and its processes: the store is one of the emulator's."""

    address: str
    pids: tuple[int, ...]

    def cpu_seconds(self) -> float:
        """What its processes have used of the processors so far."""
        rows = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.pids)
        return sum(int(row[11]) + int(row[12]) for row in rows) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def servers() -> Iterator[dict[str, Server]]:
    """Stock moto's server, and the emulator's API without a worker."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    moto = [sys.executable, "-m", "moto.server", "-p", str(port)]
    api = [sys.executable, "-m", "neo_emulator", "api", "--port", "0"]
    with redis() as (url, store), process(moto) as stock, process(api, NEO_EMULATOR_REDIS_URL=url) as emulator:
        assert emulator.stdout is not None
        ours = urlsplit(emulator.stdout.readline().removeprefix("ready: ").strip()).netloc
        both = {
            "moto": Server(f"127.0.0.1:{port}", (stock.pid,)),
            "neo-emulator": Server(ours, (emulator.pid, store)),
        }
        for server in both.values():
            _wait(server.address)
        yield both


def _wait(address: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            call(http.client.HTTPConnection(address), "ListCompilationJobs", {})
            return
        except OSError:
            assert time.monotonic() < deadline, f"{address} did not start"
            time.sleep(0.05)


def call(connection: http.client.HTTPConnection, operation: str, body: object) -> None:
    """One request on a connection that stays open if the server lets it."""
    headers = {"X-Amz-Target": f"SageMaker.{operation}", "Authorization": SIGNED}
    connection.request("POST", "/", json.dumps(body).encode(), headers)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 200, text


def requests_per_second() -> None:
    """Prints requests per second and processor time per request, medians of ROUNDS rounds in turn, and the ratios."""
    rates: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with servers() as both:
        connections = {name: http.client.HTTPConnection(server.address) for name, server in both.items()}
        for turn in range(ROUNDS):
            for operation in OPERATIONS:
                for name, connection in connections.items():
                    used, begun = both[name].cpu_seconds(), time.perf_counter()
                    for number in range(REQUESTS):
                        job = {"CompilationJobName": f"job-{turn}-{number}"}
                        call(connection, operation, {**job, **JOB} if operation[0] == "C" else job)
                    taken = time.perf_counter() - begun
                    used = both[name].cpu_seconds() - used
                    rates.setdefault((operation, name), []).append((REQUESTS / taken, 1000 * used / REQUESTS))
        for connection in connections.values():
            connection.close()
    print(f"one connection, median of {ROUNDS} rounds of {REQUESTS}")
    for operation in OPERATIONS:
        print(f"  {operation}")
        theirs, ours = (list(zip(*rates[operation, name], strict=True)) for name in ("moto", "neo-emulator"))
        moto, neo = statistics.median(theirs[0]), statistics.median(ours[0])
        print(f"    requests/s          moto {moto:7.0f}   neo-emulator {neo:7.0f}   {neo / moto:5.1f} x")
        moto, neo = statistics.mean(theirs[1]), statistics.mean(ours[1])
        print(f"    processor ms each   moto {moto:7.2f}   neo-emulator {neo:7.2f}   {moto / neo:5.1f} x")


def pages() -> None:
    """Prints how long the store takes for a page of 100 out of JOBS jobs, first, in the middle and filtered."""
    with redis() as (url, _):
        store = Store(Settings(redis_url=url))
        for start in range(0, JOBS, 1000):
            with store.connection.pipeline(transaction=False) as batch:
                for number in range(start, start + 1000):
                    args = [str(JobId(HERE, f"job-{number:06}")), f"t{number}", json.dumps(JOB), 0]
                    store._scripts["add"](args=args, client=batch)
                batch.execute()
        middle = store.get(JobId(HERE, f"job-{JOBS // 2:06}"))
        time.sleep(1.1)
        for number in range(0, JOBS, JOBS // 50):
            store.stop(JobId(HERE, f"job-{number:06}"))
        late = store.get(JobId(HERE, f"job-{0:06}"))
        cursor = (str(middle.status), round(middle.created.timestamp() * 1000), middle.id.name)
        queries = {
            "first page": Query(),
            "from the middle": Query(after=cursor),
            "from the middle, by name, descending": Query(sort_by=SortBy.NAME, descending=True, after=cursor),
            "of one status": Query(status=JobStatus.STARTING, after=cursor),
            "a rare name": Query(name_contains="job-0999"),
            "a name that is nowhere": Query(name_contains="nowhere"),
            "modified of late": Query(modified_after_ms=round(late.modified.timestamp() * 1000), sort_by=SortBy.NAME),
        }
        print(f"a page of 100 out of {JOBS} jobs at the store, median of 30")
        for name, query in queries.items():
            print(f"  {name:38} {1000 * _median_seconds(lambda query=query: store.page(HERE, query)):6.1f} ms")


def _median_seconds(run: Callable[[], object]) -> float:
    times = []
    for _ in range(30):
        begun = time.perf_counter()
        run()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def main() -> None:
    """Both."""
    requests_per_second()
    pages()


if __name__ == "__main__":
    main()
