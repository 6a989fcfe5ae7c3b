"""The embedded stack in one command: a private Valkey, a worker process and the API, supervised together.

The slow parts overlap: Valkey and the worker (which loads TVM) start first, the API is imported meanwhile.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from neo_emulator.http import address
from neo_emulator.http.limits import Limits
from neo_emulator.http.proxies import bypass
from neo_emulator.stack import valkey
from neo_emulator.stack.managed_process import ManagedProcess

if TYPE_CHECKING:
    from neo_emulator.control.init_hooks import InitHooks
    from neo_workers.settings import Settings
    from neo_workers.store.store import Store

READY_TIMEOUT_SECONDS = 30
log = logging.getLogger(__name__)


Announce = Callable[[str, Path | None], None]
"""Called with the URL, and the certificate to trust if HTTPS is served."""


class StartError(Exception):
    """The stack cannot start; the text is the reason."""


class BackgroundLoad(threading.Thread):
    """Loads the data folder in the background after the start; requests that need it wait."""

    def __init__(self, load: Callable[[], object]) -> None:
        super().__init__(daemon=True, name="loading")
        self.error: Exception | None = None
        self._load = load
        self.start()

    def run(self) -> None:
        """Loads, and keeps the exception, if any, in `error`."""
        try:
            self._load()
        except Exception as error:  # damaged data raises many types
            self.error = error


def _listen(host: str, port: int) -> socket.socket:
    try:
        return address.listen(host, port)
    except OSError as error:
        place = host if host.startswith(address.UNIX) else f"{host}:{port}"
        raise StartError(f"cannot listen on {place}: {error.strerror}; choose another with --port") from error
    except ValueError as error:
        raise StartError(f"cannot listen on {host}: {error}") from error


def serve(settings: Settings, host: str, port: int, announce: Announce, *, with_worker: bool = True) -> None:
    """Runs until SIGINT or SIGTERM, and ends all of its processes. Raises StartError.

    Without `settings.redis_url` it starts a private Valkey; without `with_worker` only the API.
    `announce` is called when jobs are accepted.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    sock = _listen(host, port)
    url = address.reach(host, sock)
    run_dir = Path(
        tempfile.mkdtemp(prefix="neo-emulator-")
    )  # 0700, and short: a socket's path has 107 characters at most
    processes: list[ManagedProcess] = []
    lock: int | None = None
    try:
        _check_reach(settings, url, with_worker)
        if with_worker:
            _check_sandbox(settings)
        settings, lock = _own_data_dir(settings)
        settings = _start_processes(settings, url, run_dir, with_worker, processes, lock)
        _serve_api(settings, sock, url, run_dir, processes, stop, announce)
    finally:
        for process in reversed(processes):  # the worker requeues its jobs while Valkey still runs
            process.end()
        address.release(host, sock)
        shutil.rmtree(run_dir, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _check_reach(settings: Settings, url: str, with_worker: bool) -> None:
    """Raises StartError if workers, scripts and the creation of buckets could not reach the API."""
    if url.startswith("http://"):
        return
    if (with_worker and settings.s3_endpoint_url is None) or settings.bucket_names or settings.ready_dir:
        raise StartError("workers, buckets and scripts need TCP: they cannot reach the API through a Unix socket")


def _check_sandbox(settings: Settings) -> None:
    """Raises StartError where a worker would not start; what it has to say otherwise it says itself."""
    from neo_workers.sandbox import confinement

    try:
        confinement.check(settings.sandbox)
    except confinement.SandboxError as error:
        raise StartError(f"{error} (NEO_EMULATOR_SANDBOX=required)") from error


def _own_data_dir(settings: Settings) -> tuple[Settings, int | None]:
    """The settings with an absolute data folder, and its lock. Raises StartError if another server uses it."""
    if settings.data_dir is None:
        return settings, None
    from neo_emulator.aws.persistence import lock as persistence_lock

    data_dir = settings.data_dir.absolute()
    try:
        lock = persistence_lock.claim(data_dir)
    except (persistence_lock.FolderInUse, OSError) as error:
        raise StartError(str(error)) from error
    shutil.rmtree(data_dir / "work", ignore_errors=True)  # left by compilations that were killed with their server
    return settings.model_copy(update={"data_dir": data_dir}), lock


def _start_processes(
    settings: Settings, url: str, run_dir: Path, with_worker: bool, processes: list[ManagedProcess], lock: int | None
) -> Settings:
    """Starts Valkey and the worker as configured. Returns the settings with their addresses.

    Persistent files are in the data folder, or in `run_dir` if there is none.
    """
    base = settings.data_dir or run_dir
    update: dict[str, object] = {
        "work_dir": settings.work_dir or base / "work",
        "cache_dir": settings.cache_dir or base / "cache",
    }
    if settings.redis_url is None:
        unix_socket = run_dir / "valkey.sock"
        update["redis_url"] = f"unix://{unix_socket}?db=1"
        try:
            command = valkey.command(unix_socket, base / "valkey", settings.fsync)
        except (FileNotFoundError, OSError) as error:
            raise StartError(str(error)) from error
        processes.append(ManagedProcess("valkey", command, dict(os.environ), run_dir, lock))
        processes[-1].start()
    if settings.s3_endpoint_url is None:
        update["s3_endpoint_url"] = url
    settings = settings.model_copy(update=update)
    if with_worker:
        given = settings.model_dump(mode="json", exclude_none=True)
        environment = {f"NEO_EMULATOR_{name.upper()}": str(value) for name, value in given.items()}
        for key, secret in list(settings.known_keys.items())[:1]:
            environment |= {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": ""}
        worker = [sys.executable, "-m", "neo_workers"]
        processes.append(
            ManagedProcess("worker", worker, {**os.environ, **bypass(url), "PYTHONUTF8": "1", **environment})
        )
        processes[-1].start()
    return settings


def _serve_api(
    settings: Settings,
    sock: socket.socket,
    url: str,
    run_dir: Path,
    processes: list[ManagedProcess],
    stop: threading.Event,
    announce: Announce,
) -> None:
    # imported here: Valkey and the worker are starting meanwhile
    from neo_emulator.gateway.app import create_app, refusal
    from neo_emulator.http.server import make_server
    from neo_workers.queue import reaper
    from neo_workers.store.store import Store

    tls, trust = _tls(settings, run_dir)
    store = Store(settings)
    app = create_app(settings, store)
    app.hosts.add(urlsplit(url).hostname or "localhost")
    if app.admin_token and not settings.admin_token:
        log.warning("admin token for /_neo/ and /moto-api/: %s", app.admin_token)
    app.control.trouble = lambda: next((process.trouble for process in processes if process.name == "worker"), "")
    loading = BackgroundLoad(app.moto.load) if settings.data_dir else None
    server = make_server(app, sock, limits=_limits(settings), tls=tls, refusal=refusal)
    _wait_for_store(store, processes, stop)
    app.start()
    sys.setswitchinterval(0.0005)  # seconds; a request must not wait 5 ms for a background thread
    reaper.start(store, stop)
    with server:
        _run_init_hooks(settings, app.control.init_hooks, url, stop)
        if not stop.is_set():
            announce(url, trust)
        while not stop.wait(0.1):
            for process in processes:
                process.keep_alive()
            if loading is not None and loading.error is not None:
                raise StartError(f"cannot read the data folder: {loading.error}") from loading.error


def _limits(settings: Settings) -> Limits:
    return Limits(
        head_bytes=settings.max_head_bytes,
        headers=settings.max_headers,
        body_bytes=settings.max_body_bytes,
        connections=settings.max_connections,
        idle_seconds=settings.idle_seconds,
    )


def _tls(settings: Settings, run_dir: Path) -> tuple[ssl.SSLContext | None, Path | None]:
    """The TLS context and the certificate to trust, None without HTTPS. Raises StartError for unusable files."""
    from neo_emulator.http import tls

    if not (settings.tls or settings.tls_cert):
        return None, None
    try:
        if settings.tls_cert is not None and settings.tls_key is not None:
            return tls.context(settings.tls_cert, settings.tls_key), settings.tls_cert
        certificate, key = tls.development_certificate((settings.data_dir or run_dir) / "tls")
        return tls.context(certificate, key), certificate
    except (OSError, ValueError) as error:
        raise StartError(f"cannot serve HTTPS with this certificate: {error}") from error


def _run_init_hooks(settings: Settings, hooks: InitHooks, url: str, stop: threading.Event) -> None:
    """Creates the buckets and starts the scripts. Raises StartError if a bucket cannot be created."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        hooks.plan(settings)
        hooks.make_buckets(settings, url)
    except (ValueError, BotoCoreError, ClientError) as error:
        raise StartError(str(error)) from error
    hooks.start(settings, url, stop)


def _wait_for_store(store: Store, processes: list[ManagedProcess], stop: threading.Event) -> None:
    from redis.exceptions import RedisError

    deadline = time.monotonic() + READY_TIMEOUT_SECONDS
    while not stop.is_set():
        try:
            store.ping()
            return
        except RedisError as error:
            if time.monotonic() > deadline:
                raise StartError(f"the store does not respond: {error}") from error
            for process in processes:
                process.keep_alive()
            time.sleep(0.01)
