"""The checksums that S3 takes of an object: bytes of a digest by the algorithm's name.

Source: "Checking object integrity in Amazon S3" of the user guide; the polynomials of CRC-32C (RFC 3720) and
CRC-64/NVME (NVM Express, "64b CRC"), both reflected.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from functools import lru_cache

_LANES = 4096
"""Parts of the data that are worked through side by side."""


def _crc32(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "big")


def crc(data: bytes, bits: int, polynomial: int) -> bytes:
    """A reflected CRC that begins with ones and is inverted at the end."""
    mask = (1 << bits) - 1
    state, whole = mask, len(data) // _LANES
    if whole >= 8:
        state = _by_lanes(data[: whole * _LANES], whole, bits, polynomial)
        data = data[whole * _LANES :]
    table = _table(bits, polynomial)
    for byte in data:
        state = table[(state ^ byte) & 255] ^ (state >> 8)
    return (state ^ mask).to_bytes(bits // 8, "big")


def _by_lanes(data: bytes, length: int, bits: int, polynomial: int) -> int:
    """The CRC's state after `data`, which has _LANES parts of `length` bytes."""
    import numpy as np

    kind = np.dtype(f"u{bits // 8}").type
    table = np.array(_table(bits, polynomial), kind)
    columns = np.frombuffer(data, np.uint8).reshape(_LANES, length).T.copy()
    states = np.zeros(_LANES, kind)
    states[0] = (1 << bits) - 1
    for column in columns:
        states = table[(states ^ column) & kind(255)] ^ (states >> kind(8))
    # a part's contribution to the whole is its state, advanced over all bytes after it
    moves, parts = _moves(length, bits, polynomial), [int(state) for state in states]
    while len(parts) > 1:
        parts = [_apply(moves, left) ^ right for left, right in zip(parts[::2], parts[1::2], strict=True)]
        moves = [_apply(moves, row) for row in moves]
    return parts[0]


@lru_cache(maxsize=4)
def _table(bits: int, polynomial: int) -> list[int]:
    rows = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
        rows.append(value)
    return rows


def _apply(matrix: list[int], vector: int) -> int:
    result = 0
    for row in matrix:
        if vector & 1:
            result ^= row
        vector >>= 1
        if not vector:
            break
    return result


def _moves(length: int, bits: int, polynomial: int) -> list[int]:
    """What `length` zero bytes make of each bit of a state: a matrix over GF(2)."""
    table = _table(bits, polynomial)
    step = [table[(1 << bit) & 255] ^ ((1 << bit) >> 8) for bit in range(bits)]
    result = [1 << bit for bit in range(bits)]
    while length:
        if length & 1:
            result = [_apply(step, row) for row in result]
        step = [_apply(step, row) for row in step]
        length >>= 1
    return result


DIGESTS: dict[str, Callable[[bytes], bytes]] = {
    "CRC32": _crc32,
    "CRC32C": lambda data: crc(data, 32, 0x82F63B78),
    "CRC64NVME": lambda data: crc(data, 64, 0x9A6C9329AC4BC9B5),
    "SHA1": lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    "SHA256": lambda data: hashlib.sha256(data).digest(),
}
"""Every algorithm that is verified."""
SIZES: dict[str, int] = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}
"""Bytes of a digest."""
