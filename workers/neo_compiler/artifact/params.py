"""compiled.params: TVM's parameter file with each array's data aligned to 64 bytes, so that libdlr can map it.

Padding arrays `_pad<i>` create the alignment; `tvm.runtime.load_param_dict_from_file` can read the file.
Source: TVM's src/runtime/file_utils.cc (SaveParams) and tensor.h (Save).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neo_compiler.codegen.static_plan import ALIGN_BYTES, BITS

PAD = "_pad"
"""Prefix of the names of padding arrays."""

_LIST_MAGIC, _TENSOR_MAGIC = 0xF7E58D4F05049CB7, 0xDD5E40F096B4A13F
_CPU = 1
_CODES = {"int": 0, "uint": 1, "float": 2, "bfloat": 4, "bool": 6}
"""DLPack's type codes."""


def write(arrays: Mapping[str, npt.NDArray[Any]], path: Path) -> dict[str, int]:
    """Writes the file. Returns the offset of each array's data in bytes.

    Raises ValueError for a data type that TVM does not have.
    """
    names = [name for index, key in enumerate(arrays) for name in (f"{PAD}{index}", key)]
    offsets: dict[str, int] = {}
    with path.open("wb") as file:
        file.write(struct.pack("<QQ", _LIST_MAGIC, 0) + _count(len(names)))
        for name in names:
            file.write(_count(len(name.encode())) + name.encode())
        file.write(_count(len(names)))
        for name, array in arrays.items():
            header = _header(str(array.dtype), array.shape, array.nbytes)
            before = file.tell() + len(_header("uint8", (0,), 0)) + len(header)
            padding = -before % ALIGN_BYTES
            file.write(_header("uint8", (padding,), padding) + bytes(padding) + header)
            offsets[name] = file.tell()
            if array.nbytes:
                file.write(np.ascontiguousarray(array).view(np.uint8).data)
    return offsets


def _header(dtype: str, shape: tuple[int, ...], size_bytes: int) -> bytes:
    if dtype not in BITS:
        raise ValueError(f"TVM's parameter file has no data type {dtype}")
    code = _CODES[dtype.rstrip("0123456789")]
    start = struct.pack("<QQiiiBBH", _TENSOR_MAGIC, 0, _CPU, 0, len(shape), code, BITS[dtype], 1)
    return start + struct.pack(f"<{len(shape)}q", *shape) + struct.pack("<q", size_bytes)


def _count(number: int) -> bytes:
    return struct.pack("<Q", number)
