"""Reads the parts of a Windows DLL that identify its machine. Pure Python, no dependency.

Source: Microsoft's PE Format specification.
"""

from __future__ import annotations

import struct

AMD64, I386 = 0x8664, 0x14C
_SIGNATURE_AT = 0x3C


class PeError(ValueError):
    """The bytes are not a PE file, or are truncated."""


def machine(data: bytes) -> int:
    """The COFF header's Machine, e.g. AMD64. Raises PeError."""
    if len(data) < _SIGNATURE_AT + 4 or data[:2] != b"MZ":
        raise PeError("not a PE file")
    (start,) = struct.unpack_from("<I", data, _SIGNATURE_AT)
    if data[start : start + 4] != b"PE\0\0" or len(data) < start + 6:
        raise PeError("not a PE file")
    (value,) = struct.unpack_from("<H", data, start + 4)
    return int(value)
