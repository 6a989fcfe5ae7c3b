"""Initial content: buckets from a setting, and scripts that run when the emulator is ready.

Buckets exist before `serve` prints "ready"; scripts find the emulator by AWS_ENDPOINT_URL, like any client. /_neo/info
reports the result of each; /_neo/ready does not wait for scripts, which may wait for it themselves.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from neo_workers.jobs import JsonObject
from neo_workers.settings import Settings

COMMANDS = {".sh": ["sh"], ".py": [sys.executable]}
"""The interpreter of a script by file extension; other files are ignored."""
MOST_OUTPUT_CHARS = 4000
SCRIPT_SECONDS = 600.0

log = logging.getLogger(__name__)


@dataclass
class Script:
    """One script, and its result."""

    name: str
    state: str = "waiting"  # then running; then done or failed
    exit_status: int | None = None
    seconds: float = 0.0
    output: str = ""  # the end of its output


@dataclass
class InitHooks:
    """The progress of buckets and scripts. `state` is "none" if there are none, else "running", "done" or "failed"."""

    state: str = "none"
    buckets: list[str] = field(default_factory=list)  # created
    scripts: list[Script] = field(default_factory=list)
    error: str = ""

    def describe(self) -> JsonObject:
        """The members of /_neo/info."""
        return asdict(self)

    def plan(self, settings: Settings) -> None:
        """Lists the scripts and buckets. Raises ValueError if NEO_EMULATOR_READY_DIR is not a folder."""
        folder = settings.ready_dir
        if folder is not None and not folder.is_dir():
            raise ValueError(f"NEO_EMULATOR_READY_DIR: {folder} is not a folder")
        files = sorted(folder.iterdir()) if folder is not None else []
        self.scripts = [Script(path.name) for path in files if path.suffix in COMMANDS and path.is_file()]
        if self.scripts or settings.bucket_names:
            self.state = "running"

    def make_buckets(self, settings: Settings, url: str) -> None:
        """Creates the buckets that do not exist. Raises botocore's ClientError, for example for an invalid name."""
        if not settings.bucket_names:
            return
        import boto3

        environment = self._environment(settings, url)
        s3 = boto3.client(
            "s3",
            endpoint_url=url,
            region_name="us-east-1",  # where CreateBucket needs no LocationConstraint
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        )
        there = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
        for name in settings.bucket_names:
            if name not in there:
                s3.create_bucket(Bucket=name)
            self.buckets.append(name)

    def start(self, settings: Settings, url: str, stop: threading.Event) -> None:
        """Runs the scripts in the background, one after another."""
        threading.Thread(target=self._run, args=(settings, url, stop), daemon=True, name="init-hooks").start()

    def _run(self, settings: Settings, url: str, stop: threading.Event) -> None:
        folder = settings.ready_dir or Path()
        for script in self.scripts:
            if not stop.is_set():
                self._run_one(script, folder / script.name, self._environment(settings, url), stop)
        if self.state == "running":
            failed = self.error or any(script.state != "done" for script in self.scripts)
            self.state = "failed" if failed else "done"

    def _run_one(self, script: Script, path: Path, environment: dict[str, str], stop: threading.Event) -> None:
        begun = time.monotonic()
        script.state = "running"
        command = [*COMMANDS[path.suffix], str(path.absolute())]
        with subprocess.Popen(
            command,
            cwd=path.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            watch = threading.Thread(target=_end, args=(process, stop), daemon=True)
            watch.start()
            output, _ = process.communicate()
        script.output, script.exit_status = output[-MOST_OUTPUT_CHARS:], process.returncode
        script.seconds = round(time.monotonic() - begun, 3)
        script.state = "failed" if process.returncode else "done"
        if process.returncode:
            log.error("%s failed with status %s: %s", path, process.returncode, script.output)
        else:
            log.info("%s ran in %.1f s", path, script.seconds)

    @staticmethod
    def _environment(settings: Settings, url: str) -> dict[str, str]:
        key, secret = next(iter(settings.known_keys.items()), ("test", "test"))
        named = {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
        return {**os.environ, "AWS_DEFAULT_REGION": settings.region, **named, "AWS_SESSION_TOKEN": ""}


def _end(process: subprocess.Popen[str], stop: threading.Event) -> None:
    """Kills a script that takes too long or is still running at the server's stop."""
    deadline = time.monotonic() + SCRIPT_SECONDS
    while process.poll() is None:
        if stop.wait(0.1) or time.monotonic() > deadline:
            process.kill()
            return
