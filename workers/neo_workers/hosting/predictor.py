"""A loaded artifact with its container's interface: request bodies in, response bodies out.

A compiled batch is fixed. If it is 1, and for tables (XGBOOST, SKLEARN) of any compiled batch, a request of n rows
runs as often as needed; any other shape than the compiled one is refused.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from neo_workers.hosting import answer_formats
from neo_workers.hosting.invocations import Answer, Invocation
from neo_workers.hosting.request_formats import (
    CSV,
    LIBSVM,
    ClientRequestError,
    Payload,
    Signature,
    read,
)

Array = npt.NDArray[Any]

TABLES = frozenset({"XGBOOST", "SKLEARN"})
"""Frameworks whose rows are independent of each other, whatever the batch size."""
TEXT = "text/plain"
log = logging.getLogger(__name__)


class Tensor(Protocol):
    """An input or output of the artifact, as described in its metadata."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Its shape, None if it is unknown before run time."""

    @property
    def dtype(self) -> str:
        """numpy's name of its type."""


class Predictor:
    """Answers requests with a model. Not thread-safe."""

    def __init__(
        self,
        framework: str,
        inputs: tuple[Tensor, ...],
        outputs: tuple[Tensor, ...],
        run: Callable[[Mapping[str, Array]], Mapping[str, Array]],
    ) -> None:
        self._framework, self._inputs, self._outputs, self._run = framework, inputs, outputs, run
        first = inputs[0].shape or ()
        self._signature = Signature(tuple(item.name for item in inputs), math.prod(first[1:]))
        self._batch = self._compiled_batch()

    def answer(self, invocation: Invocation) -> Answer:
        """The container's response: 400 for errors of the caller, 500 for all others. Never raises."""
        try:
            if self._framework == "XGBOOST":
                kind, body = self._answer_table(invocation)
            else:
                payload = read(invocation.content_type, invocation.body, self._signature)
                kind, body = answer_formats.write(self.predict(payload), invocation.accept, payload.form)
            return Answer(200, kind, body)
        except ClientRequestError as error:
            return Answer(400, TEXT, f"ClientError: {error}".encode())
        except Exception as error:
            log.exception("the model failed")
            return Answer(500, TEXT, f"{type(error).__name__}: {error}".encode())

    def _answer_table(self, invocation: Invocation) -> tuple[str, bytes]:
        kind = invocation.content_type.partition(";")[0].strip().lower()
        if kind not in (CSV, *LIBSVM):
            raise ClientRequestError(
                'Invalid content type. Accepted content types are "text/libsvm" and "text/csv". '
                f"Received {invocation.content_type}"
            )
        return answer_formats.xgboost_csv(self.predict(read(kind, invocation.body, self._signature)))

    def predict(self, payload: Payload) -> dict[str, Array]:
        """The outputs by name, in the model's order. Raises ClientRequestError for wrong shapes."""
        shaped = {item.name: self._shaped(item, payload.arrays[item.name], payload.table) for item in self._inputs}
        arrays = {item.name: _cast(shaped[item.name], item) for item in self._inputs}
        if all(item.shape is None or arrays[item.name].shape == item.shape for item in self._inputs):
            return self._ordered(self._run(arrays))
        rows = {len(array) for array in arrays.values()}
        if self._batch is None or len(rows) != 1:
            raise ClientRequestError(self._wrong_shape(arrays))
        return self._in_batches(arrays, rows.pop())

    def _in_batches(self, arrays: dict[str, Array], rows: int) -> dict[str, Array]:
        batch = self._batch or 1
        if rows == 0:
            raise ClientRequestError("the request has no rows")
        parts = []
        for start in range(0, rows, batch):
            part = {name: array[start : start + batch] for name, array in arrays.items()}
            missing = batch - min(batch, rows - start)
            if missing:  # rows of a table are independent: the last batch is padded with its last row
                part = {name: np.concatenate([a, np.repeat(a[-1:], missing, axis=0)]) for name, a in part.items()}
            outputs = self._ordered(self._run(part))
            parts.append({name: array[: batch - missing] for name, array in outputs.items()})
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _compiled_batch(self) -> int | None:
        """How many rows one run takes, None if the inputs have no batch dimension in common."""
        sizes = {item.shape[0] if item.shape else None for item in (*self._inputs, *self._outputs)}
        batch = sizes.pop() if len(sizes) == 1 else None
        return batch if batch == 1 or self._framework in TABLES else None

    def _shaped(self, item: Tensor, array: Array, table: bool) -> Array:
        """The array with the input's dimensions: adds the batch dimension of a single row, reshapes a table's rows.

        Raises ClientRequestError.
        """
        shape = item.shape
        if shape is None or array.shape == shape:
            return array
        if table and array.size == math.prod(shape):
            return array.reshape(shape)
        if table and array.shape[1] == math.prod(shape[1:]):
            return array.reshape(len(array), *shape[1:])
        if shape[:1] == (1,) and array.shape == shape[1:]:
            return array[np.newaxis]
        if array.ndim == len(shape) and array.shape[1:] == shape[1:]:
            return array
        raise ClientRequestError(self._wrong_shape({item.name: array}))

    def _wrong_shape(self, arrays: Mapping[str, Array]) -> str:
        given = ", ".join(f"{name} {list(array.shape)}" for name, array in arrays.items())
        wanted = ", ".join(f"{item.name} {list(item.shape or ())} {item.dtype}" for item in self._inputs)
        return f"input shapes do not match: the model is compiled for {wanted}; the request has {given}"

    def _ordered(self, outputs: Mapping[str, Array]) -> dict[str, Array]:
        return {item.name: outputs[item.name] for item in self._outputs}


def _cast(array: Array, item: Tensor) -> Array:
    """The array in the input's type. Raises ClientRequestError if that would change integer values."""
    dtype = np.dtype(item.dtype)
    with np.errstate(all="ignore"):
        made = array.astype(dtype)
    if dtype.kind in "biu" and not np.array_equal(made, array):
        raise ClientRequestError(
            f"input {item.name} takes {item.dtype}; the request has values that this type cannot represent"
        )
    return made
