"""What each operator does with channels last: RULES, a function for each operator that `layout` can carry on."""

from __future__ import annotations

import tvm
from tvm import relax, tirx

from neo_compiler.passes.convolution import last_conv1d, last_conv2d, last_transposed
from neo_compiler.passes.layout import Result, Rule, Turner, to_last, turned_axis
from neo_compiler.passes.quantization.qparams import BYTES
from neo_compiler.passes.rewriter import ints, is_constant, op_name, rewrite, shape_of
from neo_compiler.tvm_types import Expr

R = relax.op


def channels_last(module: tvm.IRModule) -> tvm.IRModule:
    """`module` with channels last where that pays."""
    return relax.transform.DeadCodeElimination()(rewrite(module, Turner, RULES))


def _rank(expr: Expr) -> int:
    shape = shape_of(expr)
    return -1 if shape is None else len(shape)


def _unary(turner: Turner, call: Expr) -> Result | None:
    if not turner.has(call.args[0]):
        return None
    first = turner.last(call.args[0], _rank(call.args[0]))
    return Result(relax.Call(call.op, [first, *call.args[1:]], call.attrs, call.ty_args), True)


def _broadcast(turner: Turner, call: Expr) -> Result | None:
    rank = _rank(call)
    tensors = [arg for arg in call.args if not is_constant(arg)]
    if rank < 3 or not any(turner.has(arg) for arg in tensors) or any(_rank(arg) != rank for arg in tensors):
        return None
    return Result(relax.Call(call.op, [turner.last(arg, rank) for arg in call.args], call.attrs, call.ty_args), True)


def _pool(turner: Turner, call: Expr) -> Result | None:
    at = call.attrs
    if at.layout != "NCHW" or at.out_layout not in ("", "NCHW") or not turner.has(call.args[0]):
        return None
    pool = R.nn.max_pool2d if "max" in op_name(call) else R.nn.avg_pool2d
    numbers = [ints(values) for values in (at.pool_size, at.strides, at.padding, at.dilation)]
    flags = [bool(at.ceil_mode), bool(at.count_include_pad)]
    return Result(pool(turner.last(call.args[0], 4), *numbers, *flags, "NHWC"), True)


def _adaptive_pool(turner: Turner, call: Expr) -> Result | None:
    at = call.attrs
    if at.layout != "NCHW" or not turner.has(call.args[0]):
        return None
    size = None if at.output_size is None else ints(at.output_size)
    return Result(R.nn.adaptive_avg_pool2d(turner.last(call.args[0], 4), size, "NHWC"), True)


def _reduce(turner: Turner, call: Expr) -> Result | None:
    source, at = call.args[0], call.attrs
    if not turner.has(source) or at.axis is None:
        return None
    rank = _rank(source)
    reduce, axes = getattr(R, op_name(call).removeprefix("relax.")), sorted(int(axis) % rank for axis in at.axis)
    turned = [turned_axis(axis, rank) for axis in axes]
    if at.keepdims:
        return Result(reduce(turner.last(source, rank), turned, True), True)
    if axes == list(range(2, rank)) or axes == list(range(1, rank)):  # the axes that stay keep their order
        return Result(reduce(turner.last(source, rank), turned, False), False)
    return None


def _softmax(turner: Turner, call: Expr) -> Result | None:
    source = call.args[0]
    if not turner.has(source):
        return None
    rank = _rank(source)
    softmax = getattr(R.nn, op_name(call).removeprefix("relax.nn."))
    return Result(softmax(turner.last(source, rank), turned_axis(int(call.attrs.axis), rank)), True)


def _concat(turner: Turner, call: Expr) -> Result | None:
    parts, rank = call.args[0], _rank(call)
    if not isinstance(parts, relax.Tuple) or not any(turner.has(part) for part in parts.fields) or rank < 3:
        return None
    return Result(
        R.concat([turner.last(part, rank) for part in parts.fields], turned_axis(int(call.attrs.axis), rank)), True
    )


def _split(turner: Turner, call: Expr) -> Result | None:
    source = call.args[0]
    if not turner.has(source):
        return None
    rank, parts = _rank(source), call.attrs.indices_or_sections
    sections = int(parts) if isinstance(parts, int | tirx.IntImm) else ints(parts)
    return Result(R.split(turner.last(source, rank), sections, turned_axis(int(call.attrs.axis), rank)), True)


def _resize(turner: Turner, call: Expr) -> Result | None:
    at = call.attrs
    if at.layout != "NCHW" or not turner.has(call.args[0]):
        return None
    return Result(
        R.image.resize2d(
            turner.last(call.args[0], 4),
            call.args[1],
            [float(value) for value in at.roi],
            "NHWC",
            at.method,
            at.coordinate_transformation_mode,
            at.rounding_method,
            float(at.cubic_alpha),
            int(at.cubic_exclude),
            float(at.extrapolation_value),
        ),
        True,
    )


def _pad(turner: Turner, call: Expr) -> Result | None:
    """Of bytes: a quantised convolution's zero point around its image."""
    source, at = call.args[0], call.attrs
    if not turner.has(source) or at.pad_mode != "constant" or str(call.ty.dtype) not in BYTES:
        return None
    rank, widths = _rank(source), ints(at.pad_width)
    turned = [widths[2 * axis + side] for axis in to_last(rank) for side in (0, 1)]
    return Result(R.nn.pad(turner.last(source, rank), turned, pad_value=float(at.pad_value)), True)


def _one_scale(turner: Turner, call: Expr) -> Result | None:
    """quantize and dequantize with one scale for all."""
    return (
        _unary(turner, call) if all(is_constant(arg) and arg.value.numpy().size == 1 for arg in call.args[1:]) else None
    )


def _permute(turner: Turner, call: Expr) -> Result | None:
    source, axes = call.args[0], call.attrs.axes
    if not turner.has(source) or axes is None:
        return None
    rank = _rank(source)
    turned = [turned_axis(axis, rank) for axis in ints(axes)]
    value = turner.last(source, rank)
    return Result(value if turned == list(range(rank)) else R.permute_dims(value, turned), False)


def _reshape(turner: Turner, call: Expr) -> Result | None:
    """Free when channels stay channels: [N, C, H, W] to [N, C, H * W] and back, and where H = W = 1."""
    source = call.args[0]
    old, new = shape_of(source), shape_of(call)
    if not turner.has(source) or old is None or new is None:
        return None
    if all(size == 1 for size in old[2:]):
        return Result(R.reshape(turner.last(source, len(old)), new), False)
    if len(new) >= 3 and new[:2] == old[:2]:
        return Result(R.reshape(turner.last(source, len(old)), [new[axis] for axis in to_last(len(new))]), True)
    return None


def _strided_slice(turner: Turner, call: Expr) -> Result | None:
    source, axes = call.args[0], call.args[1] if len(call.args) > 1 else None
    if not turner.has(source) or not isinstance(axes, relax.Tuple):
        return None
    rank = _rank(source)
    turned = relax.Tuple([relax.prim_value(turned_axis(int(axis.value), rank)) for axis in axes.fields])
    return Result(
        relax.Call(call.op, [turner.last(source, rank), turned, *call.args[2:]], call.attrs, call.ty_args), True
    )


def _names(rule: Rule, prefix: str, names: str) -> dict[str, Rule]:
    return {f"{prefix}{name}": rule for name in names.split()}


RULES: dict[str, Rule] = {
    "relax.nn.conv2d": last_conv2d,
    "relax.nn.conv1d": last_conv1d,
    "relax.nn.pad": _pad,
    **_names(_one_scale, "relax.", "quantize dequantize"),
    "relax.nn.conv2d_transpose": last_transposed,
    **_names(_unary, "relax.nn.", "relu relu6 gelu gelu_tanh silu leakyrelu softplus selu dropout"),
    **_names(_unary, "relax.", "sigmoid tanh exp sqrt rsqrt negative abs erf floor ceil round log square clip astype"),
    **_names(_broadcast, "relax.", "add subtract multiply divide maximum minimum power where"),
    **_names(_broadcast, "relax.", "equal not_equal greater less greater_equal less_equal"),
    **_names(_pool, "relax.nn.", "max_pool2d avg_pool2d"),
    "relax.nn.adaptive_avg_pool2d": _adaptive_pool,
    **_names(_reduce, "relax.", "mean sum max min"),
    **_names(_softmax, "relax.nn.", "softmax log_softmax"),
    "relax.concat": _concat,
    "relax.split": _split,
    "relax.image.resize2d": _resize,
    "relax.permute_dims": _permute,
    "relax.reshape": _reshape,
    "relax.strided_slice": _strided_slice,
}
"""By relax's name of the operator."""
