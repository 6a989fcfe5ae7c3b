"""A request's body as arrays: JSON, TensorFlow Serving's REST format, npy, npz, csv and libsvm.

Invalid bodies raise ClientRequestError, which the container answers with status 400.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

JSON, NPY, NPZ, CSV = "application/json", "application/x-npy", "application/x-npz", "text/csv"
LIBSVM = ("text/libsvm", "text/x-libsvm")
DELIMITERS = ",;\t| "
INSTANCES, INPUTS = "instances", "inputs"
"""TensorFlow Serving's two formats: a row for each instance, or a column for each input."""


class ClientRequestError(ValueError):
    """The request's body is not valid for the model; the text says why."""


@dataclass(frozen=True)
class Signature:
    """The model's input names in order, and the number of columns of a table for it."""

    names: tuple[str, ...]
    columns: int  # elements of one row of the first input


@dataclass(frozen=True)
class Payload:
    """Arrays by input name, of any number type."""

    arrays: dict[str, Array]
    form: str = ""  # INSTANCES or INPUTS for TensorFlow Serving's formats
    table: bool = False  # csv or libsvm: inputs of more dimensions are flattened


def read(content_type: str, body: bytes, signature: Signature) -> Payload:
    """The arrays in a body. Raises ClientRequestError."""
    kind = content_type.partition(";")[0].strip().lower() or JSON
    if kind not in READERS:
        raise ClientRequestError(
            f"Invalid content type. Accepted content types are {', '.join(sorted(READERS))}. Received {content_type}"
        )
    try:
        return READERS[kind](body, signature)
    except ClientRequestError:
        raise
    except (ValueError, TypeError, OverflowError, RecursionError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ClientRequestError(f"the body is not valid {kind}: {error}") from error


def by_name(found: Mapping[str, Any], signature: Signature) -> dict[str, Array]:
    """The arrays by input name. Raises ClientRequestError, with both lists, for names other than the model's."""
    if set(found) != set(signature.names):
        raise ClientRequestError(
            f"input names do not match: the model expects {sorted(signature.names)}, the request has {sorted(found)}"
        )
    return {name: _numbers(value, name) for name, value in found.items()}


def only(value: Any, signature: Signature) -> dict[str, Array]:
    """`value` as the model's only input. Raises ClientRequestError for a model with several."""
    if len(signature.names) != 1:
        raise ClientRequestError(f"the model has several inputs: the body must name each of {sorted(signature.names)}")
    return {signature.names[0]: _numbers(value, signature.names[0])}


def _numbers(value: Any, name: str) -> Array:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ClientRequestError(f"input {name} has rows of different lengths") from error
    if array.dtype.kind not in "biuf":
        raise ClientRequestError(f"input {name} must contain numbers")
    return array


def _json(body: bytes, signature: Signature) -> Payload:
    value = json.loads(body)
    if not isinstance(value, dict):
        return Payload(only(value, signature))
    if set(value) == set(signature.names):
        return Payload(by_name(value, signature))
    if INSTANCES in value:
        return Payload(_instances(value[INSTANCES], signature), INSTANCES)
    if INPUTS in value:
        given = value[INPUTS]
        found = by_name(given, signature) if isinstance(given, dict) else only(given, signature)
        return Payload(found, INPUTS)
    return Payload(by_name(value, signature))


def _instances(rows: Any, signature: Signature) -> dict[str, Array]:
    """Source: "Specifying input tensors in row format" of TensorFlow Serving's RESTful API."""
    if not isinstance(rows, list) or not rows:
        raise ClientRequestError('"instances" must be a list with at least one row')
    if not all(isinstance(row, dict) for row in rows):
        return only(rows, signature)
    for row in rows:
        by_name(row, signature)
    return {name: _numbers([row[name] for row in rows], name) for name in signature.names}


def _npy(body: bytes, signature: Signature) -> Payload:
    return Payload(only(np.load(io.BytesIO(body), allow_pickle=False), signature))


def _npz(body: bytes, signature: Signature) -> Payload:
    with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
        return Payload(by_name({name: arrays[name] for name in arrays.files}, signature))


def _csv(body: bytes, signature: Signature) -> Payload:
    lines = [line for line in body.decode("utf-8-sig").splitlines() if line.strip()]
    if not lines:
        raise ClientRequestError("the body has no rows")
    delimiter = next((sign for sign in DELIMITERS if sign in lines[0].strip()), DELIMITERS[0])
    rows = [[_cell(cell) for cell in line.split(delimiter)] for line in lines]
    return Payload(only(rows, signature), table=True)


def _cell(text: str) -> float:
    """A number; NaN for an empty cell, which is a missing value."""
    text = text.strip().strip('"')
    return float(text) if text else float("nan")


def _libsvm(body: bytes, signature: Signature) -> Payload:
    """Columns count from 0, missing columns are NaN, words without a colon (labels) are ignored.

    Source: the XGBoost handler of neo-ai-dlr's container.
    """
    lines = [line for line in body.decode().splitlines() if line.strip()]
    if not lines:
        raise ClientRequestError("the body has no rows")
    table = np.full((len(lines), signature.columns), np.nan)
    for number, line in enumerate(lines):
        for word in line.split():
            index, colon, value = word.partition(":")
            if not colon:
                continue
            if not 0 <= int(index) < signature.columns:
                raise ClientRequestError(f"row {number + 1} has column {index}; the model has {signature.columns}")
            table[number, int(index)] = float(value)
    return Payload(only(table, signature), table=True)


READERS: dict[str, Callable[[bytes, Signature], Payload]] = {
    JSON: _json,
    NPY: _npy,
    NPZ: _npz,
    CSV: _csv,
    **dict.fromkeys(LIBSVM, _libsvm),
}
"""Readers by content type."""
