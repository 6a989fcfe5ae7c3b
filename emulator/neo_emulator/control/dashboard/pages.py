"""The routes of the dashboard below /_neo/: HTML pages, and each as `.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from http import HTTPStatus
from importlib import resources
from urllib.parse import parse_qs, quote, urlencode

from redis.exceptions import RedisError

from neo_emulator.aws.moto import Moto
from neo_emulator.control.dashboard import views
from neo_emulator.control.dashboard.contents import MOST_BYTES, ContentsCache
from neo_emulator.control.dashboard.rendering import render
from neo_emulator.control.handler import Control
from neo_emulator.protocol.response import Response
from neo_workers.artifacts import bucket_and_key
from neo_workers.jobs import JobId, JobStatus
from neo_workers.settings import Settings
from neo_workers.store.store import JobNotFound, Store

STATIC = {"dashboard.css": "text/css", "dashboard.js": "text/javascript", "icon.svg": "image/svg+xml"}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""Only the dashboard's own scripts can run in a page, whatever a job's texts contain."""

Parameters = dict[str, str]
View = dict[str, object]
Answer = Callable[..., Response]


class Pages:
    """The responses for paths below /_neo/."""

    def __init__(self, settings: Settings, store: Store, control: Control, moto: Moto) -> None:
        self._settings, self._store, self._control, self._moto = settings, store, control, moto
        self._contents = ContentsCache(self._object)
        job = r"jobs/(\d{12}:[a-z0-9-]+:[A-Za-z0-9-]+)"
        self._routes: list[tuple[re.Pattern[str], Answer]] = [
            (re.compile(pattern), answer)
            for pattern, answer in (
                (r"", self.jobs_page),
                (r"jobs\.json", self.jobs),
                (job, self.job_page),
                (rf"{job}\.json", self.job),
                (rf"{job}/log\.json", self.log),
                (rf"{job}/log\.txt", self.log_text),
                (rf"{job}/artifact", self.artifact),
                (r"targets", self.targets_page),
                (r"targets\.json", self.targets),
                (r"status", self.status_page),
                (rf"static/({'|'.join(map(re.escape, STATIC))})", self.static),
            )
        ]

    def answer(self, path: str, query: str) -> Response | None:
        """The response to a GET of `path` (without /_neo/); None if it is not a page of the dashboard."""
        for pattern, answer in self._routes:
            if match := pattern.fullmatch(path):
                given = {name: values[-1] for name, values in parse_qs(query, errors="replace").items()}
                return self._answer(answer, match.groups(), given, path.endswith(".json"))
        return None

    def _answer(self, answer: Answer, parts: tuple[str, ...], given: Parameters, as_json: bool) -> Response:
        try:
            return answer(*parts, given)
        except JobNotFound as missing:
            return _problem(HTTPStatus.NOT_FOUND, f"There is no compilation job {missing.job_id}.", as_json)
        except RedisError as error:
            return _problem(HTTPStatus.SERVICE_UNAVAILABLE, f"The job store does not respond: {error}", as_json)
        except ValueError as error:
            return _problem(HTTPStatus.BAD_REQUEST, str(error), as_json)

    # for programs

    def jobs(self, given: Parameters) -> Response:
        """{"jobs": [...], "older": ""}, newest first; ?status= and ?contains= filter them.

        "older" is the value of ?before= for the next page, "" on the last.
        """
        found = self._jobs(given)
        return _json({"jobs": found, "older": views.older(found)})

    def _jobs(self, given: Parameters) -> list[View]:
        status = given.get("status", "")
        if status and status not in JobStatus.__members__:
            raise ValueError(f"status must be one of {', '.join(JobStatus)}")
        wanted, contains = JobStatus(status) if status else None, given.get("contains", "")[:63]
        return views.jobs(self._store, wanted, contains, given.get("before", ""))

    def job(self, job_id: str, given: Parameters) -> Response:
        """views.job as JSON."""
        return _json(views.job(self._store, JobId.parse(job_id)))

    def log(self, job_id: str, given: Parameters) -> Response:
        """Log lines after the first ?after= ones, their total number, and whether more may follow."""
        after = int(given.get("after") or 0)
        job = self._store.get(JobId.parse(job_id))  # read before the lines: the log of an ended job is complete
        lines = views.log_lines(self._store, job)
        return _json({"lines": lines[after:], "next": len(lines), "status": job.status, "ended": job.ended is not None})

    def log_text(self, job_id: str, given: Parameters) -> Response:
        """The log so far as plain text."""
        lines = views.log_lines(self._store, self._store.get(JobId.parse(job_id)))
        text = "".join(f"{line}\n" for _, line in lines)
        return Response(200, text.encode(), {**HEADERS, "Content-Type": "text/plain; charset=utf-8"})

    def artifact(self, job_id: str, given: Parameters) -> Response:
        """The artifact's tar.gz."""
        result = self._store.get(JobId.parse(job_id)).result
        data = self._object(result.artifact_uri) if result else None
        if result is None or data is None:
            return _problem(HTTPStatus.NOT_FOUND, f"{job_id} has no artifact here.", as_json=False)
        name = result.artifact_uri.rsplit("/", 1)[-1]
        kind = {
            "Content-Type": "application/gzip",
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
        }
        return Response(200, data, {**HEADERS, **kind})

    def _object(self, uri: str) -> bytes | None:
        """An S3 object; None if it does not exist or is too large."""
        return self._moto.object(*bucket_and_key(uri), MOST_BYTES)

    def targets(self, given: Parameters) -> Response:
        """{"targets": [...]}."""
        return _json({"targets": views.targets()})

    def static(self, name: str, given: Parameters) -> Response:
        """A style sheet, script or image of the dashboard."""
        content = (resources.files("neo_emulator.control.dashboard") / "static" / name).read_bytes()
        return Response(200, content, {**HEADERS, "Content-Type": f"{STATIC[name]}; charset=utf-8"})

    # for people

    def jobs_page(self, given: Parameters) -> Response:
        """One page of the list of jobs."""
        shown = self._jobs(given)
        older = quote(views.older(shown))
        filters = urlencode({name: given[name] for name in ("contains", "status") if given.get(name)})
        statuses = list(JobStatus)
        return _page("jobs.html", jobs=shown, asked=given, statuses=statuses, older=older, filters=filters)

    def job_page(self, job_id: str, given: Parameters) -> Response:
        """One job."""
        found = views.job(self._store, JobId.parse(job_id))
        lines = views.log_lines(self._store, self._store.get(JobId.parse(job_id)))
        digest = str(found["description"].get("ModelDigests"))
        inside = self._contents.get(found["artifact"], digest) if found["artifact"] else None
        described = json.dumps(found["description"], indent=2, default=str)
        return _page(
            "job.html",
            job=found,
            described=described,
            lines=lines[-views.MOST_LINES :],
            total=len(lines),
            inside=inside,
        )

    def targets_page(self, given: Parameters) -> Response:
        """The list of targets."""
        return _page("targets.html", targets=views.targets())

    def status_page(self, given: Parameters) -> Response:
        """The state of the emulator's components."""
        health, ready, pace, faults = (
            json.loads(answer.body)
            for answer in (
                self._control.health(),
                self._control.ready(),
                self._control.pace(),
                self._control.faults(),
            )
        )
        return _page("status.html", health=health, ready=ready, pace=pace, faults=faults["faults"])


def _problem(status: int, text: str, as_json: bool) -> Response:
    return _json({"error": text}, status) if as_json else _page("problem.html", status, text=text)


def _json(members: View, status: int = 200) -> Response:
    return Response(status, json.dumps(members, default=str).encode(), {**HEADERS, "Content-Type": "application/json"})


def _page(template: str, status: int = 200, **values: object) -> Response:
    return Response(status, render(template, values).encode(), {**HEADERS, "Content-Type": "text/html; charset=utf-8"})
