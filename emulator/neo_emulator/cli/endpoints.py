"""`neo-emulator deploy` and `invoke`: endpoints of compiled models on a running emulator."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import typer

from neo_emulator.cli import output
from neo_emulator.cli.output import CommandError
from neo_emulator.testing import deploying
from neo_emulator.testing.endpoint import Endpoint

CONTENT_TYPES = {
    ".npy": "application/x-npy",
    ".npz": "application/x-npz",
    ".csv": "text/csv",
    ".libsvm": "text/libsvm",
}
"""Content type by the ending of the input's name; any other is JSON."""


def deploy(url: str, source: str, name: str, *, json_: bool) -> None:
    """Deploys a job's artifact and prints the endpoint's name once it is InService."""
    try:
        made = deploying.deploy(Endpoint(url).sagemaker, source, name)
    except KeyError as error:
        raise CommandError(f"compilation job {source} has no artifact (is it COMPLETED?)") from error
    except (deploying.EndpointFailed, TimeoutError) as error:
        raise CommandError(str(error)) from error
    except Exception as error:  # botocore's, which is imported when it is used
        raise _told(error, url) from error
    if json_:
        output.as_json({"endpoint": made})
        return
    output.plain(made)


def invoke(url: str, name: str, source: Path, content_type: str, accept: str, target: Path | None) -> None:
    """Sends a file (or standard input, "-") to an endpoint; prints the response, or writes it to `target`."""
    if str(source) == "-":
        body = sys.stdin.buffer.read()
    elif source.is_file():
        body = source.read_bytes()
    else:
        raise typer.BadParameter(f"there is no file {source}.", param_hint="--input")
    members: dict[str, Any] = {"Accept": accept} if accept else {}
    kind = content_type or CONTENT_TYPES.get(source.suffix.lower(), "application/json")
    runtime = Endpoint(url).client("sagemaker-runtime")
    try:
        answer = runtime.invoke_endpoint(EndpointName=name, Body=body, ContentType=kind, **members)
    except Exception as error:
        raise _told(error, url) from error
    data: bytes = answer["Body"].read()
    if target is not None:
        target.write_bytes(data)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(data if data.endswith(b"\n") else data + b"\n")
    sys.stdout.buffer.flush()


def _told(error: Exception, url: str) -> Exception:
    """A CommandError for what botocore raises; every other error as it is."""
    from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

    if isinstance(error, EndpointConnectionError):
        return CommandError(f"no emulator responds at {url}; start one with `neo-emulator serve`")
    if isinstance(error, ClientError):
        return CommandError(str(error.response["Error"].get("Message", error)))
    return CommandError(str(error)) if isinstance(error, BotoCoreError) else error
