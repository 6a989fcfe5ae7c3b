"""The `neo-emulator` command."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from neo_emulator import __version__

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 4577


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="neo-emulator",
        description="A local stand-in for Amazon SageMaker Neo. Settings: NEO_EMULATOR_* (see README).",
    )
    parser.add_argument("--version", action="version", version=f"neo-emulator {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="run the API, a worker and a private Valkey until Ctrl-C")
    api = commands.add_parser("api", help="run the API alone, on the Redis of NEO_EMULATOR_REDIS_URL")
    commands.add_parser("worker", help="run a worker alone, on the Redis of NEO_EMULATOR_REDIS_URL")
    _add_artifact_commands(commands)
    for command in (serve, api):
        command.add_argument("--host", default=DEFAULT_HOST, help="address to listen on (default: %(default)s)")
        command.add_argument(
            "--port", type=_port, default=DEFAULT_PORT, help="0 picks a free one (default: %(default)s)"
        )
        command.add_argument("--tls", action="store_true", default=None, help="HTTPS too, with a certificate made now")
        command.add_argument("--cert", dest="tls_cert", type=Path, metavar="PEM", help="HTTPS too, with this one")
        command.add_argument("--key", dest="tls_key", type=Path, metavar="PEM", help="the key of --cert")
    serve.add_argument(
        "--data-dir", type=Path, help="keep jobs, S3 and the cache here over a restart (default: nothing is kept)"
    )
    serve.add_argument("--workers", type=_count, help="jobs compiled at the same time (default: one per CPU core)")
    return parser


def _add_artifact_commands(commands: Any) -> None:
    """`commands` is what argparse's add_subparsers gives."""
    inspect = commands.add_parser("inspect", help="say what an artifact is: target, inputs, outputs, runtime")
    run = commands.add_parser("run", help="run an artifact on this machine")
    for command in (inspect, run):
        command.add_argument("artifact", type=Path, help="the tar.gz of a compilation job, or its unpacked folder")
    run.add_argument("--input", type=Path, metavar="FILE.npz", help="one array per input (default: zeros)")
    run.add_argument("--output", type=Path, metavar="FILE.npz", help="where the outputs go (default: only shown)")


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 0 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of workers: 1 to 256")
    return int(text)


def main(argv: list[str] | None = None) -> int:
    """The exit status: 0 after a clean stop, 1 when the stack cannot start, 2 for wrong arguments."""
    options = _parser().parse_args(argv)
    if options.command in ("inspect", "run"):
        from neo_emulator import artifact_commands

        return artifact_commands.main(options)
    from pydantic import ValidationError

    from neo_workers import logs
    from neo_workers.settings import get_settings

    logs.configure("INFO")
    try:
        settings = get_settings()
    except ValidationError as error:
        print(f"neo-emulator: {error}", file=sys.stderr)
        return 1
    logs.configure(settings.log_level, settings.log_format)
    if options.command != "serve" and settings.redis_url is None:
        print(
            f"neo-emulator: `{options.command}` needs NEO_EMULATOR_REDIS_URL; `serve` brings its own", file=sys.stderr
        )
        return 1
    if options.command == "worker":
        from neo_workers.worker import main as work

        work()
        return 0
    from neo_emulator.serve import StartError, serve

    names = ("data_dir", "workers", "tls", "tls_cert", "tls_key")
    given = {name: getattr(options, name, None) for name in names}
    if (given["tls_cert"] is None) != (given["tls_key"] is None):
        print("neo-emulator: --cert and --key go together", file=sys.stderr)
        return 2
    settings = settings.model_copy(update={name: value for name, value in given.items() if value is not None})
    try:
        serve(settings, options.host, options.port, with_worker=options.command == "serve")
    except StartError as error:
        print(f"neo-emulator: {error}", file=sys.stderr)
        return 1
    # everything is put away; taking moto's modules apart would cost another second
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
