"""How much of a product is computed at once in registers: the cost model that chooses a tile."""

from __future__ import annotations

from dataclasses import dataclass

from neo_workers.compiler.cpu.machine import FLOAT_BYTES, Machine

L2_BYTES_PER_CYCLE = 32
LOOP_CYCLES = 1.0
"""Counter and branch of a step of the inner loop."""

STACK_MAX_BYTES = 1023
"""Largest array that TVM puts on the stack; a larger one would be allocated on the heap for every tile.
Source: kMaxStackAlloca in TVM's lower_tvm_builtin.cc."""


@dataclass(frozen=True)
class Tile:
    """`rows` of output points times `columns` of output channels; a packed weight has panels of `columns`."""

    rows: int
    columns: int

    @property
    def text(self) -> str:
        """As an annotation, e.g. "7x32"."""
        return f"{self.rows}x{self.columns}"

    @staticmethod
    def parse(text: str) -> Tile:
        """The inverse of `text`."""
        rows, columns = text.split("x")
        return Tile(int(rows), int(columns))


def cycles(machine: Machine, tile: Tile, rows: int, columns: int, streamed: bool) -> float | None:
    """Estimated cycles for one step of the sum, per useful result; None when the tile does not fit the registers.

    `streamed`: the weight's panel is read from the second-level cache.
    """
    lanes = machine.vector(tile.columns)
    vectors = tile.columns // lanes
    spare = vectors + 1 if vectors > 1 or not machine.memory_operands else 1
    if tile.rows * vectors + spare > machine.registers or tile.rows * tile.columns * FLOAT_BYTES > STACK_MAX_BYTES:
        return None
    compute = tile.rows * vectors / machine.fma_per_cycle
    loads = (vectors + tile.rows) / machine.loads_per_cycle
    memory = tile.columns * FLOAT_BYTES / L2_BYTES_PER_CYCLE if streamed else 0.0
    step = max(compute, loads, memory, machine.fma_latency) + LOOP_CYCLES / machine.unroll_k
    waste = _padded(rows, tile.rows) * _padded(columns, tile.columns) / (rows * columns)
    return step / (tile.rows * tile.columns) * waste


def choose(machine: Machine, rows: int, columns: int, depth: int) -> Tile:
    """The cheapest tile for `rows` output points in a line, `columns` channels and sums of `depth` products."""
    best: tuple[float, int, int] | None = None
    for width in _widths(machine, columns):
        streamed = width * depth * FLOAT_BYTES > machine.l1_bytes // 2
        for height in range(1, min(rows, machine.registers) + 1):
            cost = cycles(machine, Tile(height, width), rows, columns, streamed)
            if cost is not None and (best is None or (cost, -height, width) < best):
                best = (cost, -height, width)
    assert best is not None
    return Tile(-best[1], best[2])


def _widths(machine: Machine, columns: int) -> list[int]:
    """Panel widths worth a try: whole vectors, and half ones where they divide the channels."""
    lanes = machine.lanes
    whole = [count * lanes for count in range(1, 9) if count == 1 or (count - 1) * lanes < columns]
    part = [width for width in (lanes // 2, lanes * 3 // 2, lanes // 4) if width >= 4 and columns % width == 0]
    return whole + part


def _padded(size: int, step: int) -> int:
    return -(-size // step) * step
