"""The parts of the emulator as processes of their own, to be killed, stopped and cut off from each other one by one."""

import contextlib
import os
import signal
import socket
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
from botocore.config import Config
from chaos.parts import Host, Part
from chaos.proxy import Proxy
from redis.exceptions import RedisError
from support.waiting import until

from neo_emulator.stack import valkey
from neo_workers.sandbox import process_tree
from neo_workers.settings import Settings
from neo_workers.store import worker_registry
from neo_workers.store.store import Store
from neo_workers.store.test_controls import Controls

TESTS = Path(__file__).parents[1]
SETTINGS = {
    "lease_seconds": 6,
    "republish_seconds": 2,
    "max_attempts": 10,
    "workers": 2,
    "cache": "false",
    "max_memory_bytes": 1 << 30,
    "max_work_bytes": 48 << 20,
    "max_file_bytes": 32 << 20,
    "max_processes": 32,
    "max_open_files": 256,
}


def answers(url: str) -> bool:
    """Whether the API there says that it is ready."""
    try:
        with urllib.request.urlopen(f"{url}/_neo/ready", timeout=60) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


class Stack:
    """Valkey, the API with a data folder, and workers, behind proxies by default. `with Stack(folder) as stack:`"""

    def __init__(
        self,
        folder: Path,
        workers: int = 2,
        valkey_dir: Path | None = None,
        hosts: Sequence[Host] = (),
        proxied: bool = True,
        **settings: object,
    ) -> None:
        self.folder, self.mark, self.proxied = folder, uuid4().hex, proxied
        self.settings = {**SETTINGS, **settings}
        self.valkey_dir = valkey_dir or folder / "valkey"
        # short: a socket's path has 107 characters at most
        self.socket = Path("/tmp") / f"neo-chaos-{self.mark[:12]}.sock"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.s3_way = Proxy(("127.0.0.1", self.port))
        self.redis_ways: dict[str, Proxy] = {}
        self.parts: dict[str, Part] = {}
        self._part("valkey", valkey.command(self.socket, self.valkey_dir))
        serve = [sys.executable, "-m", "neo_emulator", "api", "--port", str(self.port)]
        self._part("api", serve, data_dir=folder / "data", redis_url=f"unix://{self.socket}?db=1")
        for number in range(workers):
            self.add_worker(f"worker{number}", host=hosts[number] if hosts else None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _part(self, name: str, command: list[str], more: dict[str, str] | None = None, **settings: object) -> Part:
        given = {f"NEO_EMULATOR_{key.upper()}": str(value) for key, value in {**self.settings, **settings}.items()}
        path = os.pathsep.join((str(TESTS), f"/{self.mark}"))  # a variable that compiles keep: it marks them, too
        environment = {"PYTHONPATH": path, **given, **(more or {})}
        self.parts[name] = Part(name, command, environment, self.folder / f"{name}.log")
        return self.parts[name]

    def add_worker(
        self, name: str, more: dict[str, str] | None = None, host: Host | None = None, **settings: object
    ) -> Part:
        """A worker that reaches Redis by a way of its own; on `host`, S3 too."""
        way = self.redis_ways.setdefault(name, Proxy(self.socket, host.gateway if host else "127.0.0.1"))
        s3_way = self.s3_way
        if host:
            s3_way = self.redis_ways.setdefault(f"{name}-s3", Proxy(("127.0.0.1", self.port), host.gateway))
        base = f"redis://{way.host}:{way.port}"
        where = {
            "redis_url": f"{base}/1",
            "broker_url": f"{base}/0",
            "s3_endpoint_url": f"http://{s3_way.host}:{s3_way.port}",
            "work_dir": self.folder / "work",
        }
        if not self.proxied:
            base = f"unix://{self.socket}?db="
            where |= {"redis_url": f"{base}1", "broker_url": f"{base}0", "s3_endpoint_url": self.url}
        command = [*(host.run if host else ()), sys.executable, "-m", "chaos.hostile_worker"]
        return self._part(name, command, more, **{**where, **settings})

    def __enter__(self) -> "Stack":
        for part in self.parts.values():
            part.start()
        self.store = Store(Settings(redis_url=f"unix://{self.socket}?db=1", lease_seconds=30))
        self.wait_ready()
        return self

    def __exit__(self, *_: object) -> None:
        for part in reversed(self.parts.values()):
            part.send(signal.SIGCONT)
            part.kill()
        for way in (self.s3_way, *self.redis_ways.values()):
            way.close()
        for pid in self.strays(set()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.socket.unlink(missing_ok=True)

    # whole and well

    @property
    def workers(self) -> list[Part]:
        return [part for name, part in self.parts.items() if name.startswith("worker")]

    def heal(self) -> None:
        """Everything runs, nothing is stopped or cut off, jobs have no pace."""
        for way in (self.s3_way, *self.redis_ways.values()):
            way.heal()
        for part in self.parts.values():
            part.send(signal.SIGCONT)
            if not part.alive:
                part.start()
        self.wait_ready()
        self.pace()

    def wait_ready(self) -> None:
        """Returns when every worker that runs has reported and the API says that it is ready."""

        def ready() -> bool:
            try:
                wanted = {str(worker.pid) for worker in self.workers if worker.alive}
                here = {worker.name.rsplit(":", 1)[1] for worker in worker_registry.workers(self.store)}
                return wanted <= here and answers(self.url)
            except RedisError:
                return False

        until(
            ready, what=lambda: "\n".join(part.log.read_text(errors="replace")[-1500:] for part in self.parts.values())
        )

    def pace(self, min_run_seconds: float = 0.0, min_starting_seconds: float = 0.0) -> None:
        Controls(self.store).set_pace(min_run_seconds=min_run_seconds, min_starting_seconds=min_starting_seconds)

    @contextmanager
    def only_worker(self, more: dict[str, str] | None = None, **settings: object) -> Iterator[Part]:
        """Another worker with its own settings and environment instead of the others, which come back afterwards."""
        for worker in self.workers:
            worker.kill()
        special = self.add_worker("special", more, **settings).start()
        self.parts["worker-special"] = self.parts.pop("special")
        try:
            self.wait_ready()
            yield special
        finally:
            special.kill()
            del self.parts["worker-special"]
            self.heal()

    # who asks

    @contextmanager
    def second_api(self) -> Iterator[str]:
        """The endpoint of another API on the same store; its S3 is its own."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        serve = [sys.executable, "-m", "neo_emulator", "api", "--port", str(port)]
        part = self._part("second-api", serve, redis_url=f"unix://{self.socket}?db=1").start()
        url = f"http://127.0.0.1:{port}"
        try:
            until(lambda: answers(url), what=part.last_words)
            yield url
        finally:
            part.kill()
            del self.parts["second-api"]

    def client(self, service: str, attempts: int = 12, endpoint: str | None = None) -> Any:
        config = Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            connect_timeout=60,
            read_timeout=60,
            max_pool_connections=64,
            s3={"addressing_style": "path"},
        )
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        return boto3.client(service, endpoint_url=endpoint or self.url, config=config, **keys)

    # processes

    def compilers(self, worker: Part) -> list[int]:
        """Pids of the compilers under way below a worker: they lead sessions."""
        found = []
        for pid in process_tree.descendants(worker.pid):
            with contextlib.suppress(OSError):
                if os.getsid(pid) == pid:
                    found.append(pid)
        return found

    def owner(self, name: str) -> Part:
        """The worker that compiles the job `name`, once there is one."""

        def found() -> Part | None:
            holder = str(self.store.connection.hget(f"neo:job:123456789012:us-east-1:{name}", "worker") or "")
            for worker in self.workers:
                if worker.alive and holder.endswith(f":{worker.pid}") and self.compilers(worker):
                    return worker
            return None

        return until(found, what=f"nobody compiles {name}")

    def strays(self, wanted: set[int] | None = None) -> list[int]:
        """Pids of this stack's processes that are neither parts nor what a worker keeps to fork from."""
        rows = process_tree.table()
        if wanted is None:
            wanted = {part.pid for part in self.parts.values() if part.alive}
        found = []
        for pid, row in rows.items():
            if pid in wanted or row.parent in wanted:
                continue
            with contextlib.suppress(OSError):
                if self.mark.encode() in Path(f"/proc/{pid}/environ").read_bytes():
                    found.append(pid)
        return found
