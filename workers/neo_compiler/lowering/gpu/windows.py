"""Depthwise convolutions as tensor expressions: a thread has some points of a line and LANES channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm import te, tirx

from neo_compiler.lowering.gpu.cost_model import LANES
from neo_compiler.lowering.gpu.gpu_model import Gpu
from neo_compiler.lowering.gpu.templates import KIND, SUM, VECTOR
from neo_compiler.passes.convolution import output_size
from neo_compiler.tvm_types import Tensor

DEPTHWISE = "depthwise"

WINDOW, WEIGHT = "neo_stage_window", "neo_stage_weight"
"""The stages that a thread loads: a line of the image with zeros around it, a line of the weight."""

POINTS_OF = "neo.points"

POINTS = (4, 2)
"""Of a line, for a thread; neighbours share most of what they load."""

MAX_WASTE = 1.15
"""Of all points, computed and thrown away at a line's end."""


def points_of(gpu: Gpu, shape: Sequence[int]) -> int:
    """How many points of a result [N, H, W, C] a thread has."""
    batch, height, width, channels = shape
    lines = batch * height * -(-channels // LANES)
    for points in POINTS:
        steps = -(-width // points)
        if steps * points <= MAX_WASTE * width and lines * steps >= gpu.units * gpu.warps * 32:
            return points
    return 1


def depthwise(
    data: Tensor,
    weight: Tensor,
    strides: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    points: int,
) -> Tensor:
    """[N, H, W, C] and [kH, kW, C] -> [N, OH, OW, C]."""
    batch, height, width, channels = (int(size) for size in data.shape)
    taps_h, taps_w, _ = (int(size) for size in weight.shape)
    out_h, out_w = output_size(data.shape, (taps_h, taps_w), strides, padding, dilation)
    steps, lanes = -(-out_w // points), LANES if channels % LANES == 0 else 1
    reach = (steps * points - 1) * strides[1] + (taps_w - 1) * dilation[1] + 1
    guarded = any(padding) or reach > width

    def at(n: Any, i: Any, j: Any, c: Any, lane: Any) -> Any:
        y, x = i - padding[0], j - padding[1]
        number = data[n, y, x, c * lanes + lane]
        inside = tirx.all(y >= 0, y < height, x >= 0, x < width)
        return tirx.if_then_else(inside, number, tirx.const(0, data.dtype)) if guarded else number

    inner, attrs = (channels // lanes, lanes), {VECTOR: int(lanes > 1)}
    shape = (batch, (out_h - 1) * strides[0] + (taps_h - 1) * dilation[0] + 1, reach, *inner)
    image = te.compute(shape, at, WINDOW, attrs=attrs)
    factors = te.compute(
        (taps_h, taps_w, *inner), lambda y, x, c, lane: weight[y, x, c * lanes + lane], WEIGHT, attrs=attrs
    )
    ky, kx = te.reduce_axis((0, taps_h), "ky"), te.reduce_axis((0, taps_w), "kx")
    total = te.compute(
        (batch, out_h, steps * points, *inner),
        lambda n, i, j, c, lane: te.sum(
            image[n, i * strides[0] + ky * dilation[0], j * strides[1] + kx * dilation[1], c, lane].astype(SUM)
            * factors[ky, kx, c, lane].astype(SUM),
            axis=[ky, kx],
        ),
        name="neo_depthwise",
        attrs={KIND: DEPTHWISE, POINTS_OF: points},
    )
    flat = te.compute(
        (batch, out_h, steps * points, channels), lambda n, i, j, c: total[n, i, j, c // lanes, c % lanes], "neo_flat"
    )
    return te.compute((batch, out_h, out_w, channels), lambda *i: flat(*i).astype(data.dtype), "neo_cut")
