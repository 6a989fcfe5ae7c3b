"""Assigns storages to offsets in one arena; those that are never live at the same time may overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neo_compiler.codegen.static_plan import aligned

NEVER, ALWAYS = -1, 1 << 60


@dataclass
class Storage:
    """Memory planned by TVM, and its live range in calls."""

    size_bytes: int
    first: int = ALWAYS  # index of the first call that uses it; ALWAYS: live from the start
    last: int = NEVER  # index of the last call

    def use(self, call: int) -> None:
        """Extends the live range to `call`."""
        self.first, self.last = min(self.first, call), max(self.last, call)

    def meets(self, other: Storage) -> bool:
        """Whether the live ranges overlap."""
        return self.first <= other.last and other.first <= self.last


def place(storages: Sequence[Storage]) -> tuple[list[int], int]:
    """Each storage's offset and the arena's size, in bytes. Greedy: the largest first, at the lowest free offset."""
    offsets = [0] * len(storages)
    placed: list[int] = []
    size_bytes = 0
    for index in sorted(range(len(storages)), key=lambda index: -storages[index].size_bytes):
        storage, offset = storages[index], 0
        busy = sorted(
            (offsets[other], storages[other].size_bytes) for other in placed if storages[other].meets(storage)
        )
        for start, length in busy:
            if offset + storage.size_bytes <= start:
                break
            offset = max(offset, aligned(start + length))
        offsets[index] = offset
        placed.append(index)
        size_bytes = max(size_bytes, aligned(offset + storage.size_bytes))
    return offsets, size_bytes
