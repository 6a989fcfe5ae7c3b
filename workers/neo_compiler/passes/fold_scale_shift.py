"""Folds channelwise scales and shifts (such as batch norms) after a convolution or matrix product into its weight."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax

from neo_compiler.passes.constant_folding import constant
from neo_compiler.passes.quantization.exact_sums import is_whole
from neo_compiler.passes.rewriter import Rewriter, is_constant, op_name, rewrite, shape_of
from neo_compiler.tvm_types import Expr

Array = npt.NDArray[Any]

STEPS = ("relax.add", "relax.subtract", "relax.multiply", "relax.divide")


def fold_affine(module: tvm.IRModule) -> tvm.IRModule:
    """`module` where no scale follows a product with a constant weight, and at most one shift."""
    return relax.transform.DeadCodeElimination()(rewrite(module, _Affine))


class _Affine(Rewriter):
    """Keeps every product as product(x, w) or product(x, w) + b while numbers of one channel each follow."""

    def __init__(self, module: tvm.IRModule) -> None:
        super().__init__(module)
        self._read_once: set[Expr] = set()

    def binding(self, binding: Expr) -> None:
        super().binding(binding)
        if self.uses[binding.var] == 1:
            self._read_once.add(self._new[binding.var])

    def call(self, call: Expr, args: list[Expr]) -> Expr | None:
        name = op_name(call)
        if name not in STEPS or len(args) != 2:
            return None
        value, number = args
        if is_constant(value) and name in ("relax.add", "relax.multiply"):
            value, number = number, value
        if value not in self._read_once or not is_constant(number):
            return None
        product, shift = self._parts(value)
        if product is None:
            return None
        axis = channel_axis(self.value(product))
        factor = per_channel(number.value.numpy(), axis, shape_of(product) or [])
        if factor is None:
            return None
        if name in ("relax.add", "relax.subtract"):
            signed = factor if name == "relax.add" else -factor
            return None if shift is None else self._sum(product, shift + signed)
        if is_whole(self.value(product).args[1].value.numpy()):
            return None  # its sums are exact
        with np.errstate(all="ignore"):
            scale = factor if name == "relax.multiply" else 1 / factor
        if not np.isfinite(scale).all():
            return None
        scaled = self._scaled(self.value(product), scale)
        return scaled if shift is None else self._sum(self._once(scaled), shift * scale)

    def _parts(self, value: Expr) -> tuple[Expr | None, Array | None]:
        """(product, shift) of a product or a product's sum with a constant; (None, None) for anything else."""
        bound = self.value(value)
        if weight_axis(bound) is not None:
            return value, None
        if op_name(bound) == "relax.add" and is_constant(bound.args[1]) and bound.args[0] in self._read_once:
            product = bound.args[0]
            if weight_axis(self.value(product)) is not None:
                axis = channel_axis(self.value(product))
                shift = per_channel(bound.args[1].value.numpy(), axis, shape_of(product) or [])
                return (None, None) if shift is None else (product, shift)
        return None, None

    def _once(self, value: Expr) -> Expr:
        var = self.emit(value)
        self._read_once.add(var)
        return var

    def _scaled(self, product: Expr, scale: Array) -> Expr:
        """The product with its weight times `scale`, a number per output channel."""
        data, weight = product.args
        array, axis = weight.value.numpy(), weight_axis(product)
        assert axis is not None
        shape = [1] * array.ndim
        shape[axis] = -1
        return relax.Call(product.op, [data, constant(array * scale.reshape(shape))], product.attrs, product.ty_args)

    def _sum(self, product: Expr, shift: Array) -> Expr:
        shape = [1] * len(product.ty.shape)
        shape[channel_axis(self.value(product))] = -1
        return relax.op.add(product, constant(np.broadcast_to(shift, self._channels(product)).reshape(shape)))

    def _channels(self, product: Expr) -> tuple[int, ...]:
        return (int(product.ty.shape[channel_axis(self.value(product))]),)


def weight_axis(expr: Expr) -> int | None:
    """The output channels' axis of a product's constant weight, None for what is no such product."""
    name = op_name(expr)
    if name == "relax.matmul" and is_constant(expr.args[1]):
        weight = shape_of(expr.args[1])
        return 1 if weight is not None and len(weight) == 2 and _is_float32(expr) else None
    if name in ("relax.nn.conv1d", "relax.nn.conv2d", "relax.nn.conv2d_transpose") and is_constant(expr.args[1]):
        one_group = int(expr.attrs.groups) == 1 or name != "relax.nn.conv2d_transpose"
        same_layout = str(expr.attrs.out_layout) in ("", str(expr.attrs.data_layout))
        plain = "O" in (layout := str(expr.attrs.kernel_layout)) and layout.isupper()
        return layout.index("O") if one_group and same_layout and plain and _is_float32(expr) else None
    return None


def channel_axis(product: Expr) -> int:
    """The output channels' axis in a product's result."""
    if op_name(product) == "relax.matmul":
        return len(product.ty.shape) - 1
    return str(product.attrs.data_layout).index("C")


def per_channel(array: Array, axis: int, shape: list[int]) -> Array | None:
    """`array` as [channels] or [1] when it only varies along `axis` of a tensor of `shape`, else None."""
    if array.ndim > len(shape) or array.dtype != np.float32:
        return None
    full = array.reshape((1,) * (len(shape) - array.ndim) + array.shape)
    others = [size for index, size in enumerate(full.shape) if index != axis]
    return full.reshape(-1) if all(size == 1 for size in others) else None


def _is_float32(call: Expr) -> bool:
    return str(call.ty.dtype) == "float32" and str(call.args[1].value.dtype) == "float32"
