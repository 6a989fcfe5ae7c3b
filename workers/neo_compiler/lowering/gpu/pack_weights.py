"""Converts products to `templates`, with constant weights in the order in which a thread block loads them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax

from neo_compiler.lowering.gpu import templates, windows
from neo_compiler.lowering.gpu.cost_model import LANES, MIN_COLUMNS, Product, Tile, tile_of
from neo_compiler.lowering.gpu.gpu_model import Gpu
from neo_compiler.passes.constant_folding import constant
from neo_compiler.passes.convolution import weight_of
from neo_compiler.passes.rewriter import ints, is_constant, rewrite, shape_of
from neo_compiler.passes.weight_packing import Packer
from neo_compiler.tvm_types import Expr

Array = npt.NDArray[Any]

R = relax.op

MIN_SIZE = 2
"""Rows and columns of a product; a line or a column is no product but a sum for each number."""


def pack(module: tvm.IRModule, gpu: Gpu) -> tvm.IRModule:
    """`module` with kernels of `templates` instead of conv2d [N, H, W, C] and matmul."""
    return relax.transform.DeadCodeElimination()(rewrite(module, _Packer, gpu))


def rounded(weight: Array, tile: Tile) -> Array:
    """[..., K, N] with zeros up to whole tiles."""
    depth, columns = weight.shape[-2:]
    ends = [(0, 0)] * (weight.ndim - 2) + [(0, tile.whole(depth) - depth), (0, -columns % tile.columns)]
    return np.ascontiguousarray(np.pad(weight, ends))


class _Packer(Packer):
    def __init__(self, module: tvm.IRModule, gpu: Gpu) -> None:
        super().__init__(module)
        self._gpu = gpu

    def conv2d(self, call: Expr, args: list[Expr]) -> Expr | None:
        at, weight, result, shape = call.attrs, weight_of(call, "HWIO"), shape_of(call), shape_of(args[0])
        known = weight is not None and result is not None and shape is not None
        if not known or at.data_layout != "NHWC" or at.out_layout not in ("", "NHWC") or not _known_type(call):
            return None
        assert weight is not None and result is not None
        window = [ints(values) for values in (at.strides, at.padding, at.dilation)]
        groups, (high, wide, depth, channels) = int(at.groups), weight.shape
        if groups == channels == result[3] and depth == 1:
            points = windows.points_of(self._gpu, result)
            return self.template(windows.depthwise, args[0], weight[:, :, 0], *window, points)
        own = channels // groups
        if own < MIN_SIZE or (groups > 1 and own % MIN_COLUMNS):
            return None
        if math.prod(result[:3]) < MIN_SIZE:
            return self._one_point(args[0], weight, result) if high == wide == groups == 1 else None
        if depth % LANES:
            weight, depth = weight.reshape(1, 1, -1, channels), high * wide * depth
        tile = tile_of(
            self._gpu, Product(math.prod(result[:3]), own, depth, math.prod(weight.shape[:2]), groups, groups > 1)
        )
        parts = np.stack(np.split(weight, groups, axis=3))
        packed = rounded(parts, tile)
        return self.template(templates.convolution, args[0], packed, *window, [high, wide], channels, tile.text)

    def _one_point(self, data: Expr, weight: Array, result: list[int]) -> Expr:
        """A convolution of one point: a line times a matrix."""
        line = self.emit(R.reshape(data, [1, weight.shape[2]]))
        return R.reshape(self.emit(R.matmul(line, constant(weight[0, 0]))), result)

    def matmul(self, call: Expr, args: list[Expr]) -> Expr | None:
        shape, other = shape_of(args[0]), shape_of(args[1])
        if shape is None or other is None or len(shape) < 2 or len(other) < 2 or not _known_type(call):
            return None
        if is_constant(args[1]) and len(other) == 2:
            rows, (depth, columns) = math.prod(shape[:-1]), other
            if min(rows, columns) < MIN_SIZE:
                return None
            tile = tile_of(self._gpu, Product(rows, columns, depth))
            packed = rounded(args[1].value.numpy()[None, None, None], tile)
            return self.template(templates.matmul, args[0], packed, columns, tile.text)
        if shape[:-2] != other[:-2] or min(shape[-2], other[-1]) < MIN_SIZE:
            return None
        tile = tile_of(self._gpu, Product(shape[-2], other[-1], shape[-1], batches=math.prod(shape[:-2])))
        return self.template(templates.batched, *args, tile.text)


def _known_type(call: Expr) -> bool:
    return {str(expr.ty.dtype) for expr in (call, *call.args)} in ({"float32"}, {"float16"})
