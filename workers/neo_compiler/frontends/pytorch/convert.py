"""Operators of PyTorch that TVM's frontend lacks or gets wrong, as relax.

Source: TVM 0.27, relax.frontend.torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import fx
from tvm import relax

from neo_compiler.frontends.pytorch.put import index_put
from neo_compiler.frontends.pytorch.rewrite import Refused, check_scales
from neo_compiler.tvm_types import Importer

Converter = Callable[[fx.Node, Importer], Any]
"""(node, importer) -> its relax value."""


def _arguments(node: fx.Node, importer: Importer) -> list[Any]:
    """All arguments of the node's operator as relax has them, the defaults too."""
    given = list(importer.retrieve_args(node))
    rest = node.target._schema.arguments[len(given) :]
    return given + [node.kwargs.get(argument.name, argument.default_value) for argument in rest]


def _resize(method: str, mode: str, rounding: str = "", corners_at: int | None = None) -> Converter:
    """aten::upsample_*2d.vec: TVM's own rounds where PyTorch's nearest takes the floor."""

    def convert(node: fx.Node, importer: Importer) -> Any:
        x, size, *rest = node.args
        check_scales(node, rest[-1] or () if size is None else ())
        coordinates = "align_corners" if corners_at is not None and node.args[corners_at] else mode
        resized = relax.op.image.resize2d(
            importer.env[x],
            [int(n) for n in node.meta["val"].shape[2:]],
            layout="NCHW",
            method=method,
            coordinate_transformation_mode=coordinates,
            rounding_method=rounding,
        )
        return importer.block_builder.emit(resized)

    return convert


def _reduce(operator: Callable[..., Any]) -> Converter:
    """aten::amax and its like: (x, one dim, several or none, keepdim)."""

    def convert(node: fx.Node, importer: Importer) -> Any:
        x, dim, keepdim, *_ = _arguments(node, importer)
        axes = [dim] if isinstance(dim, int) else list(dim) or None
        return importer.block_builder.emit(operator(x, axes, bool(keepdim)))

    return convert


def _clamp(node: fx.Node, importer: Importer) -> Any:
    """aten::clamp(x, min, max): TVM's clip has no open ends for integers."""
    x, low, high = _arguments(node, importer)
    emit, dtype = importer.block_builder.emit, x.ty.dtype.dtype
    if node.meta["val"].dtype != node.args[0].meta["val"].dtype:
        dtype = str(node.meta["val"].dtype).removeprefix("torch.")
        x = emit(relax.op.astype(x, dtype))
    x = x if low is None else emit(relax.op.maximum(x, relax.const(low, dtype)))
    return x if high is None else emit(relax.op.minimum(x, relax.const(high, dtype)))


def _any(node: fx.Node, importer: Importer) -> Any:
    emit = importer.block_builder.emit
    flags = emit(relax.op.astype(emit(relax.op.astype(importer.env[node.args[0]], "bool")), "int8"))
    return emit(relax.op.astype(emit(relax.op.max(flags)), "bool"))


def _min_dim(node: fx.Node, importer: Importer) -> Any:
    x, dim, keepdim = _arguments(node, importer)
    emit = importer.block_builder.emit
    found = emit(relax.op.topk(x, k=1, axis=dim, largest=False, ret_type="both", dtype="int64"))
    parts = [found[0], found[1]]
    return emit(relax.Tuple(parts if keepdim else [emit(relax.op.squeeze(part, axis=[dim])) for part in parts]))


def _scatter(reduction: str | None = None) -> Converter:
    """aten::scatter_add, or aten::scatter_reduce where its own argument says which."""
    kinds = {"sum": "add", "prod": "mul", "amax": "max", "amin": "min"}

    def convert(node: fx.Node, importer: Importer) -> Any:
        x, dim, index, source, *how = _arguments(node, importer)
        if how and (how[0] not in kinds or not how[1]):
            raise Refused(f"scatter_reduce by {how[0]}, include_self={how[1]}")
        kind = reduction or kinds[how[0]]
        return importer.block_builder.emit(relax.op.scatter_elements(x, index, source, axis=dim, reduction=kind))

    return convert


def _index(node: fx.Node, importer: Importer) -> Any:
    """x[i, j]: TVM reads out of bounds for a negative index, and says nothing."""
    emit, kept = importer.block_builder.emit, dict(importer.env)
    shape = node.args[0].meta["val"].shape
    for axis, index in enumerate(node.args[1]):
        if isinstance(index, fx.Node) and index.meta["val"].dtype != torch.bool:
            value = kept[index]
            zero, length = (relax.const(number, value.ty.dtype.dtype) for number in (0, int(shape[axis])))
            back = emit(relax.op.add(value, length))
            importer.env[index] = emit(relax.op.where(emit(relax.op.less(value, zero)), back, value))
    try:
        return importer._index_tensor(node)
    finally:
        importer.env.update(kept)


def _refuse(node: fx.Node, importer: Importer) -> Any:
    raise Refused(f"{node.target} of {node.name}")


CONVERTERS: dict[str, Converter] = {
    "upsample_nearest2d.vec": _resize("nearest_neighbor", "asymmetric", "floor"),
    "_upsample_nearest_exact2d.vec": _resize("nearest_neighbor", "half_pixel", "round_prefer_ceil"),
    "upsample_bilinear2d.vec": _resize("linear", "half_pixel", corners_at=2),
    "upsample_bicubic2d.vec": _resize("cubic", "half_pixel", corners_at=2),
    "_upsample_bilinear2d_aa.default": _refuse,  # TVM's is not antialiased
    "amax.default": _reduce(relax.op.max),
    "amin.default": _reduce(relax.op.min),
    "prod.dim_int": _reduce(relax.op.prod),
    "any.default": _any,
    "clamp.default": _clamp,
    "min.dim": _min_dim,
    "scatter_add.default": _scatter("add"),
    "scatter_reduce.two": _scatter(),
    "index.Tensor": _index,
    **dict.fromkeys(("index_put.default", "index_put_.default", "_unsafe_index_put.default"), index_put),
}
