"""DataProcessing: filters records before they are sent, joins them with their results, and filters what is stored.

Source: the guide's batch-transform-data-processing page, API_DataProcessing.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import Any

from neo_workers.jobs import JsonObject
from neo_workers.transform.records import InputDataError

EVERYTHING = "$"
CSV, JSON, JSON_LINES = "text/csv", "application/json", "application/jsonlines"
TYPES = (CSV, JSON, JSON_LINES)
OUTPUT, INPUT = "SageMakerOutput", "SageMakerInput"


class ProcessingError(ValueError):
    """A DataProcessing that cannot be applied; the text says why."""


def media_type(text: str) -> str:
    """A content type without its parameters."""
    return text.partition(";")[0].strip().lower()


@dataclass(frozen=True)
class DataProcessing:
    """What is done to the records of a job. Both types are "" if unknown."""

    input_filter: str
    output_filter: str
    join: bool
    content_type: str
    accept: str

    @classmethod
    def of(cls, request: JsonObject) -> DataProcessing:
        """That of a CreateTransformJob request."""
        given = request.get("DataProcessing", {})
        return cls(
            given.get("InputFilter", EVERYTHING).strip() or EVERYTHING,
            given.get("OutputFilter", EVERYTHING).strip() or EVERYTHING,
            given.get("JoinSource", "None") == "Input",
            media_type(request["TransformInput"].get("ContentType", "")),
            media_type(request["TransformOutput"].get("Accept", "")),
        )

    @property
    def stored_type(self) -> str:
        """The type of what OutputFilter is applied to."""
        return self.content_type if self.join else self.accept or self.content_type

    @property
    def changes_output(self) -> bool:
        """Whether the model's answers are not stored as they are."""
        return self.join or self.output_filter != EVERYTHING

    def check(self) -> None:
        """Raises ProcessingError if it cannot be applied to data of these types."""
        from neo_workers.transform import json_path  # takes 70 ms, and few jobs have filters

        try:
            for member, expression, kind in (
                ("InputFilter", self.input_filter, self.content_type),
                ("OutputFilter", self.output_filter, self.stored_type),
            ):
                if expression != EVERYTHING or self.join:
                    if kind not in TYPES:
                        raise ProcessingError(f"DataProcessing is for {', '.join(TYPES)}, not for {kind or 'no type'}")
                    json_path.check(expression, member, kind)
        except json_path.PathError as error:
            raise ProcessingError(str(error)) from error
        if self.join and self.accept and (self.accept == CSV) != (self.content_type == CSV):
            raise ProcessingError(
                "JoinSource Input needs ContentType and Accept of one format, not "
                f"{self.content_type} and {self.accept}"
            )

    def request_body(self, body: bytes) -> bytes:
        """What is sent to the model. Raises InputDataError."""
        if self.input_filter == EVERYTHING:
            return body
        pieces = _pieces(body, self.content_type)
        return b"\n".join(
            _write(_select(self.input_filter, _read(piece, self.content_type)), self.content_type) for piece in pieces
        )

    def stored(self, body: bytes, answer: bytes, answer_type: str) -> bytes:
        """What is stored for a request's original body and its answer. Raises InputDataError."""
        if not self.changes_output:
            return answer
        kind = media_type(answer_type) or self.stored_type
        kind = kind if kind in TYPES else self.stored_type
        if self.join and (kind == CSV) != (self.content_type == CSV):
            raise InputDataError(f"Fail to join data: the input is {self.content_type} and the output is {kind}")
        results = _pieces(answer, kind)
        if self.join:
            inputs = _pieces(body, self.content_type)
            if len(inputs) != len(results):
                raise InputDataError(
                    "Fail to join data: mismatched line count between the input and the output: "
                    f"{len(inputs)} and {len(results)}"
                )
            pairs = zip(inputs, results, strict=True)
            values = [_joined(_read(given, self.content_type), _read(result, kind), kind) for given, result in pairs]
        else:
            values = [_read(piece, kind) for piece in results]
        return b"\n".join(_write(_select(self.output_filter, value), kind) for value in values)


def _select(expression: str, value: Any) -> Any:
    """What the expression selects. Raises InputDataError."""
    if expression == EVERYTHING:
        return value
    from neo_workers.transform import json_path

    try:
        return json_path.select(expression, value)
    except json_path.PathError as error:
        raise InputDataError(str(error)) from error


def _pieces(body: bytes, kind: str) -> list[bytes]:
    """The records in a body. Several JSON texts, one in a line, are several records, too."""
    if kind == JSON:
        try:
            json.loads(body)
            return [body]
        except ValueError:
            pass
    return [line for line in body.splitlines() if line.strip()]


def _read(piece: bytes, kind: str) -> Any:
    try:
        text = piece.decode("utf-8-sig")
        if kind == CSV:
            return next(csv.reader([text], strict=True))
        return json.loads(text)
    except (ValueError, csv.Error, StopIteration, RecursionError) as error:
        raise InputDataError(f"a record is no {kind}: {error}") from error


def _write(value: Any, kind: str) -> bytes:
    if kind != CSV:
        return json.dumps(value, separators=(",", ":")).encode()
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(value if isinstance(value, list) else [value])
    return line.getvalue().encode()


def _joined(given: Any, result: Any, kind: str) -> Any:
    """A CSV row followed by its result; a JSON object with its result, in a new object where it was no object."""
    if kind == CSV:
        return given + result
    return {**given, OUTPUT: result} if isinstance(given, dict) else {INPUT: given, OUTPUT: result}
