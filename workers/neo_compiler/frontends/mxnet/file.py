"""Reads MXNet's two files: the graph in <prefix>-symbol.json, the arrays in <prefix>-0000.params.

.params, little endian: u64 magic, u64 0, u64 count, the arrays; u64 count, the names (u64 length and bytes).
An array: u32 magic; storage type (V2, V3), dimensions, device, i32 type, raw values. Source: Apache MXNet 1.9.1,
NDArray::Save and NDArray::LegacyLoad.
"""

from __future__ import annotations

import ast
import json
import math
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from neo_compiler.frontends.base import Array

LIST_MAGIC = 0x112
V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
DTYPES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool")
MAX_RANK = 32


class SavedParameters(ValueError):  # noqa: N818 - it is what the file is
    """The .params come from Block.save_parameters(), which names arrays in another way than export()."""


@dataclass(frozen=True)
class Node:
    """One node of the graph; an op "null" is an input or a weight."""

    op: str
    name: str
    inputs: list[tuple[int, int]]  # (node, which of its results)
    attributes: dict[str, str] = field(default_factory=dict)

    def integer(self, key: str, default: int | None = None) -> int:
        """A number; True and False count. Raises ValueError when there is none and no default."""
        return int(self.number(key, default))

    def number(self, key: str, default: float | None = None) -> float:
        """The attribute as a number. Raises ValueError if it is not one, or is absent and there is no default."""
        value = self.value(key, default)
        if not isinstance(value, int | float):
            raise ValueError(f"its attribute {key} is {self.attributes.get(key)!r}, not a number")
        return float(value) if isinstance(value, float) else value

    def flag(self, key: str, default: bool = False) -> bool:
        """The attribute as a bool, `default` if it is absent."""
        return bool(self.value(key, default))

    def integers(self, key: str, default: list[int] | None = None) -> list[int]:
        """A tuple of numbers, or one number as a list."""
        value = self.value(key, None)
        if value in (None, ()) and default is not None:
            return default
        items = list(value) if isinstance(value, tuple | list) else [value]
        if not all(isinstance(item, int) for item in items):
            raise ValueError(f"its attribute {key} is {self.attributes.get(key)!r}, not a list of numbers")
        return [int(item) for item in items]

    def value(self, key: str, default: Any) -> Any:
        """The attribute as Python reads it (numbers, tuples, True, None), else its text."""
        text = self.attributes.get(key)
        if text is None:
            return default
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return {"true": True, "false": False}.get(text, text)

    def text(self, key: str, default: str) -> str:
        """The attribute's text as in the file, `default` if it is absent."""
        return self.attributes.get(key, default)


@dataclass(frozen=True)
class Symbol:
    """The graph."""

    nodes: list[Node]  # each after those that it reads
    heads: list[tuple[int, int]]
    version: str


def read_symbol(path: Path) -> Symbol:
    """The graph of a -symbol.json. Raises ValueError for another file."""
    try:
        graph = json.loads(path.read_text(encoding="utf-8"))
        nodes = [_node(item) for item in graph["nodes"]]
        heads = [(int(head[0]), int(head[1])) for head in graph["heads"]]
        version = graph.get("attrs", {}).get("mxnet_version", ["int", 0])[1]
    except (KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path.name} is not the graph of an MXNet model ({type(error).__name__}: {error})") from error
    for index, node in enumerate(nodes):
        if any(not 0 <= source < index for source, _ in node.inputs):
            raise ValueError(f"{path.name}: node {node.name} reads a node that does not come before it")
    if not heads or any(not 0 <= index < len(nodes) for index, _ in heads):
        raise ValueError(f"{path.name} names no result")
    number = int(version)
    return Symbol(nodes, heads, f"{number // 10000}.{number // 100 % 100}.{number % 100}")


def _node(item: dict[str, Any]) -> Node:
    attributes = item.get("attrs") or item.get("attr") or item.get("param") or {}
    texts = {str(key): str(value) for key, value in attributes.items()}
    return Node(item["op"], item["name"], [(int(i[0]), int(i[1])) for i in item["inputs"]], texts)


def read_params(path: Path) -> dict[str, Array]:
    """The arrays by name, without "arg:" and "aux:". Raises ValueError; SavedParameters for those of another call."""
    reader = _Reader(path.read_bytes())
    try:
        magic, _, count = reader.take("<QQQ")
        if magic != LIST_MAGIC:
            raise ValueError(f"{path.name} is not an MXNet .params file")
        arrays = [reader.array() for _ in range(count)]
        names = [reader.text() for _ in range(reader.take("<Q")[0])]
    except (struct.error, UnicodeDecodeError, IndexError) as error:
        raise ValueError(f"{path.name} ends too soon or is damaged ({error})") from error
    if len(names) != len(arrays):
        raise SavedParameters(f"{path.name} has {len(arrays)} arrays and {len(names)} names")
    if not all(name.startswith(("arg:", "aux:")) for name in names):
        raise SavedParameters(f"{path.name} names its arrays without arg: and aux:")
    return {name[4:]: array for name, array in zip(names, arrays, strict=True) if array is not None}


class _Reader:
    """Bytes and how far they are read."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, layout: str) -> tuple[int, ...]:
        values = struct.unpack_from(layout, self._data, self._at)
        self._at += struct.calcsize(layout)
        return values

    def text(self) -> str:
        return self._raw(self.take("<Q")[0]).decode("utf-8")

    def array(self) -> Array | None:
        """The next array; None for one without values."""
        magic = self.take("<I")[0]
        if magic in (V2, V3) and self.take("<i")[0] != 0:
            raise ValueError("it holds a sparse array, which is not available")
        if magic in (V1, V2, V3):
            (rank,) = self.take("<i")
            size = "q"
        else:
            rank, size = magic, "I"
        if rank < 0 or (rank == 0 and magic != V3):
            return None
        if rank > MAX_RANK:
            raise ValueError(f"it holds an array of {rank} dimensions")
        shape = self.take(f"<{rank}{size}")
        _, _, kind = self.take("<iii")
        dtype = np.dtype(DTYPES[kind]).newbyteorder("<")
        if any(length < 0 for length in shape):
            raise ValueError(f"it holds an array of shape {list(shape)}")
        return np.frombuffer(self._raw(math.prod(shape) * dtype.itemsize), dtype).reshape(shape)

    def _raw(self, size: int) -> bytes:
        if self._at + size > len(self._data):
            raise struct.error(f"{size} bytes wanted, {len(self._data) - self._at} are left")
        self._at += size
        return self._data[self._at - size : self._at]
