"""`neo-emulator jobs`, `logs`, `targets` and `env`: query a running emulator, and print how to connect to it."""

from __future__ import annotations

import json
import shlex
import time
from typing import Any
from urllib.parse import urlencode

import typer

from neo_emulator.cli import output
from neo_emulator.cli.output import CommandError
from neo_emulator.control.dashboard.formats import whole
from neo_emulator.testing.endpoint import Endpoint
from neo_workers.jobs import short_reason

POLL_SECONDS = 0.3
SHELLS = {
    "sh": "export {name}={value}",
    "fish": "set -gx {name} {value}",
    "powershell": '$env:{name} = "{value}"',
    "dotenv": "{name}={value}",
}


def show_jobs(url: str, name: str | None, status: str, *, json_: bool) -> None:
    """Prints a table of all jobs, or one in detail. Raises CommandError."""
    if name is not None:
        show_job(url, name, json_=json_)
        return
    answer = ask(url, "jobs.json?" + urlencode({"status": status}))
    found = answer["jobs"]
    if json_:
        output.as_json(found)
        return
    columns = ("name", "status", "step", "target", "framework", "time", "region")
    rows = [[whole(job["seconds"]) if name == "time" else job[name] for name in columns] for job in found]
    output.table(columns, rows) if rows else output.plain("no jobs")
    failed = [job for job in found if job["reason"]]
    if failed:
        output.plain()
    for job in failed:
        output.plain(output.printable(f"{job['name']}: {short_reason(job['reason'])}"))
    if answer["older"]:
        output.plain(f"\nThese are the newest {len(found)}; older ones: {url}/_neo/?before={answer['older']}")


def show_job(url: str, name: str, *, json_: bool) -> None:
    """Prints one job: its description and the seconds of each phase. Raises CommandError."""
    job = ask(url, f"jobs/{job_id(url, name)}.json")
    if json_:
        output.as_json(job)
        return
    facts = ("status", "step", "target", "framework", "account", "region", "created", "seconds", "artifact", "reason")
    output.table(
        ("fact", "value"), [(fact, short_reason(str(job[fact]))) for fact in facts if job[fact]], title=job["name"]
    )
    if job["phases"]:
        output.table(("phase", "seconds"), [(phase["name"], f"{phase['seconds']:.2f}") for phase in job["phases"]])


def show_log(url: str, name: str, *, follow: bool, json_: bool) -> None:
    """Prints the log of one job; with `follow`, until the job has ended."""
    found, seen = job_id(url, name), 0
    while True:
        page = ask(url, f"jobs/{found}/log.json?after={seen}")
        for milliseconds, text in page["lines"]:
            if json_:
                output.plain(json.dumps({"timestamp": milliseconds, "message": text}))
            else:
                output.plain(output.printable(text))
        seen = page["next"]
        if page["ended"] or not follow:
            return
        time.sleep(POLL_SECONDS)


def show_targets(*, json_: bool) -> None:
    """Prints the targets. Needs no running emulator."""
    from neo_emulator.control.dashboard import views

    rows = views.targets()
    if json_:
        output.as_json(rows)
        return
    columns = ("name", "kind", "os", "arch", "cpu", "accelerator", "lacks")
    output.table(columns, [[row[column] for column in columns] for row in rows])


def show_environment(url: str, shell: str, *, json_: bool) -> None:
    """Prints environment variables that point AWS SDKs and the CLI at `url`. Raises typer.BadParameter."""
    variables = Endpoint(url).environment()
    if json_:
        output.as_json(variables)
        return
    if shell not in SHELLS:
        raise typer.BadParameter(f"{shell!r} is not one of {', '.join(SHELLS)}.", param_hint="--shell")
    for name, value in variables.items():
        quoted = value if shell in ("powershell", "dotenv") else shlex.quote(value)
        output.plain(SHELLS[shell].format(name=name, value=quoted))


def job_id(url: str, name: str) -> str:
    """The ID "account:region:name" of the newest job with that name. Raises CommandError if there is none."""
    if ":" in name:
        return name
    found = [job for job in ask(url, "jobs.json?" + urlencode({"contains": name}))["jobs"] if job["name"] == name]
    if not found:
        raise CommandError(f"there is no compilation job {name!r}; `neo-emulator jobs` lists all jobs")
    return str(found[0]["id"])


def ask(url: str, page: str) -> Any:
    """The parsed JSON of /_neo/`page`. Raises CommandError, with a hint if no emulator responds."""
    try:
        return Endpoint(url).control(page)
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise CommandError(f"no emulator responds at {url} ({reason}); start one with `neo-emulator serve`") from error
    except ValueError as error:
        raise CommandError(str(error)) from error
