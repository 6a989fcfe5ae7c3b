"""The Resource Groups Tagging API for compilation jobs, merged with moto's response for other resources.

Source: resourcegroupstaggingapi/2017-01-26 of botocore; Cloud Custodian reads and writes the tags of jobs this way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from redis.exceptions import RedisError

from neo_emulator.protocol import aws_json, errors
from neo_emulator.protocol.arns import job_arn, job_of_arn
from neo_emulator.protocol.errors import ServiceError
from neo_emulator.protocol.request_context import context_of, read_body, with_body
from neo_emulator.protocol.response import Response
from neo_emulator.sagemaker import pagination
from neo_workers.jobs import JobId, JsonObject, Scope
from neo_workers.store.store import JobNotFound, Store, TooManyTags

TARGET = "ResourceGroupsTaggingAPI_20170126."
TYPES = frozenset({"sagemaker", "sagemaker:compilation-job"})
DEFAULT_PAGE, MOST_PER_PAGE = 50, 100
_JOBS_SHOWN = "neo-emulator:jobs-shown"

Wsgi = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]


class Tagging:
    """A handler for the tagging API; it declines (None) other requests, and those that do not concern jobs."""

    def __init__(self, store: Store, moto: Wsgi, scope: Callable[[WSGIEnvironment], Scope]) -> None:
        self._store, self._moto = store, moto
        self._scope = scope  # the caller's account and region
        self._operations = {
            "GetResources": self.get_resources,
            "TagResources": self.tag_resources,
            "UntagResources": self.tag_resources,
            "GetTagKeys": self.get_tag_keys,
            "GetTagValues": self.get_tag_values,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        """The merged response as JSON, or None."""
        target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
        run = self._operations.get(target.removeprefix(TARGET)) if target.startswith(TARGET) else None
        if run is None:
            return None
        request_id = context_of(environ).request_id
        try:
            answer = run(environ, _parsed(read_body(environ)))
        except ServiceError as error:
            return aws_json.error_response(error, request_id).send(start_response)
        except RedisError:
            return aws_json.error_response(errors.unavailable(), request_id).send(start_response)
        if answer is None:
            return None
        headers = {"Content-Type": aws_json.CONTENT_TYPE, "x-amzn-RequestId": request_id}
        return Response(200, json.dumps(answer).encode(), headers).send(start_response)

    def get_resources(self, environ: WSGIEnvironment, request: JsonObject) -> JsonObject | None:
        """Tagged jobs by name, then moto's resources, in pages. None after the last job (the rest is moto's)."""
        token, limit = request.get("PaginationToken"), request.get("ResourcesPerPage", DEFAULT_PAGE)
        if not isinstance(limit, int) or not 1 <= limit <= MOST_PER_PAGE:
            return None  # moto returns the error
        rows: list[JsonObject] = []
        if token != _JOBS_SHOWN:
            after = _last_name(token) if token else ""
            if after is None:
                return None  # moto's own token
            rows = [row for name, row in self._rows(self._scope(environ), request) if name > after]
        if len(rows) > limit:
            last = job_of_arn(rows[limit - 1]["ResourceARN"])
            assert last is not None
            return {"ResourceTagMappingList": rows[:limit], "PaginationToken": pagination.encode(["job", last.name])}
        asked = {**request, "ResourcesPerPage": limit - len(rows)}
        asked.pop("PaginationToken", None)
        if "ResourceARNList" in request:
            asked["ResourceARNList"] = [arn for arn in request["ResourceARNList"] if job_of_arn(arn) is None]
        if request.get("ResourceARNList") and not asked["ResourceARNList"]:
            return {"ResourceTagMappingList": rows, "PaginationToken": ""}
        if len(rows) == limit:
            return {"ResourceTagMappingList": rows, "PaginationToken": _JOBS_SHOWN}
        theirs = self._ask(environ, asked)
        return {
            "ResourceTagMappingList": rows + theirs["ResourceTagMappingList"],
            "PaginationToken": theirs.get("PaginationToken") or "",
        }

    def _rows(self, scope: Scope, request: JsonObject) -> list[tuple[str, JsonObject]]:
        types, arns = request.get("ResourceTypeFilters") or [], request.get("ResourceARNList") or []
        if types and not TYPES & set(types):
            return []
        rows = []
        for name, tags in sorted(self._store.tagged(scope).items()):
            arn = job_arn(JobId(scope, name))
            if (not arns or arn in arns) and _passes(tags, request.get("TagFilters") or []):
                listed = [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
                rows.append((name, {"ResourceARN": arn, "Tags": listed}))
        return rows

    def tag_resources(self, environ: WSGIEnvironment, request: JsonObject) -> JsonObject | None:
        """Tags or untags resources. Returns those that failed, and why. None if no job is among them."""
        arns = request.get("ResourceARNList") or []
        ours = [arn for arn in arns if job_of_arn(str(arn)) is not None]
        if not ours:
            return None
        others = [arn for arn in arns if arn not in ours]
        failed = (
            dict(self._ask(environ, {**request, "ResourceARNList": others}).get("FailedResourcesMap", {}))
            if others
            else {}
        )
        for arn in ours:
            job_id = job_of_arn(arn)
            try:
                if job_id is None or job_id.scope != self._scope(environ):
                    raise JobNotFound(job_id) if job_id else AssertionError(arn)
                if "Tags" in request:
                    self._store.put_tags(job_id, request["Tags"])
                else:
                    self._store.remove_tags(job_id, request.get("TagKeys", []))
            except (JobNotFound, TooManyTags) as refusal:
                text = (errors.too_many_tags() if isinstance(refusal, TooManyTags) else errors.no_resource(arn)).message
                failed[arn] = {"StatusCode": 400, "ErrorCode": "InvalidParameterException", "ErrorMessage": text}
        return {"FailedResourcesMap": failed}

    def get_tag_keys(self, environ: WSGIEnvironment, request: JsonObject) -> JsonObject | None:
        """Tag keys in use, including jobs'. None after the first page (the rest is moto's)."""
        found = {key for tags in self._store.tagged(self._scope(environ)).values() for key in tags}
        return self._merged(environ, request, "TagKeys", found)

    def get_tag_values(self, environ: WSGIEnvironment, request: JsonObject) -> JsonObject | None:
        """Values in use of one tag key, including jobs'. None after the first page (the rest is moto's)."""
        key = request.get("Key")
        found = {tags[key] for tags in self._store.tagged(self._scope(environ)).values() if key in tags}
        return self._merged(environ, request, "TagValues", found)

    def _merged(self, environ: WSGIEnvironment, request: JsonObject, member: str, found: set[str]) -> JsonObject | None:
        if not found or request.get("PaginationToken"):
            return None
        theirs = self._ask(environ, request)
        return {
            **theirs,
            member: sorted(found | set(theirs[member])),
            "PaginationToken": theirs.get("PaginationToken") or "",
        }

    def _ask(self, environ: WSGIEnvironment, request: JsonObject) -> JsonObject:
        """moto's response to the same operation. Raises ServiceError with moto's error."""
        statuses = list[str]()
        copy = with_body(environ, json.dumps(request).encode())
        answer = b"".join(self._moto(copy, lambda status, *_: _note(statuses, status)))
        members: JsonObject = json.loads(answer or b"{}")
        status = int(statuses[0].split()[0])
        if status >= 400:
            text = str(members.get("message") or members.get("Message") or "")
            raise ServiceError(str(members.get("__type", "InternalServiceException")).split("#")[-1], text, status)
        return members


def _note(statuses: list[str], status: str) -> Callable[[bytes], object]:
    statuses.append(status)
    return lambda _: None


def _parsed(body: bytes) -> JsonObject:
    """The request's members, type-checked. Raises ServiceError (SerializationException)."""
    try:
        request = json.loads(body or b"{}")
    except (ValueError, RecursionError) as err:
        raise errors.serialization("The request body is not valid JSON.") from err
    lists = ("ResourceARNList", "ResourceTypeFilters", "TagKeys")
    fits = isinstance(request, dict) and all(_texts(request.get(name) or []) for name in lists)
    fits = (
        fits
        and isinstance(request.get("Tags", {}), dict)
        and _texts([v for kv in request.get("Tags", {}).items() for v in kv])
    )
    filters = request.get("TagFilters") or [] if fits else None
    if not isinstance(filters, list) or not all(
        isinstance(row, dict) and _texts(row.get("Values") or []) for row in filters
    ):
        raise errors.serialization("Unexpected value type in payload")
    members: JsonObject = request
    return members


def _texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _passes(tags: dict[str, str], filters: list[JsonObject]) -> bool:
    return all(
        row.get("Key") in tags and (not row.get("Values") or tags[row["Key"]] in row["Values"]) for row in filters
    )


def _last_name(token: object) -> str | None:
    try:
        match pagination.decode(str(token)):
            case ["job", str(name)]:
                return name
    except ServiceError:
        pass
    return None
