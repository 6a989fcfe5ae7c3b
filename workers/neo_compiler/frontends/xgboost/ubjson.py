"""Reads UBJSON (draft 12), the form XGBoost saves models in: objects, arrays, typed arrays, texts and numbers.

Source: ubjson.org, and xgboost's src/common/json.cc, which writes 'L' (int64) lengths and typed arrays.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

_NUMBERS = {b"i": "b", b"U": "B", b"I": "h", b"l": "i", b"L": "q", b"d": "f", b"D": "d"}
"""Marker -> struct's format; all big-endian."""

_CONSTANTS = {b"Z": None, b"T": True, b"F": False}
MAX_DEPTH = 64


def decode(data: bytes) -> Any:
    """The value: dict, list, numpy array (a typed array), str, number, True, False or None. Raises ValueError."""
    try:
        return _Reader(data).value(0)
    except (struct.error, IndexError, KeyError, OverflowError) as error:
        raise ValueError(f"not UBJSON: {error}") from error


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0

    def value(self, depth: int, marker: bytes | None = None) -> Any:
        marker = marker or self._marker()
        if depth > MAX_DEPTH:
            raise ValueError("not UBJSON: nested too deeply")
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        if marker in _NUMBERS:
            return self._number(marker)
        if marker == b"S":
            return self._text()
        if marker == b"C":
            return self._take(1).decode("latin-1")
        if marker == b"[":
            return self._array(depth)
        if marker == b"{":
            return self._object(depth)
        raise ValueError(f"not UBJSON: marker {marker!r} at {self._at - 1}")

    def _object(self, depth: int) -> dict[str, Any]:
        kind, count = self._header()
        result: dict[str, Any] = {}
        while (count is None and not self._ends(b"}")) or (count is not None and len(result) < count):
            key = self._text()
            result[key] = self.value(depth + 1, kind)
        return result

    def _array(self, depth: int) -> Any:
        kind, count = self._header()
        if kind in _NUMBERS and count is not None:
            dtype = np.dtype(f">{_NUMBERS[kind]}")  # numpy's letters are struct's, but for int64
            return np.frombuffer(self._take(count * dtype.itemsize), dtype)
        result: list[Any] = []
        while (count is None and not self._ends(b"]")) or (count is not None and len(result) < count):
            result.append(self.value(depth + 1, kind))
        return result

    def _header(self) -> tuple[bytes | None, int | None]:
        """The optional type and count of what follows."""
        kind = count = None
        if self._ends(b"$"):
            kind = self._marker()
        if self._ends(b"#"):
            count = int(self._number(self._marker()))
            if not 0 <= count <= len(self._data):
                raise ValueError(f"not UBJSON: {count} elements")
        return kind, count

    def _text(self) -> str:
        length = int(self._number(self._marker()))
        return self._take(length).decode("utf-8", "replace")

    def _number(self, marker: bytes) -> Any:
        form = struct.Struct(f">{_NUMBERS[marker]}")
        return form.unpack(self._take(form.size))[0]

    def _marker(self) -> bytes:
        marker = b"N"
        while marker == b"N":  # no operation
            marker = self._take(1)
        return marker

    def _ends(self, marker: bytes) -> bool:
        """Whether `marker` comes next; if so, steps over it."""
        found = bytes(self._data[self._at : self._at + 1]) == marker
        self._at += found
        return found

    def _take(self, count: int) -> bytes:
        if count < 0 or self._at + count > len(self._data):
            raise ValueError("not UBJSON: it ends too early")
        self._at += count
        return bytes(self._data[self._at - count : self._at])
