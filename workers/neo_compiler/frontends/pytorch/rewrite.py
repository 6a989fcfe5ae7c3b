"""Nodes of a traced program that TVM's frontend would read wrongly, changed or refused.

Each row is one silent wrong result that was seen. Source: TVM 0.27, relax.frontend.torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import fx

from neo_compiler.frontends.base import random_text

aten: Any = torch.ops.aten

SCALE_TOLERANCE = 1e-6
AVG_POOL_DIVISOR = 6
"""Place of divisor_override in aten::avg_pool2d's arguments."""


TRAINING = ("train", "training")
RATES = ("dropout_p", "dropout", "p")
"""Names of arguments in torch's schemas: operators with these are random in training, or at a rate of more than 0."""

MIXING = frozenset(
    {
        *("dropout", "dropout_", "native_dropout", "_fused_dropout", "feature_dropout", "feature_dropout_"),
        *("alpha_dropout", "alpha_dropout_", "feature_alpha_dropout", "feature_alpha_dropout_"),
        *("lstm", "gru", "rnn_tanh", "rnn_relu", "_cudnn_rnn", "miopen_rnn", "scaled_dot_product_attention"),
        *("_scaled_dot_product_attention_math", "_scaled_dot_product_flash_attention_for_cpu"),
    }
)
"""Of the operators that torch tags as random, those that are so only at a rate of more than 0."""

TRAINED = "a model is made for use by calling its eval() before it is traced or saved"


class Refused(NotImplementedError):  # noqa: N818 - it is an answer, not a fault
    """The model needs what TVM would silently get wrong; another route would too."""


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


def _by_size(target: Any, arguments: int) -> Callable[[fx.Node], None]:
    """aten::upsample_*2d as the overload that torch.export leaves whole, without the scales behind `arguments`."""

    def rewrite(node: fx.Node) -> None:
        check_scales(node, node.args[arguments:])
        node.target = target
        node.args = (*node.args[:arguments], None)

    return rewrite


def check_scales(node: fx.Node, scales: Any) -> None:
    """Raises Refused for scales that the sizes do not tell: TVM knows only sizes."""
    before, after = (value.meta["val"].shape[2:] for value in (node.args[0], node))
    for scale, source, result in zip(filter(None, scales), before, after, strict=False):
        if abs(scale * source - result) > SCALE_TOLERANCE:
            raise Refused(f"{node.name} resizes {source} by {scale}, which gives no whole number")


def _times_alpha(node: fx.Node) -> None:
    """add(x, y, alpha=2): TVM reads no alpha, and says nothing."""
    alpha = node.kwargs.get("alpha", 1)
    if alpha == 1:
        return
    x, y = node.args
    if isinstance(y, fx.Node):
        with node.graph.inserting_before(node):
            scaled = node.graph.call_function(aten.mul.Tensor, (y, alpha))
        scaled.meta = dict(y.meta)
        node.args = (x, scaled)
    else:
        node.args = (x, y * alpha)
    node.kwargs = {}


def _no_indices(node: fx.Node) -> None:
    """max_pool: TVM gives zeros for the indices."""
    if any(user.args[1] == 1 and user.users for user in node.users):
        raise Refused(f"the indices of {node.name}")


def _no_divisor(node: fx.Node) -> None:
    """avg_pool2d(..., divisor_override): TVM does not read it."""
    if len(node.args) > AVG_POOL_DIVISOR and node.args[AVG_POOL_DIVISOR] is not None:
        raise Refused(f"divisor_override of {node.name}")


REWRITES: dict[Any, Callable[[fx.Node], None]] = {
    aten._convolution.default: _rename(aten.convolution.default, 9),
    aten.view.default: _rename(aten.reshape.default),
    aten._unsafe_view.default: _rename(aten.reshape.default),
    aten.select.int: _from_front,
    aten.add.Tensor: _times_alpha,
    aten.sub.Tensor: _times_alpha,
    aten.max_pool2d_with_indices.default: _no_indices,
    aten.max_pool3d_with_indices.default: _no_indices,
    aten.avg_pool2d.default: _no_divisor,
    aten.upsample_nearest2d.default: _by_size(aten.upsample_nearest2d.vec, 2),
    aten._upsample_nearest_exact2d.default: _by_size(aten._upsample_nearest_exact2d.vec, 2),
    aten.upsample_bilinear2d.default: _by_size(aten.upsample_bilinear2d.vec, 3),
    aten.upsample_bicubic2d.default: _by_size(aten.upsample_bicubic2d.vec, 3),
}


def _is_random(target: Any, arguments: dict[str, Any]) -> bool:
    """Whether an operator with these arguments gives other numbers in every run."""
    if torch.Tag.nondeterministic_seeded not in getattr(target, "tags", ()):
        return False
    in_training = [arguments[name] is not False for name in TRAINING if name in arguments]
    rates = [arguments[name] != 0 for name in RATES if name in arguments]
    if target.namespace == "aten" and target._schema.name.partition("::")[2] in MIXING:
        return all(in_training) and all(rates)
    return all(in_training)


def _arguments(node: fx.Node) -> dict[str, Any]:
    """The arguments of a node's operator by name, the defaults too."""
    target: Any = node.target
    schema = target._schema.arguments
    defaults = {item.name: item.default_value for item in schema if item.has_default_value()}
    given = {item.name: value for item, value in zip(schema, node.args, strict=False)}
    return {**defaults, **given, **node.kwargs}


def refuse_random(graph: fx.Graph) -> None:
    """Takes out random numbers that nobody reads. Raises Refused for others: TVM takes one sample, or drops nothing."""
    for node in reversed(graph.nodes):
        if node.op == "call_function" and hasattr(node.target, "_schema") and _is_random(node.target, _arguments(node)):
            if node.users or node.target._schema.is_mutable:
                raise Refused(random_text(f"{node.target} (node {node.name})", TRAINED))
            graph.erase_node(node)


def rewrite(graph: fx.Graph) -> None:
    """Changes the nodes of `graph` by REWRITES; what nobody uses goes first, as max_pool1d's reshaped indices."""
    graph.eliminate_dead_code()
    refuse_random(graph)
    graph.eliminate_dead_code()
    for node in graph.nodes:
        if node.op == "call_function" and node.target in REWRITES and "val" in node.meta:
            REWRITES[node.target](node)
