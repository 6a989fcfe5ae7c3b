"""A worker process: one Celery worker with a pool of threads, each of which supervises one compilation."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import logging
import os
import shutil
import sys
import tempfile
import threading
import warnings
from pathlib import Path

from neo_workers.hosting import host
from neo_workers.observability import log_setup, tracing
from neo_workers.queue import reaper, routing
from neo_workers.sandbox import confinement, task_limit
from neo_workers.settings import Settings, get_settings
from neo_workers.store import worker_registry
from neo_workers.store.store import Store
from neo_workers.transform import host as transform_host
from neo_workers.worker import artifact_cleanup, compile_process, twin

log = logging.getLogger(__name__)
LOCK = "in-use"
LEAVE_SECONDS = 10.0
"""How long a worker that was told to end tries to requeue its jobs."""


def main() -> None:
    """Runs until SIGTERM; then running jobs are requeued and the process ends within a second."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the process to fork from must have a single thread
    settings = get_settings()
    # multiprocessing would run the main module again in every child
    vars(sys.modules["__main__"]).update(__spec__=None, __file__=None)
    compile_process.warm_up(settings)  # loads TVM while Celery is being imported
    log_setup.configure(settings.log_level, settings.log_format)
    # containers run as root; Celery's warning is about pickled messages, which are not accepted here
    warnings.filterwarnings("ignore", message="You're running the worker with superuser")
    vars(sys)["__stdout__"] = None  # Celery would print shutdown messages there, between JSON lines
    _check_sandbox(settings)
    work_root, lock = _own_folder(_work_parent(settings))
    task_limit.sweep_all()
    if settings.cache_dir is None and settings.data_dir is None:  # a cache for this worker only
        settings = settings.model_copy(update={"cache_dir": work_root / "cache"})
    try:
        _run(settings, work_root)
    finally:
        shutil.rmtree(work_root, ignore_errors=True)
        os.close(lock)


def _check_sandbox(settings: Settings) -> None:
    """Says what compiles are not held by. Raises SystemExit where that must not be."""
    try:
        if text := confinement.check(settings.sandbox):
            log.warning("%s (NEO_EMULATOR_SANDBOX=%s, docs/explanation/sandbox.md)", text, settings.sandbox)
    except confinement.SandboxError as error:
        raise SystemExit(f"{error} (NEO_EMULATOR_SANDBOX=required)") from error


def _own_folder(parent: Path) -> tuple[Path, int]:
    """Creates a folder for this worker's jobs and a lock that marks it as in use. Removes folders of dead workers."""
    for old in parent.glob("neo-work-*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(old / LOCK, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(old, ignore_errors=True)
            finally:
                os.close(descriptor)
    new = Path(tempfile.mkdtemp(prefix="neo-new-", dir=parent))
    lock = os.open(new / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return new.rename(parent / new.name.replace("neo-new-", "neo-work-")), lock


def _host_models(store: Store, draining: threading.Event, work_root: Path) -> None:
    make_twin = functools.partial(twin.make, store, work_root)
    context = compile_process.context_for(store.settings.prefork)
    for room in (host, transform_host):
        room.start(store, draining, work_root, context, make_twin)


def _work_parent(settings: Settings) -> Path:
    parent = settings.work_dir or (settings.data_dir / "work" if settings.data_dir else None)
    if parent is None:
        return Path(tempfile.gettempdir())
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return parent


def _run(settings: Settings, work_root: Path) -> None:
    from celery import signals

    from neo_workers.queue import celery_app as queue_celery_app
    from neo_workers.queue import consumer
    from neo_workers.worker import task

    store, draining, busy = Store(settings), threading.Event(), task.Busy()
    if settings.otel:
        tracing.start("worker")
    celery_app = queue_celery_app.celery_app(settings)
    task.register(celery_app, store, work_root, draining, busy)

    def drain(**_: object) -> None:
        if not draining.is_set():
            draining.set()
            threading.Thread(target=leave, name="leave").start()

    def leave() -> None:
        # do not wait for Celery's shutdown, which takes a second or more: its messages are only hints
        if busy.wait_until_idle(LEAVE_SECONDS):
            shutil.rmtree(work_root, ignore_errors=True)
            os._exit(0)

    def ready(**_: object) -> None:
        here = (store, draining, routing.own_frameworks())
        threading.Thread(target=worker_registry.report_forever, args=here, daemon=True, name="alive").start()
        threading.Thread(target=artifact_cleanup.sweep_forever, args=here[:2], daemon=True, name="withdrawal").start()

    celery_app.conf.worker_consumer = consumer.consumer_class(drain)
    signals.worker_shutting_down.connect(drain, weak=False)
    signals.worker_ready.connect(ready, weak=False)
    reaper.start(store, draining)
    _host_models(store, draining, work_root)
    celery_app.worker_main(
        [
            "--quiet",
            "worker",
            "--pool=threads",
            f"--concurrency={settings.slots}",
            f"--hostname=neo-{os.getpid()}@%h",
            f"--queues={','.join(routing.own_queues())}",
            f"--loglevel={settings.log_level.upper()}",
            "--without-gossip",
            "--without-mingle",
            *([] if settings.task_events else ["--without-heartbeat"]),
        ]
    )
