"""Products with a packed weight as tensor expressions; `schedules` knows them by the annotation KIND.

A weight is packed as [panels, ..., columns]: a panel holds `columns` output channels. The sum is made for whole tiles;
a second stage gives the tensor its true size, so that only what is stored needs a condition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tvm import te, tirx

from neo_compiler.lowering.cpu.cost_model import Tile
from neo_compiler.lowering.cpu.int8_dot import multiplied, word
from neo_compiler.passes.convolution import output_size
from neo_compiler.passes.quantization.dot_instructions import BY_NAME, WORD
from neo_compiler.tvm_types import Tensor

KIND, TILE = "neo.kind", "neo.tile"
CONV, MATMUL, DEPTHWISE = "conv", "matmul", "depthwise"
STAGE = "neo_stage"
"""Stages with names that begin so are scheduled by their template's schedule, never inlined."""

PAD, PACKED = f"{STAGE}_pad", f"{STAGE}_packed"
"""The stages that put zeros around an image, and that pack a matrix that is no constant."""

CLAMPED = f"{STAGE}_clamped"
"""The stage that repeats the last row (or column) of data, for tiles that reach beyond it."""


def convolution(
    data: Tensor,
    weight: Tensor,
    strides: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    tile: str,
    channels: int,
    dot: str = "",
    fill: int = 0,
) -> Tensor:
    """[N, H, W, I] and packed [panels, kH, kW, I, columns] -> [N, OH, OW, channels].

    With `dot`, the name of an instruction, the data are bytes and the weight is of int32 words, four bytes each:
    [panels, kH, kW, ceil(I / 4), columns]. `fill` stands around the image.
    """
    panels, kernel_h, kernel_w, inputs, columns = (int(size) for size in weight.shape)
    out_h, out_w = output_size(data.shape, (kernel_h, kernel_w), strides, padding, dilation)
    rows = Tile.parse(tile).rows
    width = -(-out_w // rows) * rows
    whole = inputs * (WORD if dot else 1)
    if any(padding) or whole != int(data.shape[3]):
        reach = (width - 1) * strides[1] + (kernel_w - 1) * dilation[1] + 1
        data = padded(data, padding, max(0, reach - int(data.shape[2]) - padding[1] - padding[3]), fill, whole)
    elif width != out_w:
        data = clamped(data, 2, (width - 1) * strides[1] + (kernel_w - 1) * dilation[1] + 1)
    ky, kx = te.reduce_axis((0, kernel_h), "ky"), te.reduce_axis((0, kernel_w), "kx")
    kc = te.reduce_axis((0, inputs), "kc")

    total = te.compute(
        (int(data.shape[0]), out_h, width, panels * columns),
        lambda n, i, j, c: te.sum(
            _multiplied(
                dot,
                data,
                (n, i * strides[0] + ky * dilation[0], j * strides[1] + kx * dilation[1]),
                kc,
                weight[c // columns, ky, kx, kc, c % columns],
            ),
            axis=[ky, kx, kc],
        ),
        name="neo_conv",
        attrs={KIND: CONV, TILE: tile},
    )
    return cut(total, (int(data.shape[0]), out_h, out_w, channels))


def _multiplied(dot: str, data: Tensor, place: Sequence[Any], number: Any, factor: Any) -> Any:
    """A product of data's `number`th element (or word) at `place`."""
    if not dot:
        return data(*place, number) * factor
    return multiplied(BY_NAME[dot], word(data, place, number), factor)


def matmul(data: Tensor, weight: Tensor, tile: str, channels: int, dot: str = "") -> Tensor:
    """[..., M, K] and packed [panels, K, columns] -> [..., M, channels]; with `dot` as in `convolution`."""
    panels, depth, columns = (int(size) for size in weight.shape)

    def factor(index: Sequence[Any], k: Any) -> Any:
        return weight[index[-1] // columns, k, index[-1] % columns]

    return _product(data, factor, Tile.parse(tile), depth, panels * columns, channels, dot)


def batched(data: Tensor, other: Tensor, tile: str) -> Tensor:
    """[..., M, K] and [..., K, N] -> [..., M, N]; the second is packed when it is there."""
    *outer, depth, channels = (int(size) for size in other.shape)
    columns = Tile.parse(tile).columns
    panels = -(-channels // columns)

    def at(*index: Any) -> Any:
        *front, panel, k, c = index
        place = panel * columns + c
        if channels % columns == 0:
            return other(*front, k, place)
        return tirx.if_then_else(tirx.likely(place < channels), other(*front, k, place), tirx.const(0, other.dtype))

    packed = te.compute((*outer, panels, depth, columns), at, name=PACKED)

    def factor(index: Sequence[Any], k: Any) -> Any:
        return packed(*index[:-2], index[-1] // columns, k, index[-1] % columns)

    return _product(data, factor, Tile.parse(tile), depth, panels * columns, channels)


def _product(
    data: Tensor,
    factor: Callable[[Sequence[Any], Any], Any],
    tile: Tile,
    depth: int,
    whole_channels: int,
    channels: int,
    dot: str = "",
) -> Tensor:
    """The sum over k of data[..., m, k] * factor([..., m, n], k) for whole tiles, cut to its true size."""
    *outer, height = (int(size) for size in data.shape[:-1])
    whole = -(-height // tile.rows) * tile.rows
    k = te.reduce_axis((0, depth), "k")

    if whole != height:
        data = clamped(data, len(outer), whole)
    total = te.compute(
        (*outer, whole, whole_channels),
        lambda *i: te.sum(_multiplied(dot, data, i[:-1], k, factor(i, k)), axis=[k]),
        name="neo_matmul",
        attrs={KIND: MATMUL, TILE: tile.text},
    )
    return cut(total, (*outer, height, channels))


def depthwise(
    data: Tensor,
    weight: Tensor,
    strides: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    fill: int = 0,
) -> Tensor:
    """[N, H, W, C] and [kH, kW, C] -> [N, OH, OW, C], in int32 when they are bytes. `fill` stands around the image."""
    kernel_h, kernel_w, channels = (int(size) for size in weight.shape)
    out_h, out_w = output_size(data.shape, (kernel_h, kernel_w), strides, padding, dilation)
    if any(padding):
        data = padded(data, padding, 0, fill, channels)
    total = "float32" if str(data.dtype) == "float32" else "int32"
    ky, kx = te.reduce_axis((0, kernel_h), "ky"), te.reduce_axis((0, kernel_w), "kx")
    return te.compute(
        (int(data.shape[0]), out_h, out_w, channels),
        lambda n, i, j, c: te.sum(
            data[n, i * strides[0] + ky * dilation[0], j * strides[1] + kx * dilation[1], c].astype(total)
            * weight[ky, kx, c].astype(total),
            axis=[ky, kx],
        ),
        name="neo_depthwise",
        attrs={KIND: DEPTHWISE},
    )


def padded(data: Tensor, padding: Sequence[int], extra_columns: int, fill: int = 0, channels: int = 0) -> Tensor:
    """`data` [N, H, W, C] with `fill` around it, `extra_columns` more at the right, and at least `channels`."""
    batch, height, width, own = (int(size) for size in data.shape)
    channels = max(own, channels)
    top, left, bottom, right = padding
    zero = tirx.const(fill, data.dtype)

    def at(n: Any, i: Any, j: Any, c: Any) -> Any:
        inside = tirx.all(i >= top, i < height + top, j >= left, j < width + left)
        if channels != own:
            inside = tirx.all(inside, c < own)
        return tirx.if_then_else(inside, data(n, i - top, j - left, c), zero)

    shape = (batch, height + top + bottom, width + left + right + extra_columns, channels)
    return te.compute(shape, at, name=PAD)


def clamped(data: Tensor, axis: int, size: int) -> Tensor:
    """`data` with `size` numbers along `axis`, those beyond its end the last one's."""
    last = tirx.const(int(data.shape[axis]) - 1, "int32")
    shape = [*data.shape[:axis], size, *data.shape[axis + 1 :]]
    return te.compute(shape, lambda *i: data(*i[:axis], tirx.min(i[axis], last), *i[axis + 1 :]), name=CLAMPED)


def cut(total: Tensor, shape: Sequence[int]) -> Tensor:
    """The first `shape` of `total`."""
    if [int(size) for size in total.shape] == list(shape):
        return total
    return te.compute(tuple(shape), lambda *i: total(*i), name="neo_cut")
