"""`serve` and `api` as processes: where they listen, and what a stop does to a request under way."""

import contextlib
import http.client
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.waiting import takes, until

from neo_emulator.testing.server_process import client

LIST = (
    b"POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: SageMaker.ListCompilationJobs\r\nConnection: close\r\n"
    b"Content-Length: 2\r\n\r\n{}"
)


@contextlib.contextmanager
def running(*arguments: str, fds: tuple[int, ...] = ()) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command's process and the URL that it names; ended by Ctrl-C unless it has ended."""
    command = [sys.executable, "-m", "neo_emulator", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, pass_fds=fds) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().removeprefix("ready: ").strip()
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def listens(url: str) -> bool:
    """Whether a server takes connections there."""
    try:
        socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), 20).close()
    except OSError:
        return False
    return True


def test_requests_under_way_end_when_it_is_stopped() -> None:
    with running("serve", "--port", "0", "--workers", "1") as (process, url):
        s3 = client("s3", url)
        s3.create_bucket(Bucket="neo")
        signed = "AWS4-HMAC-SHA256 Credential=A/20240101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
        with contextlib.closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)) as connection:
            connection.putrequest("PUT", "/neo/key")
            connection.putheader("Authorization", signed)
            connection.putheader("Content-Length", "10")
            connection.endheaders(b"01234")
            takes(0.3)  # it has begun
            process.send_signal(signal.SIGINT)
            until(lambda: not listens(url))
            connection.send(b"56789")
            assert connection.getresponse().status == 200


def test_ipv6() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    with running("serve", "--host", "::1", "--port", "0", "--workers", "1") as (_, url):
        assert url.startswith("http://[::1]:")
        assert client("sagemaker", url).list_compilation_jobs()["CompilationJobSummaries"] == []


def test_an_inherited_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port, number = listener.getsockname()[1], listener.fileno()
        with running("serve", "--host", f"fd:{number}", "--workers", "1", fds=(number,)) as (_, url):
            assert url == f"http://127.0.0.1:{port}"
            assert client("sagemaker", url).list_compilation_jobs()["CompilationJobSummaries"] == []


def test_a_unix_socket(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEO_EMULATOR_REDIS_URL", redis_url)
    path = tmp_path / "api.sock"
    with running("api", "--host", f"unix:{path}") as (_, url):
        assert url == "http+unix://" + str(path).replace("/", "%2F")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(str(path))
            connection.sendall(LIST)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.endswith(b'{"CompilationJobSummaries": []}')
    assert not path.exists()
