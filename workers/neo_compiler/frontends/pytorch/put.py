"""x[i, :, j] = v as relax: TVM's own takes values in a wrong order where indices stand apart, and wants one per axis.

Source: PyTorch's aten::index_put, NumPy's rules of advanced indexing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import fx
from tvm import relax

from neo_compiler.tvm_types import Expr, Importer


def index_put(node: fx.Node, importer: Importer) -> Expr:
    """aten::index_put(x, indices, values, accumulate). Raises ValueError for masks of several values."""
    x, indices, values, *accumulate = importer.retrieve_args(node)
    emit, shape = importer.block_builder.emit, _shape(node.args[0])
    adds = bool(accumulate and accumulate[0])
    tensors = [index.meta["val"] for index in node.args[1] if index is not None]
    if any(tensor.dtype in (torch.bool, torch.uint8) for tensor in tensors):
        return _masked(node, importer, adds)
    axes = [axis for axis, index in enumerate(indices) if index is not None]
    rest = [axis for axis in range(len(shape)) if axis not in axes]
    points = list(np.broadcast_shapes(*(tuple(tensor.shape) for tensor in tensors)))
    columns = [_column(emit, indices[axis], shape[axis], points) for axis in axes]
    values = _values_by_point(emit, values, [shape[axis] for axis in rest], axes, points)
    order = [*axes, *rest]
    turned = emit(relax.op.permute_dims(x, order))
    where = emit(relax.op.concat(columns, axis=len(points)))
    made = emit(relax.op.scatter_nd(turned, where, values, "add" if adds else "update"))
    return emit(relax.op.permute_dims(made, [int(place) for place in np.argsort(order)]))


def _column(emit: Any, index: Expr, length: int, points: list[int]) -> Expr:
    """An index of each point from the axis' start, [*points, 1]."""
    index = emit(relax.op.astype(index, "int64"))
    zero, size = relax.const(0, "int64"), relax.const(length, "int64")
    index = emit(relax.op.where(emit(relax.op.less(index, zero)), emit(relax.op.add(index, size)), index))
    return emit(relax.op.expand_dims(emit(relax.op.broadcast_to(index, points)), [len(points)]))


def _values_by_point(emit: Any, values: Expr, rest: list[int], axes: Sequence[int], points: list[int]) -> Expr:
    """[*points, *rest]: the points' axes are where the indices are, or first where these stand apart."""
    together = list(axes) == list(range(axes[0], axes[0] + len(axes)))
    first = axes[0] if together else 0
    values = emit(relax.op.broadcast_to(values, [*rest[:first], *points, *rest[first:]]))
    own = range(first, first + len(points))
    others = [axis for axis in range(len(points) + len(rest)) if axis not in own]
    return emit(relax.op.permute_dims(values, [*own, *others]))


def _masked(node: fx.Node, importer: Importer, adds: bool) -> Expr:
    x, indices, values = importer.retrieve_args(node)[:3]
    emit, shape = importer.block_builder.emit, _shape(node.args[0])
    if len(indices) != 1 or node.args[2].meta["val"].numel() != 1:
        raise ValueError("index_put of several values by a mask")
    mask = emit(relax.op.astype(indices[0], "bool"))
    own = _shape(node.args[1][0])
    mask = emit(relax.op.reshape(mask, [*own, *[1] * (len(shape) - len(own))]))
    value = emit(relax.op.reshape(values, []))
    return emit(relax.op.where(mask, emit(relax.op.add(x, value)) if adds else value, x))


def _shape(node: Any) -> list[int]:
    return [int(size) for size in node.meta["val"].shape]
