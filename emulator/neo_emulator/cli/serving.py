"""`neo-emulator serve`, `api` and `worker`."""

from __future__ import annotations

import json
import os
import socket
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from neo_emulator.cli.output import CommandError, as_json, plain
from neo_workers.settings import PREFIX

if TYPE_CHECKING:
    from neo_workers.settings import Settings


def serve(host: str, port: int, *, with_worker: bool, json_: bool, **given: object) -> None:
    """Runs until Ctrl-C, then ends this process. Raises CommandError if the stack cannot start.

    `given` are settings from the command line, None for those not given.
    """
    from neo_emulator.stack.serve import StartError
    from neo_emulator.stack.serve import serve as run

    if (given["tls_cert"] is None) != (given["tls_key"] is None):
        raise typer.BadParameter("--cert and --key go together")
    settings = _settings("serve" if with_worker else "api")
    settings = settings.model_copy(update={name: value for name, value in given.items() if value is not None})
    try:
        run(settings, host, port, _announce_json if json_ else announce, with_worker=with_worker)
    except StartError as error:
        raise CommandError(str(error)) from error
    # everything is closed; unloading moto's modules would take another second
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def work(*, json_: bool) -> None:
    """Runs a worker on the Redis of NEO_EMULATOR_REDIS_URL until SIGTERM; with `json_` its log is JSON."""
    if json_:
        os.environ[f"{PREFIX}LOG_FORMAT"] = "json"
    _settings("worker")
    from neo_workers.worker.main import main

    main()


def check_worker(*, json_: bool) -> None:
    """Prints the live workers of this host. Raises CommandError if there is none or Redis does not respond."""
    from redis.exceptions import RedisError

    from neo_workers.store import worker_registry
    from neo_workers.store.store import Store

    host = socket.gethostname()
    try:
        found = [
            worker
            for worker in worker_registry.workers(Store(_settings("worker")))
            if worker.name.startswith(f"{host}:")
        ]
    except RedisError as error:
        raise CommandError(f"Redis does not respond: {error}") from error
    if not found:
        raise CommandError(f"no worker on {host} is alive")
    if json_:
        as_json([asdict(worker) for worker in found])
        return
    for worker in found:
        plain(", ".join([f"{worker.name}: {worker.slots} jobs in parallel", f"S3: {worker.s3}", *worker.frameworks]))


def announce(url: str, trust: Path | None) -> None:
    """Prints that the API accepts jobs; scripts wait for the line that starts with "ready: "."""
    if trust is not None:
        print(f"https: {url.replace('http://', 'https://')} (AWS_CA_BUNDLE={trust})", flush=True)
    print(f"ready: {url}", flush=True)
    if sys.stdout.isatty():  # a person, not a script
        print(f'  dashboard      {url}/_neo/\n  other shells   eval "$(neo-emulator env --url {url})"', file=sys.stderr)


def _announce_json(url: str, trust: Path | None) -> None:
    print(json.dumps({"url": url, "pid": os.getpid(), "ca_bundle": trust and str(trust)}), flush=True)


def _settings(command: str) -> Settings:
    from pydantic import ValidationError

    from neo_workers.observability import log_setup
    from neo_workers.settings import get_settings

    log_setup.configure("INFO")
    try:
        settings = get_settings()
    except ValidationError as error:
        raise CommandError(str(error)) from error
    log_setup.configure(settings.log_level, settings.log_format)
    if command != "serve" and settings.redis_url is None:
        raise CommandError(f"`{command}` needs NEO_EMULATOR_REDIS_URL; `serve` starts its own")
    return settings
