"""PyTorch's operators that TVM's frontend lacks or gets wrong.

DECOMPOSITIONS replace an operator while a program is traced, REWRITES change nodes of the traced graph, CONVERTERS
make relax of one. Each is a table by operator. Source: torch 2.13 native_functions.yaml; TVM 0.27 relax.frontend.torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx
from torch.nn import functional
from tvm import relax

aten: Any = torch.ops.aten

Importer = Any
"""tvm's ExportedProgramImporter."""

Converter = Callable[[fx.Node, Importer], Any]
"""(node, importer) -> its relax value."""

PADDING_MASK = 1
"""mask_type of a mask [N, L]; other masks broadcast to [N, heads, L, L]."""


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim: int,
    num_heads: int,
    qkv_weight: Tensor,
    qkv_bias: Tensor,
    out_weight: Tensor,
    out_bias: Tensor,
    mask: Tensor | None = None,
    need_weights: bool = True,
    average_weights: bool = True,
    mask_type: int | None = None,
) -> tuple[Tensor, Tensor]:
    """aten::_native_multi_head_attention: what nn.MultiheadAttention runs in evaluation mode."""
    batch, length, _ = query.shape
    size = embed_dim // num_heads
    parts = zip((query, key, value), qkv_weight.split(embed_dim), qkv_bias.split(embed_dim), strict=True)
    q, k, v = (functional.linear(x, w, b).view(batch, -1, num_heads, size).transpose(1, 2) for x, w, b in parts)
    scores = (q / math.sqrt(size)) @ k.transpose(-2, -1)
    if mask is not None:
        hidden = mask.view(batch, 1, 1, -1) if mask_type == PADDING_MASK else mask
        scores = scores.masked_fill(hidden.bool(), -math.inf)
    weights = scores.softmax(-1)
    result = functional.linear((weights @ v).transpose(1, 2).reshape(batch, length, embed_dim), out_weight, out_bias)
    if not need_weights:
        return result, query.new_empty(0)
    return result, weights.mean(1) if average_weights else weights


def _encoder_layer(
    x: Tensor,
    embed_dim: int,
    num_heads: int,
    qkv_weight: Tensor,
    qkv_bias: Tensor,
    out_weight: Tensor,
    out_bias: Tensor,
    use_gelu: bool,
    norm_first: bool,
    eps: float,
    scale1: Tensor,
    shift1: Tensor,
    scale2: Tensor,
    shift2: Tensor,
    weight1: Tensor,
    bias1: Tensor,
    weight2: Tensor,
    bias2: Tensor,
    mask: Tensor | None = None,
    mask_type: int | None = None,
) -> Tensor:
    """aten::_transformer_encoder_layer_fwd: what nn.TransformerEncoderLayer runs in evaluation mode."""

    def attend(y: Tensor) -> Tensor:
        ends = (out_weight, out_bias, mask, False, True, mask_type)
        return _attention(y, y, y, embed_dim, num_heads, qkv_weight, qkv_bias, *ends)[0]

    def feed_forward(y: Tensor) -> Tensor:
        hidden = functional.linear(y, weight1, bias1)
        return functional.linear(functional.gelu(hidden) if use_gelu else functional.relu(hidden), weight2, bias2)

    def norm1(y: Tensor) -> Tensor:
        return functional.layer_norm(y, (embed_dim,), scale1, shift1, eps)

    def norm2(y: Tensor) -> Tensor:
        return functional.layer_norm(y, (embed_dim,), scale2, shift2, eps)

    if norm_first:
        x = x + attend(norm1(x))
        return x + feed_forward(norm2(x))
    x = norm1(x + attend(x))
    return norm2(x + feed_forward(x))


def _adaptive_max_pool(x: Tensor, size: list[int]) -> tuple[Tensor, Tensor]:
    """aten::adaptive_max_pool1d and 2d, without the indices: bin i of n holds [floor(i*L/n), ceil((i+1)*L/n))."""
    for axis, bins in zip(range(-len(size), 0), size, strict=True):
        length = x.shape[axis]
        ends = [(i * length // bins, -(-(i + 1) * length // bins)) for i in range(bins)]
        x = torch.stack([x.narrow(axis, start, end - start).max(axis).values for start, end in ends], axis)
    return x, torch.zeros_like(x, dtype=torch.int64)


def _select_scatter(x: Tensor, part: Tensor, dim: int, index: int) -> Tensor:
    start = index % x.shape[dim]
    return torch.slice_scatter(x, part.unsqueeze(dim), dim, start, start + 1)


def _divide(x: Tensor, other: float, rounding_mode: str | None = None) -> Tensor:
    """aten::div.Scalar_mode as the div of two tensors."""
    return torch.div(x, torch.full_like(x, other), rounding_mode=rounding_mode)


DECOMPOSITIONS: dict[Any, Callable[..., Any]] = {
    aten._native_multi_head_attention.default: _attention,
    aten._transformer_encoder_layer_fwd.default: _encoder_layer,
    aten.adaptive_max_pool1d.default: _adaptive_max_pool,
    aten.adaptive_max_pool2d.default: _adaptive_max_pool,
    aten.select_scatter.default: _select_scatter,
    aten.div.Scalar_mode: _divide,
}


def _rename(target: Any, arguments: int | None = None) -> Callable[[fx.Node], None]:
    def rewrite(node: fx.Node) -> None:
        node.target = target
        node.args = node.args[:arguments]

    return rewrite


def _from_front(node: fx.Node) -> None:
    """x.select(dim, -1): TVM reads out of bounds for a negative index, and says nothing."""
    source, dim, index = node.args
    if isinstance(source, fx.Node) and isinstance(dim, int) and isinstance(index, int) and index < 0:
        node.args = (source, dim, index + int(source.meta["val"].shape[dim]))


def _by_size(target: Any, has_corners: bool) -> Callable[[fx.Node], None]:
    """aten::upsample_*2d as the overload that torch.export leaves whole; scales are no more than the size says."""

    def rewrite(node: fx.Node) -> None:
        node.target = target
        node.args = (*node.args[: 3 if has_corners else 2], None)
        node.kwargs = {}

    return rewrite


REWRITES: dict[Any, Callable[[fx.Node], None]] = {
    aten._convolution.default: _rename(aten.convolution.default, 9),
    aten.view.default: _rename(aten.reshape.default),
    aten._unsafe_view.default: _rename(aten.reshape.default),
    aten.select.int: _from_front,
    aten.upsample_nearest2d.default: _by_size(aten.upsample_nearest2d.vec, False),
    aten.upsample_bilinear2d.default: _by_size(aten.upsample_bilinear2d.vec, True),
    aten.upsample_bicubic2d.default: _by_size(aten.upsample_bicubic2d.vec, True),
}


def rewrite(graph: fx.Graph) -> None:
    """Changes the nodes of `graph` by REWRITES."""
    for node in graph.nodes:
        if node.op == "call_function" and node.target in REWRITES and "val" in node.meta:
            REWRITES[node.target](node)


def _arguments(node: fx.Node, importer: Importer) -> list[Any]:
    """All arguments of the node's operator as relax has them, the defaults too."""
    given = list(importer.retrieve_args(node))
    rest = node.target._schema.arguments[len(given) :]  # type: ignore[union-attr]
    return given + [node.kwargs.get(argument.name, argument.default_value) for argument in rest]


def _resize(method: str, has_corners: bool) -> Converter:
    """aten::upsample_*2d: TVM's own rounds where PyTorch's nearest takes the floor."""

    def convert(node: fx.Node, importer: Importer) -> Any:
        corners = has_corners and bool(node.args[2])
        mode = "align_corners" if corners else "half_pixel" if has_corners else "asymmetric"
        size = [int(n) for n in node.meta["val"].shape[2:]]
        how = {"layout": "NCHW", "method": method, "rounding_method": "" if has_corners else "floor"}
        how["coordinate_transformation_mode"] = mode
        return importer.block_builder.emit(relax.op.image.resize2d(importer.env[node.args[0]], size, **how))

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
    if node.meta["val"].dtype != node.args[0].meta["val"].dtype:  # type: ignore[union-attr]
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
            raise NotImplementedError(f"scatter_reduce by {how[0]}, include_self={how[1]}")
        kind = reduction or kinds[how[0]]
        return importer.block_builder.emit(relax.op.scatter_elements(x, index, source, axis=dim, reduction=kind))

    return convert


def _index(node: fx.Node, importer: Importer) -> Any:
    """x[i, j]: TVM reads out of bounds for a negative index, and says nothing."""
    emit, kept = importer.block_builder.emit, dict(importer.env)
    shape = node.args[0].meta["val"].shape  # type: ignore[union-attr]
    for axis, index in enumerate(node.args[1]):  # type: ignore[arg-type]
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
    raise NotImplementedError(f"{node.target} of {node.name}")


CONVERTERS: dict[str, Converter] = {
    "upsample_nearest2d.vec": _resize("nearest_neighbor", False),
    "upsample_bilinear2d.vec": _resize("linear", True),
    "upsample_bicubic2d.vec": _resize("cubic", True),
    "_upsample_bilinear2d_aa.default": _refuse,  # TVM's is not antialiased
    "exponential.default": _refuse,  # TVM's gives zeros
    "amax.default": _reduce(relax.op.max),
    "amin.default": _reduce(relax.op.min),
    "prod.dim_int": _reduce(relax.op.prod),
    "any.default": _any,
    "clamp.default": _clamp,
    "min.dim": _min_dim,
    "scatter_add.default": _scatter("add"),
    "scatter_reduce.two": _scatter(),
    "index.Tensor": _index,
}
