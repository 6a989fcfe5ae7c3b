"""Outputs as a response body: JSON, TensorFlow Serving's REST format, npy, npz, csv, and XGBoost's csv."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from neo_workers.hosting.request_formats import CSV, INPUTS, INSTANCES, JSON, NPY, NPZ, ClientRequestError

Array = npt.NDArray[Any]
Outputs = Mapping[str, Array]
"""In the model's order."""


def write(outputs: Outputs, accept: str, form: str) -> tuple[str, bytes]:
    """Content type and body. JSON unless `accept` asks for another. Raises ClientRequestError for unsupported types."""
    wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    for kind in wanted:
        if kind in WRITERS:
            return kind, WRITERS[kind](outputs)
        if kind in ("", "*/*", "application/*", JSON):
            return JSON, _tensorflow(outputs, form) if form else _json(outputs)
    raise ClientRequestError(
        f"Invalid accept type. Accepted types are {', '.join([JSON, *sorted(WRITERS)])}. Received {accept}"
    )


def xgboost_csv(outputs: Outputs) -> tuple[str, bytes]:
    """One line for each row; a single column as one line. Source: the XGBoost handler of neo-ai-dlr's container."""
    (scores,) = outputs.values()
    table = scores.reshape(len(scores), -1) if scores.ndim else scores.reshape(1, 1)
    if table.shape[1] == 1:
        table = table.reshape(1, -1)
    text = io.StringIO()
    np.savetxt(text, table, delimiter=",")
    return CSV, text.getvalue().encode()


def _json(outputs: Outputs) -> bytes:
    """The only output, or the list of all."""
    values = [array.tolist() for array in outputs.values()]
    return json.dumps(values[0] if len(values) == 1 else values).encode()


def _tensorflow(outputs: Outputs, form: str) -> bytes:
    """Source: "Predict API" of TensorFlow Serving's RESTful API."""
    named = {name: array.tolist() for name, array in outputs.items()}
    if form == INPUTS:
        return json.dumps({"outputs": next(iter(named.values())) if len(named) == 1 else named}).encode()
    assert form == INSTANCES
    if len(named) == 1:
        return json.dumps({"predictions": next(iter(named.values()))}).encode()
    rows = zip(*named.values(), strict=True)
    return json.dumps({"predictions": [dict(zip(named, row, strict=True)) for row in rows]}).encode()


def _npy(outputs: Outputs) -> bytes:
    if len(outputs) != 1:
        raise ClientRequestError(f"{NPY} contains one array and the model has {len(outputs)} outputs: accept {NPZ}")
    buffer = io.BytesIO()
    np.save(buffer, next(iter(outputs.values())), allow_pickle=False)
    return buffer.getvalue()


def _npz(outputs: Outputs) -> bytes:
    buffer = io.BytesIO()
    arrays: dict[str, Any] = dict(outputs)
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _csv(outputs: Outputs) -> bytes:
    if len(outputs) != 1:
        raise ClientRequestError(f"{CSV} contains one table and the model has {len(outputs)} outputs: accept {NPZ}")
    (array,) = outputs.values()
    table = array.reshape(1, -1) if array.ndim < 2 else array.reshape(len(array), -1)
    return "".join(",".join(map(str, row)) + "\n" for row in table.tolist()).encode()


WRITERS: dict[str, Callable[[Outputs], bytes]] = {NPY: _npy, NPZ: _npz, CSV: _csv}
"""Writers by content type; JSON is separate because it has two formats."""
