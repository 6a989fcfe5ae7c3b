"""Convolutions of every kind as convolutions of [N, H, W, C] with a constant weight [O, H, W, I]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from tvm import relax, te

from neo_compiler.passes.constant_folding import constant
from neo_compiler.passes.layout import Result, Turner
from neo_compiler.passes.rewriter import ints, is_constant, shape_of
from neo_compiler.tvm_types import Expr, Tensor

Array = npt.NDArray[Any]


R = relax.op


def weight_of(call: Expr, layout: str) -> Array | None:
    """A call's constant weight with its axes in the order of `layout`, e.g. "OHWI"; None when it has no such axes."""
    written = str(call.attrs.kernel_layout)
    if not is_constant(call.args[1]) or sorted(written) != sorted(layout):
        return None
    array: Array = call.args[1].value.numpy().transpose([written.index(axis) for axis in layout])
    return array


def last_conv2d(turner: Turner, call: Expr) -> Result | None:
    """conv2d of [N, C, H, W]."""
    at, weight = call.attrs, weight_of(call, "OHWI")
    if at.data_layout != "NCHW" or at.out_layout not in ("", "NCHW") or weight is None or shape_of(call) is None:
        return None
    data = turner.last(call.args[0], 4)
    numbers = [ints(values) for values in (at.strides, at.padding, at.dilation)]
    made = R.nn.conv2d(data, constant(weight), *numbers, int(at.groups), "NHWC", "OHWI", out_dtype=at.out_dtype or None)
    return Result(made, True)


def last_conv1d(turner: Turner, call: Expr) -> Result | None:
    """conv1d of [N, C, W], as an image of height 1."""
    at, weight, shape = call.attrs, weight_of(call, "OWI"), shape_of(call.args[0])
    if at.data_layout != "NCW" or at.out_layout not in ("", "NCW") or weight is None or shape is None:
        return None
    image = turner.emit(R.reshape(turner.last(call.args[0], 3), [shape[0], 1, shape[2], shape[1]]))
    pad = ints(at.padding)
    numbers = [1, *ints(at.strides)], [0, pad[0], 0, pad[-1]], [1, *ints(at.dilation)]
    made = R.nn.conv2d(image, constant(weight[:, None]), *numbers, int(at.groups), "NHWC", "OHWI")
    batch, channels, width = shape_of(call) or []
    return Result(R.reshape(turner.emit(made), [batch, width, channels]), True)


def last_transposed(turner: Turner, call: Expr) -> Result | None:
    """conv2d_transpose of [N, C, H, W]."""
    weight, shape = weight_of(call, "IOHW"), shape_of(call)
    at = call.attrs
    if at.data_layout != "NCHW" or at.out_layout not in ("", "NCHW") or weight is None or shape is None:
        return None
    made = transposed(turner, turner.last(call.args[0], 4), weight, call, [shape[axis] for axis in (0, 2, 3, 1)])
    return None if made is None else Result(made, True)


def transposed(turner: Turner, data: Expr, weight: Array, call: Expr, result: list[int]) -> Expr | None:
    """A transposed convolution without zeros between the data: result [N, H, W, C].

    With strides sh, sw it is an ordinary convolution of ceil(kernel / stride) that makes sh * sw * C channels, which
    are then laid side by side, and the padding cut off. None when it has groups or dilation, or when its padding is
    not of that form.
    """
    at = call.attrs
    (stride_h, stride_w), pad = ints(at.strides), ints(at.padding)
    if int(at.groups) != 1 or ints(at.dilation) != [1, 1]:
        return None
    batch, height, width, _ = ints(data.ty.shape)
    _, out_h, out_w, channels = result
    inputs, _, kernel_h, kernel_w = weight.shape
    taps_h, taps_w = -(-kernel_h // stride_h), -(-kernel_w // stride_w)
    rows, columns = height + taps_h - 1, width + taps_w - 1
    missing_h, missing_w = pad[0] + out_h - stride_h * rows, pad[1] + out_w - stride_w * columns
    if missing_h > 0 or missing_w > 0:
        return None
    padded = np.zeros((inputs, channels, taps_h * stride_h, taps_w * stride_w), weight.dtype)
    padded[:, :, :kernel_h, :kernel_w] = weight
    split = padded.reshape(inputs, channels, taps_h, stride_h, taps_w, stride_w)[:, :, ::-1, :, ::-1, :]
    turned = split.transpose(3, 5, 1, 2, 4, 0).reshape(stride_h * stride_w * channels, taps_h, taps_w, inputs)
    border = [taps_h - 1, taps_w - 1] * 2
    made = turner.emit(R.nn.conv2d(data, constant(turned), [1, 1], border, [1, 1], 1, "NHWC", "OHWI"))
    start = (pad[0], pad[1])
    return turner.builder.call_te(interleaved, made, (stride_h, stride_w), start, (batch, *result[1:]))


def interleaved(data: Tensor, strides: Sequence[int], start: Sequence[int], shape: Sequence[int]) -> Tensor:
    """[N, h, w, sh * sw * C] -> [N, H, W, C]: each point's sh * sw results side by side, from `start` on."""
    (high, wide), channels = strides, shape[3]

    def at(n: Any, i: Any, j: Any, c: Any) -> Any:
        row, column = i + start[0], j + start[1]
        return data(n, row // high, column // wide, ((row % high) * wide + column % wide) * channels + c)

    return te.compute(tuple(shape), at, name="neo_interleaved")


def output_size(
    shape: Sequence[Any], kernel: Sequence[int], strides: Sequence[int], padding: Sequence[int], dilation: Sequence[int]
) -> tuple[int, int]:
    """Height and width of a convolution's result."""
    high = (int(shape[1]) + padding[0] + padding[2] - (kernel[0] - 1) * dilation[0] - 1) // strides[0] + 1
    wide = (int(shape[2]) + padding[1] + padding[3] - (kernel[1] - 1) * dilation[1] - 1) // strides[1] + 1
    return high, wide
