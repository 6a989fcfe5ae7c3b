"""What --data-dir costs: PUT and GET with and without it, servers up together, rounds interleaved; start-up."""

import http.client
import os
import statistics
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from neo_emulator.testing.server_process import ServerProcess

SIZES = {"1 kB": (1000, 150), "50 kB": (50_000, 100), "1 MB": (1_000_000, 30), "100 MB": (100_000_000, 3)}
"""bytes, rounds"""
RESTART_OBJECTS = 2000
HEADERS = {"Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request, Signature=0"}


def request(url: str, method: str, path: str, body: bytes | None = None) -> float:
    """Milliseconds until the answer is read."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
    begun = time.perf_counter()
    connection.request(method, path, body, HEADERS)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, answer.status
    connection.close()
    return (time.perf_counter() - begun) * 1000


def first_answers(folder: Path | None) -> tuple[ServerProcess, float, float]:
    """A started server, the seconds to its "ready", and to its first S3 answer."""
    begun = time.perf_counter()
    server = ServerProcess(*(["--data-dir", str(folder)] if folder else []), workers=1).start()
    ready = time.perf_counter() - begun
    request(server.url, "GET", "/")
    return server, ready, time.perf_counter() - begun


def main() -> None:
    """Prints medians in milliseconds, and seconds of start-up."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "data"
        starts = {"without": first_answers(None), "with, empty": first_answers(kept)}
        plain, durable = (started[0] for started in starts.values())
        try:
            compare(plain.url, durable.url)
            for number in range(RESTART_OBJECTS):
                request(durable.url, "PUT", f"/bench/many/{number}", b"x" * 1000)
        finally:
            plain.stop()
            durable.stop()
        starts[f"with, {RESTART_OBJECTS} objects"] = first_answers(kept)
        starts[f"with, {RESTART_OBJECTS} objects"][0].stop()
    print(f"{'--data-dir':<22}{'ready s':>10}{'first S3 answer s':>20}")
    for name, (_, ready, first) in starts.items():
        print(f"{name:<22}{ready:>10.2f}{first:>20.2f}")


def compare(plain: str, durable: str) -> None:
    """Times both servers in turn."""
    for url in (plain, durable):
        request(url, "PUT", "/bench")
    print(f"{'ms, median':<12}{'PUT without':>12}{'with':>9}{'GET without':>13}{'with':>9}")
    for name, (size, rounds) in SIZES.items():
        body, times = os.urandom(size), dict[tuple[str, str], list[float]]()
        for number in range(rounds):
            for url in (plain, durable) if number % 2 else (durable, plain):
                for method in ("PUT", "GET"):
                    taken = request(url, method, f"/bench/{size}", body if method == "PUT" else None)
                    times.setdefault((url, method), []).append(taken)
        medians = [
            statistics.median(times[key])
            for key in ((plain, "PUT"), (durable, "PUT"), (plain, "GET"), (durable, "GET"))
        ]
        print(f"{name:<12}{medians[0]:>12.2f}{medians[1]:>9.2f}{medians[2]:>13.2f}{medians[3]:>9.2f}", flush=True)
