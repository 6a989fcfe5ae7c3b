"""Products as tensor expressions whose axes are those of a tile; `schedules` knows them by the annotation KIND.

A convolution is the product of an image seen as a matrix (a row per point of the result, a column per tap and channel)
and the weight. That matrix is never in memory: a block of threads computes the part it needs when it loads it.
Sizes are rounded up to whole tiles, with zeros at the ends; the last stage gives the result its true size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tvm import te, tirx

from neo_compiler.lowering.gpu.cost_model import LANES, Tile
from neo_compiler.passes.convolution import output_size
from neo_compiler.tvm_types import Tensor

KIND, TILE, VECTOR = "neo.kind", "neo.tile", "neo.vector"
GEMM = "gemm"

LEFT, RIGHT = "neo_stage_left", "neo_stage_right"
"""The stages that a block of threads loads. VECTOR: LANES of their numbers lie side by side in memory."""


SUM = "float32"
"""The type of sums, of half precision numbers too."""

PARTS = "neo_parts"
"""The stage that adds up a sum's slices."""


class Operand(NamedTuple):
    """A factor of a product."""

    at: Callable[..., tuple[list[Any], Any]]
    """(batch, row or column, tap, tap, k) -> (conditions, the number where they hold; elsewhere it is 0)."""
    dtype: str
    vector: bool  # whether LANES numbers along k (left) or along columns (right) lie side by side
    whole: bool = False  # whether it has numbers up to the rounded sizes


def convolution(
    data: Tensor,
    weight: Tensor,
    strides: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    kernel: Sequence[int],
    channels: int,
    tile: str,
) -> Tensor:
    """[N, H, W, groups * I] and `weight` [groups, taps..., K, columns] -> [N, OH, OW, channels].

    The taps are (kH, kW) and K is I, or (1, 1) and kH * kW * I, rounded up to the tile.
    """
    batch, height, width, inputs = (int(size) for size in data.shape)
    groups, *taps, _, _ = (int(size) for size in weight.shape)
    out_h, out_w = output_size(data.shape, kernel, strides, padding, dilation)
    depth, own = inputs // groups, channels // groups
    flat = taps != list(kernel)

    def left(g: Any, m: Any, ky: Any, kx: Any, k: Any) -> tuple[list[Any], Any]:
        if flat:
            ky, kx, k = k // (depth * kernel[1]), k // depth % kernel[1], k % depth
        n, y, x = m // (out_h * out_w), m // out_w % out_h, m % out_w
        y, x = y * strides[0] + ky * dilation[0] - padding[0], x * strides[1] + kx * dilation[1] - padding[1]
        inside = [y >= 0, y < height, x >= 0, x < width] if any(padding) else []
        return inside, data[n, y, x, g * depth + k]

    sizes = (groups, batch * out_h * out_w, own, depth * math.prod(kernel) if flat else depth)
    total = product(
        sizes, taps, Operand(left, data.dtype, not flat and depth % LANES == 0), of_weight(weight), Tile.parse(tile)
    )

    def at(n: Any, y: Any, x: Any, c: Any) -> Any:
        group, column = split(c, (groups, own))
        return total(group, (n * out_h + y) * out_w + x, column)

    return te.compute((batch, out_h, out_w, channels), at, name="neo_image")


def matmul(data: Tensor, weight: Tensor, channels: int, tile: str) -> Tensor:
    """[..., K] and `weight` [1, 1, 1, K, columns] -> [..., channels]."""
    *outer, depth = (int(size) for size in data.shape)

    def left(b: Any, m: Any, ky: Any, kx: Any, k: Any) -> tuple[list[Any], Any]:
        return [], data(*split(m, outer), k)

    sizes = (1, math.prod(outer), channels, depth)
    total = product(sizes, (1, 1), Operand(left, data.dtype, depth % LANES == 0), of_weight(weight), Tile.parse(tile))
    return te.compute((*outer, channels), lambda *i: total(0, joined(i[:-1], outer), i[-1]), name="neo_result")


def batched(data: Tensor, other: Tensor, tile: str) -> Tensor:
    """[..., M, K] and [..., K, N] with equal leading axes -> [..., M, N]."""
    *outer, rows, depth = (int(size) for size in data.shape)
    columns = int(other.shape[-1])

    def left(b: Any, m: Any, ky: Any, kx: Any, k: Any) -> tuple[list[Any], Any]:
        return [], data(*split(b, outer), m, k)

    def right(b: Any, n: Any, ky: Any, kx: Any, k: Any) -> tuple[list[Any], Any]:
        return [], other(*split(b, outer), k, n)

    operands = Operand(left, data.dtype, depth % LANES == 0), Operand(right, data.dtype, columns % LANES == 0)
    total = product((math.prod(outer), rows, columns, depth), (1, 1), *operands, Tile.parse(tile))
    shape = (*outer, rows, columns)
    return te.compute(shape, lambda *i: total(joined(i[:-2], outer), i[-2], i[-1]), name="neo_result")


def product(sizes: Sequence[int], taps: Sequence[int], left: Operand, right: Operand, tile: Tile) -> Tensor:
    """The sums over taps and k of left * right for `sizes` (batches, rows, columns, k): [batches, rows, columns].

    The runs of one thread's columns lie `columns / vectors` apart, so that threads beside each other load from
    different banks of shared memory.
    """
    batches, rows, columns, depth = sizes
    across, run = tile.threads[0], tile.columns // tile.vectors
    whole_rows, panels = -(-rows // tile.rows) * tile.rows, -(-columns // tile.columns)
    steps = tile.whole(depth) // LANES
    own_steps = steps // tile.slices

    def of_left(b: Any, ky: Any, kx: Any, k: Any, lane: Any, m: Any) -> Any:
        ends = beyond(k * LANES, lane, depth, steps * LANES) + beyond(m, 0, rows, whole_rows)
        return _read(left, ends, b, m, ky, kx, k * LANES + lane)

    def of_right(b: Any, ky: Any, kx: Any, k: Any, k_lane: Any, panel: Any, v: Any, t: Any, lane: Any) -> Any:
        first = panel * tile.columns + v * run + t * LANES
        ends = beyond(k * LANES, k_lane, depth, steps * LANES) + beyond(first, lane, columns, panels * tile.columns)
        return _read(right, ends, b, first + lane, ky, kx, k * LANES + k_lane)

    lefts = te.compute((batches, *taps, steps, LANES, whole_rows), of_left, LEFT, attrs={VECTOR: int(left.vector)})
    right_shape = (batches, *taps, steps, LANES, panels, tile.vectors, across, LANES)
    rights = te.compute(right_shape, of_right, RIGHT, attrs={VECTOR: int(right.vector)})
    ky, kx = te.reduce_axis((0, taps[0]), "ky"), te.reduce_axis((0, taps[1]), "kx")
    k, kl = te.reduce_axis((0, own_steps), "k"), te.reduce_axis((0, LANES), "kl")
    total = te.compute(
        (tile.slices, batches, whole_rows, panels, across, tile.vectors, LANES),
        lambda s, b, m, panel, t, v, lane: te.sum(
            lefts[b, ky, kx, s * own_steps + k, kl, m].astype(SUM)
            * rights[b, ky, kx, s * own_steps + k, kl, panel, v, t, lane].astype(SUM),
            axis=[ky, kx, k, kl],
        ),
        name="neo_gemm",
        attrs={KIND: GEMM, TILE: tile.text},
    )

    def of_slice(s: Any, b: Any, m: Any, n: Any) -> Any:
        return total[s, b, m, n // tile.columns, n % run // LANES, n % tile.columns // run, n % LANES]

    shape = (batches, whole_rows, panels * tile.columns)
    if tile.slices == 1:
        flat = te.compute(shape, lambda *i: of_slice(0, *i), name="neo_flat")
    else:
        part = te.reduce_axis((0, tile.slices), "s")
        flat = te.compute(shape, lambda *i: te.sum(of_slice(part, *i), axis=[part]), name=PARTS)
    return te.compute((batches, rows, columns), lambda *i: flat(*i).astype(lefts.dtype), name="neo_cut")


def beyond(first: Any, lane: Any, size: int, whole: int) -> list[Any]:
    """What must hold for `first + lane` to lie before `size`; one condition for LANES numbers where that is true."""
    if size == whole:
        return []
    return [(first if size % LANES == 0 else first + lane) < size]


def _read(operand: Operand, ends: list[Any], *index: Any) -> Any:
    conditions, number = operand.at(*index)
    if not operand.whole:
        conditions = [*ends, *conditions]
    return tirx.if_then_else(tirx.all(*conditions), number, tirx.const(0, operand.dtype)) if conditions else number


def of_weight(weight: Tensor) -> Operand:
    """A weight [groups, taps..., K, columns] with zeros up to the rounded sizes."""
    return Operand(lambda g, n, ky, kx, k: ([], weight[g, ky, kx, k, n]), weight.dtype, vector=True, whole=True)


def split(index: Any, sizes: Sequence[int]) -> list[Any]:
    """`index` of axes laid out as one, as an index of each."""
    found: list[Any] = []
    for place in range(len(sizes) - 1, -1, -1):
        outer, size = math.prod(sizes[:place]), sizes[place]
        found.insert(0, 0 if size == 1 else index if outer == 1 else index % size)
        index = index // size
    return found


def joined(indices: Sequence[Any], sizes: Sequence[int]) -> Any:
    """The inverse of `split`."""
    total: Any = 0
    for index, size in zip(indices, sizes, strict=True):
        total = total * size + index
    return total
