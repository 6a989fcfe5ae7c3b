"""Sends one input object through the model and stores the result, or says in the log why it cannot.

Source: the guide's batch-transform pages; the log's lines: aws/amazon-sagemaker-examples#1620,
aws/sagemaker-tensorflow-serving-container#93.
"""

from __future__ import annotations

import contextlib
import gzip
import tempfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from neo_compiler.errors import CompileError
from neo_compiler.storage.s3 import Storage
from neo_workers.hosting.invocations import STOPPED, Answer, Invocation
from neo_workers.jobs import JsonObject
from neo_workers.transform.data_processing import DataProcessing
from neo_workers.transform.records import MEGABYTE, TEXTS, InputDataError, Record, batches, split
from neo_workers.transform.sources import Source

DEFAULT_PAYLOAD_MB, DEFAULT_TIMEOUT_SECONDS, DEFAULT_RETRIES = 6, 600, 3
"""Source: API_CreateTransformJob, API_ModelClientConfig."""
UNLIMITED_BYTES = 500 * MEGABYTE
"""The largest request with MaxPayloadInMB 0."""
MOST_THREADS = 16
MOST_OBJECT_BYTES = 1 << 40
Invoke = Callable[[Invocation, float], Answer | None]


class StoppedError(Exception):
    """The job was stopped, or is not this process's any more."""


class ObjectFailedError(Exception):
    """The object has no result; the log says why. `client` tells whose fault it is."""

    def __init__(self, client: bool) -> None:
        super().__init__()
        self.client = client


@dataclass(frozen=True)
class Plan:
    """How a job's objects are sent."""

    content_type: str
    accept: str
    split_type: str
    compressed: bool
    single: bool
    most_bytes: int
    concurrent: int
    assemble_with_line: bool
    timeout_seconds: float
    retries: int
    processing: DataProcessing
    kms_key_id: str | None

    @classmethod
    def of(cls, request: JsonObject) -> Plan:
        """That of a CreateTransformJob request."""
        given, output, client = (
            request["TransformInput"],
            request["TransformOutput"],
            request.get("ModelClientConfig", {}),
        )
        payload = request.get("MaxPayloadInMB", DEFAULT_PAYLOAD_MB)
        return cls(
            content_type=given.get("ContentType", ""),
            accept=output.get("Accept", ""),
            split_type=given.get("SplitType", "None"),
            compressed=given.get("CompressionType") == "Gzip",
            single=request.get("BatchStrategy") == "SingleRecord",
            most_bytes=payload * MEGABYTE or UNLIMITED_BYTES,
            concurrent=min(request.get("MaxConcurrentTransforms") or 1, MOST_THREADS),
            assemble_with_line=output.get("AssembleWith") == "Line",
            timeout_seconds=client.get("InvocationsTimeoutInSeconds", DEFAULT_TIMEOUT_SECONDS),
            retries=client.get("InvocationsMaxRetries", DEFAULT_RETRIES),
            processing=DataProcessing.of(request),
            kms_key_id=output.get("KmsKeyId"),
        )

    def body(self, group: list[Record]) -> bytes:
        """One request's body, before InputFilter."""
        if self.split_type in TEXTS:
            return b"\n".join(record.payload for record in group)
        return group[0].payload if self.single else b"".join(record.framed for record in group)


class Transformer:
    """Transforms the objects of one job, one after the other."""

    def __init__(
        self, plan: Plan, storage: Storage, invoke: Invoke, stopped: Callable[[], bool], log: Callable[[str], None]
    ) -> None:
        self._plan, self._storage, self._invoke, self._stopped, self._log = plan, storage, invoke, stopped, log

    def transform(self, source: Source, folder: Path) -> None:
        """Stores the result of an object as a whole. Raises ObjectFailedError, StoppedError."""
        name = f"{source.input.bucket}/{source.input.key}"
        try:
            with tempfile.TemporaryDirectory(dir=folder) as work:
                given, made = Path(work, "input"), Path(work, "output")
                self._storage.download(source.input, given, MOST_OBJECT_BYTES)
                with _opened(given, self._plan.compressed) as file, made.open("wb") as result:
                    for answer in self._answers(file, name):
                        result.write(answer)
                if self._stopped():
                    raise StoppedError
                self._storage.upload(made, source.output, self._plan.kms_key_id)
        except (InputDataError, OSError, EOFError, zlib.error) as error:
            self._log(f"{name}: ClientError: {error}")
            raise ObjectFailedError(client=True) from error
        except CompileError as error:
            self._log(f"{name}: {error}")
            raise ObjectFailedError(client=error.prefix.startswith("ClientError")) from error

    def _answers(self, file: BinaryIO, name: str) -> Iterator[bytes]:
        """What is stored for each request, in order; at most `concurrent` requests are under way."""
        plan = self._plan
        records = split(file, plan.split_type, plan.most_bytes)
        between = b"\n" if plan.split_type in TEXTS else b""
        under_way: deque[Future[bytes]] = deque()
        with ThreadPoolExecutor(plan.concurrent) as pool:
            try:
                for group in batches(records, plan.single, plan.most_bytes, between):
                    if len(under_way) == plan.concurrent:
                        yield under_way.popleft().result()
                    under_way.append(pool.submit(self._send, plan.body(group), name))
                while under_way:
                    yield under_way.popleft().result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _send(self, body: bytes, name: str) -> bytes:
        plan = self._plan
        invocation = Invocation(plan.content_type, plan.accept, plan.processing.request_body(body))
        answer: Answer | None = None
        for _ in range(1 + plan.retries):
            if self._stopped():
                raise StoppedError
            answer = self._invoke(invocation, plan.timeout_seconds)
            if answer is not None and answer.status < 500:
                break
        return self._stored(body, answer, name)

    def _stored(self, body: bytes, answer: Answer | None, name: str) -> bytes:
        """What is stored for an answer. Raises ObjectFailedError, StoppedError, InputDataError."""
        if answer == STOPPED:
            raise StoppedError
        if answer is None:
            seconds = f"{self._plan.timeout_seconds:g}"
            self._log(f"{name}: Model server did not respond to /invocations request within {seconds} seconds")
            raise ObjectFailedError(client=False)
        if answer.status != 200:
            client = answer.status < 500
            said = "ClientError" if client else "Bad HTTP status received from algorithm"
            for line in (f"{said}: {answer.status}", "", "Message:", answer.body.decode(errors="replace")):
                self._log(f"{name}: {line}")
            raise ObjectFailedError(client=client)
        stored = self._plan.processing.stored(body, answer.body, answer.content_type)
        if self._plan.assemble_with_line and not stored.endswith(b"\n"):
            stored += b"\n"
        return stored


@contextlib.contextmanager
def _opened(path: Path, compressed: bool) -> Iterator[BinaryIO]:
    with path.open("rb") as file:
        if not compressed:
            yield file
            return
        with gzip.open(file) as unpacked:
            yield cast("BinaryIO", unpacked)
