"""Operators of PyTorch that are replaced by simpler ones while a program is traced.

Source: torch 2.13, native_functions.yaml and native/transformers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

aten: Any = torch.ops.aten

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


def _elu(x: Tensor, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Tensor:
    """aten::elu, which selu and celu are too; TVM reads neither scale."""
    return torch.where(x > 0, x * scale, (torch.exp(x * input_scale) - 1) * (alpha * scale))


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
    aten.elu.default: _elu,
    aten.grid_sampler_2d.default: torch._decomp.decomposition_table[
        aten.grid_sampler_2d.default
    ],  # TVM's shape is wrong
}
