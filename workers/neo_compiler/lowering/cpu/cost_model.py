"""The cost model that chooses a tile: the part of a product that is computed at once in registers."""

from __future__ import annotations

from dataclasses import dataclass

from neo_compiler.lowering.cpu.cpu_model import FLOAT_BYTES, Machine

L2_BYTES_PER_CYCLE = 32
MEMORY_BYTES_PER_CYCLE = 8
"""Bytes per cycle that a core reads of a prefetched weight that is larger than its second-level cache."""

ISSUE_PER_CYCLE = 4
"""Instructions that a core issues per cycle."""

LOOP_CYCLES = 1.0
"""Instructions for the counter and branch of the inner loop."""

STACK_MAX_BYTES = 1023
"""Largest array that TVM puts on the stack; a larger one would be allocated on the heap for every tile.
Source: kMaxStackAlloca in TVM's lower_tvm_builtin.cc."""


DIRECT_EFFICIENCY, WINOGRAD_EFFICIENCY = 0.85, 0.7
"""Fractions of the peak performance that the inner loops reach."""

TURNING_CYCLES = 6.0
"""Cycles per point of a transformed tile and vector of channels, at one operation per cycle."""

WINOGRAD_MAX_BYTES = 8 << 20
"""Maximum size of a weight to transform: a transformed one has 1.8 or 4 times the size."""


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


def cycles(machine: Machine, tile: Tile, rows: int, columns: int, depth: int, lines: int) -> float | None:
    """Estimated cycles for one step of the sum, per useful result; None when the tile does not fit the registers.

    A panel of the weight is read once for each tile of rows. It comes from the first-level cache, the second, or,
    when the weight fits neither, the first time from memory: every time when panels are not the outer loop, which
    they are not when they do not divide the columns.
    """
    lanes = machine.vector(tile.columns)
    vectors = tile.columns // lanes
    spare = vectors + 1 if vectors > 1 or not machine.memory_operands else 1
    if machine.by_element:
        spare = vectors + tile.rows
    if tile.rows * vectors + spare > machine.registers or tile.rows * tile.columns * FLOAT_BYTES > STACK_MAX_BYTES:
        return None
    compute = tile.rows * vectors / machine.fma_per_cycle
    if machine.overwrites:  # a copy, a product and a sum for each vector of the tile
        compute = max(compute, (3 * tile.rows * vectors + 2 * tile.rows + vectors) / ISSUE_PER_CYCLE)
    data = tile.rows / machine.unroll_k if machine.by_element else tile.rows
    loads = (vectors + data) / machine.loads_per_cycle
    step_bytes, passes = tile.columns * FLOAT_BYTES, -(-rows // tile.rows) * lines
    streamed = step_bytes * depth > machine.l1_bytes // 2
    far = step_bytes / MEMORY_BYTES_PER_CYCLE if columns * depth * FLOAT_BYTES > machine.l2_bytes else 0.0
    busy = max(compute, loads, step_bytes / L2_BYTES_PER_CYCLE if streamed else 0.0, machine.fma_latency)
    first = 1.0 if columns % tile.columns else 1.0 / passes
    step = busy + first * max(0.0, far - busy) + LOOP_CYCLES / machine.unroll_k
    waste = _padded(rows, tile.rows) * _padded(columns, tile.columns) / (rows * columns)
    return step / (tile.rows * tile.columns) * waste


def choose(machine: Machine, rows: int, columns: int, depth: int, lines: int = 1, whole: bool = False) -> Tile:
    """The cheapest tile for `lines` of `rows` output points, `columns` channels and sums of `depth` products.

    `whole`: only tiles that divide a line and the channels, these filled up to whole vectors.
    """
    return candidates(machine, rows, columns, depth, lines, whole)[0]


def candidates(
    machine: Machine, rows: int, columns: int, depth: int, lines: int = 1, whole: bool = False
) -> list[Tile]:
    """All tiles that `choose` considers, the cheapest first."""
    found: list[tuple[float, int, int]] = []
    if whole:
        columns = _padded(columns, machine.lanes)
    for width in _widths(machine, columns):
        if whole and columns % width:
            continue
        for height in range(1, min(rows, machine.registers) + 1):
            if whole and rows % height:
                continue
            cost = cycles(machine, Tile(height, width), rows, columns, depth, lines)
            if cost is not None:
                found.append((cost, -height, width))
    assert found
    return [Tile(-height, width) for _, height, width in sorted(found)]


def _widths(machine: Machine, columns: int) -> list[int]:
    """Panel widths to consider: full vectors, and half ones if they divide the channels."""
    lanes = machine.lanes
    whole = [count * lanes for count in range(1, 9) if count == 1 or (count - 1) * lanes < columns]
    part = [width for width in (lanes // 2, lanes * 3 // 2, lanes // 4) if width >= 4 and columns % width == 0]
    return whole + part


def _padded(size: int, step: int) -> int:
    return -(-size // step) * step


def winograd_size(machine: Machine, data: list[int], weight: list[int], window: list[list[int]]) -> int:
    """The m of the Winograd tile that pays for data [N, H, W, I] and weight [kH, kW, I, O], 0 when none does.

    Compared are multiplications, transformations and what must be read of the weight, in cycles.
    """
    kernel_h, kernel_w, inputs, channels = weight
    strides, padding, dilation = window
    if (kernel_h, kernel_w) != (3, 3) or strides != [1, 1] or dilation != [1, 1] or machine.lanes < 4:
        return 0
    if inputs % machine.half or channels % machine.half:
        return 0
    channels = _padded(channels, machine.lanes)
    out_h, out_w = data[1] + padding[0] + padding[2] - 2, data[2] + padding[1] + padding[3] - 2
    pairs = inputs * channels / machine.lanes / machine.fma_per_cycle

    def read(elements: int) -> float:
        size_bytes = elements * inputs * channels * FLOAT_BYTES
        return size_bytes / MEMORY_BYTES_PER_CYCLE if size_bytes > machine.l2_bytes else 0.0

    best, chosen = max(out_h * out_w * data[0] * 9 * pairs / DIRECT_EFFICIENCY, read(9)), 0
    for size in (2, 4):
        points = (size + 2) ** 2
        count = data[0] * -(-out_h // size) * -(-out_w // size)
        turning = count * points * TURNING_CYCLES * (inputs + channels) / machine.lanes / machine.fma_per_cycle
        cost = max(count * points * pairs / WINOGRAD_EFFICIENCY, read(points)) + turning
        if cost < best and points * inputs * channels * FLOAT_BYTES <= WINOGRAD_MAX_BYTES:
            best, chosen = cost, size
    return chosen
