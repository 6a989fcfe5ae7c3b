"""Runs a static artifact by its own libdlr, as the dlr package does: with ctypes, without tvm.

A model is not thread-safe.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

CPU = 1


class DlrError(RuntimeError):
    """An error message of libdlr."""


class Model:
    """A loaded model."""

    def __init__(self, folder: Path, library: str) -> None:
        """Loads the model in `folder` through its `library`. Raises DlrError."""
        self._library = ctypes.CDLL(str(folder / library))
        self._library.DLRGetLastError.restype = ctypes.c_char_p
        self._handle = ctypes.c_void_p()
        self._call("CreateDLRModel", str(folder).encode(), CPU, 0)
        self._close = weakref.finalize(self, self._library.DeleteDLRModel, ctypes.byref(self._handle))
        self._outputs = [self._output(index) for index in range(self._count("GetDLRNumOutputs"))]

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs by name. The inputs must have the model's shapes and types. Raises DlrError."""
        for name, array in inputs.items():
            data = np.asarray(array, order="C")
            shape = (ctypes.c_int64 * data.ndim)(*data.shape)
            self._call("SetDLRInput", name.encode(), shape, ctypes.c_void_p(data.ctypes.data), data.ndim)
        self.execute()
        results = {}
        for index, (name, array) in enumerate(self._outputs):
            results[name] = np.empty_like(array)
            self._call("GetDLROutput", index, ctypes.c_void_p(results[name].ctypes.data))
        return results

    def execute(self) -> None:
        """Runs the model again on the inputs of the last `run`, for timing. Raises DlrError."""
        self._call("RunDLRModel")

    def close(self) -> None:
        """Frees the model; it cannot be used afterwards."""
        self._close()

    def _call(self, function: str, *arguments: Any) -> None:
        if getattr(self._library, function)(ctypes.byref(self._handle), *arguments):
            raise DlrError(self._library.DLRGetLastError().decode("ascii"))

    def _count(self, function: str) -> int:
        count = ctypes.c_int()
        self._call(function, ctypes.byref(count))
        return count.value

    def _text(self, function: str, index: int) -> str:
        text = ctypes.c_char_p()
        self._call(function, index, ctypes.byref(text))
        return (text.value or b"").decode()

    def _output(self, index: int) -> tuple[str, Array]:
        """An output's name, and an empty array of its shape and type."""
        size, dim = ctypes.c_int64(), ctypes.c_int()
        self._call("GetDLROutputSizeDim", index, ctypes.byref(size), ctypes.byref(dim))
        shape = (ctypes.c_int64 * dim.value)()
        self._call("GetDLROutputShape", index, shape)
        return self._text("GetDLROutputName", index), np.empty(list(shape), self._text("GetDLROutputType", index))
