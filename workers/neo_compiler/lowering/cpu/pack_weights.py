"""Converts products with a constant weight to `templates`, with the weight packed for the target's registers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax

from neo_compiler.lowering.cpu import cost_model, templates, tile_selection, winograd
from neo_compiler.lowering.cpu.cost_model import Tile
from neo_compiler.lowering.cpu.cpu_model import Machine
from neo_compiler.lowering.cpu.tile_selection import Choices, Product
from neo_compiler.passes.convolution import output_size, weight_of
from neo_compiler.passes.quantization.dot_instructions import WORD, Dot
from neo_compiler.passes.quantization.exact_sums import is_whole
from neo_compiler.passes.rewriter import ints, is_constant, op_name, rewrite, shape_of
from neo_compiler.passes.weight_packing import MAX_GROUPS, Packer
from neo_compiler.tvm_types import Expr

Array = npt.NDArray[Any]
R = relax.op


def pack(module: tvm.IRModule, machine: Machine, tiles_of: Choices) -> tvm.IRModule:
    """`module` with packed weights and kernels of `templates` instead of conv2d and matmul."""
    return relax.transform.DeadCodeElimination()(rewrite(module, _Packer, machine, tiles_of))


def panels(weight: Array, columns: int) -> Array:
    """[..., N] -> [ceil(N / columns), ..., columns], zeros at the end."""
    missing = -weight.shape[-1] % columns
    filled = np.concatenate([weight, np.zeros((*weight.shape[:-1], missing), weight.dtype)], -1) if missing else weight
    return np.ascontiguousarray(np.moveaxis(filled.reshape(*weight.shape[:-1], -1, columns), -2, 0))


def words(weight: Array) -> Array:
    """int8 [..., I, O] -> int32 [..., ceil(I / 4), O]: four bytes of one output channel in each, zeros at the end."""
    missing = -weight.shape[-2] % WORD
    filled = np.concatenate([weight, np.zeros((*weight.shape[:-2], missing, weight.shape[-1]), "int8")], -2)
    by_word = filled.reshape(*weight.shape[:-2], -1, WORD, weight.shape[-1])
    return np.ascontiguousarray(np.moveaxis(by_word, -2, -1)).view("<i4")[..., 0]


class _Packer(Packer):
    def __init__(self, module: tvm.IRModule, machine: Machine, tiles_of: Choices) -> None:
        super().__init__(module)
        self._machine, self._choices = machine, tiles_of

    def conv2d(self, call: Expr, args: list[Expr]) -> Expr | None:
        at, weight, result = call.attrs, weight_of(call, "HWIO"), shape_of(call)
        known = weight is not None and result is not None and shape_of(args[0]) is not None
        if not known or at.data_layout != "NHWC" or at.out_layout not in ("", "NHWC"):
            return None
        if not _float32(call) and not self._bytes(call):
            return None
        assert weight is not None
        window = [ints(values) for values in (at.strides, at.padding, at.dilation)]
        groups, data, fill = int(at.groups), args[0], 0
        if self._bytes(call):
            data, window[1], fill = self._unpadded(data, window[1])
        if groups == 1:
            return self._convolution(data, weight, window, fill)
        if groups == weight.shape[3] == int(data.ty.shape[3]):
            return self.template(templates.depthwise, data, weight[:, :, 0], *window, fill)
        return self._grouped(data, weight, window, groups, fill) if groups <= MAX_GROUPS else None

    def _bytes(self, call: Expr) -> bool:
        """Whether it is a product that the CPU's instruction for bytes can compute."""
        dot, types = self._machine.dot, [str(arg.ty.dtype) for arg in call.args]
        return dot is not None and types == [dot.data, "int8"] and str(call.ty.dtype) == "int32"

    def _unpadded(self, data: Expr, padding: list[int]) -> tuple[Expr, list[int], int]:
        """(image, padding, what stands around it): a template pads in passing."""
        source = self.value(data)
        if op_name(source) != "relax.nn.pad" or any(padding):
            return data, padding, 0
        widths = ints(source.attrs.pad_width)
        if any([*widths[:2], *widths[6:]]):
            return data, padding, 0
        return source.args[0], [widths[2], widths[4], widths[3], widths[5]], int(source.attrs.pad_value)

    def _convolution(self, data: Expr, weight: Array, window: list[list[int]], fill: int = 0) -> Expr:
        dot = self._machine.dot if weight.dtype == np.int8 else None
        if dot is not None:
            weight = words(weight)
        kernel_h, kernel_w, inputs, channels = weight.shape
        if dot is None and not is_whole(weight):
            size = cost_model.winograd_size(self._machine, shape_of(data) or [], list(weight.shape), window)
            if size:
                return self._winograd(data, weight, window[1], size)
        shape = shape_of(data) or []
        height, width = output_size(shape, (kernel_h, kernel_w), *window)
        sums, lines = kernel_h * kernel_w * inputs, shape[0] * height
        tile = self._tile(tile_selection.CONVOLUTION, shape, weight.shape, width, sums, lines, window, dot=dot)
        more = (tile.text, channels) if dot is None else (tile.text, channels, dot.name, fill)
        return self.template(templates.convolution, data, panels(weight, tile.columns), *window, *more)

    def _winograd(self, data: Expr, weight: Array, padding: list[int], size: int) -> Expr:
        inputs, channels = weight.shape[2:]
        shape = shape_of(data) or []
        down, across = (-(-(shape[axis] + padding[axis - 1] + padding[axis + 1] - 2) // size) for axis in (1, 2))
        kind, lines = f"{tile_selection.WINOGRAD}{size}", shape[0] * down * (size + 2) ** 2
        tile = self._tile(kind, shape, weight.shape, across, inputs, lines, [[1, 1], padding, [1, 1]], whole=True)
        packed = panels(winograd.transformed(weight, size), tile.columns)
        return self.template(winograd.winograd, data, packed, padding, size, tile.text, channels)

    def _grouped(self, data: Expr, weight: Array, window: list[list[int]], groups: int, fill: int) -> Expr:
        """A convolution per group, side by side."""
        inputs, channels = weight.shape[2], weight.shape[3] // groups
        parts = []
        for group in range(groups):
            slice_ = self.emit(R.strided_slice(data, [3], [group * inputs], [(group + 1) * inputs]))
            own = np.ascontiguousarray(weight[..., group * channels : (group + 1) * channels])
            parts.append(self.emit(self._convolution(slice_, own, window, fill)))
        return R.concat(parts, 3)

    def matmul(self, call: Expr, args: list[Expr]) -> Expr | None:
        shape, other = shape_of(args[0]), shape_of(args[1])
        if shape is None or other is None or len(shape) < 2:
            return None
        dot = self._machine.dot if self._bytes(call) and is_constant(args[1]) and shape[-1] % WORD == 0 else None
        if dot is None and not _float32(call):
            return None
        if not is_constant(args[1]) or len(other) != 2:
            same = len(other) >= 2 and shape[:-2] == other[:-2] and min(shape[-2], other[-1]) > 1
            return self._batched(args, shape, other) if same else None
        weight = args[1].value.numpy() if dot is None else words(args[1].value.numpy())
        depth, channels = weight.shape
        data, lines = args[0], math.prod(shape[:-1])
        if shape[-2] == 1 and lines > 1:
            data = self.emit(R.reshape(data, [lines, shape[-1]]))
        rows = shape[-2] if data is args[0] else lines
        outer = [lines] if data is not args[0] else shape[:-1]
        tile = self._tile(tile_selection.MATMUL, [*outer, depth], weight.shape, rows, depth, lines // rows, dot=dot)
        more = () if dot is None else (dot.name,)
        made = self.template(templates.matmul, data, panels(weight, tile.columns), tile.text, channels, *more)
        return made if data is args[0] else R.reshape(self.emit(made), ints(call.ty.shape))

    def _batched(self, args: list[Expr], shape: list[int], other: list[int]) -> Expr:
        tile = self._tile(tile_selection.BATCHED, shape, other, shape[-2], shape[-1], math.prod(shape[:-2]))
        return self.template(templates.batched, *args, tile.text)

    def _tile(
        self,
        kind: str,
        data: Sequence[int],
        weight: Sequence[int],
        rows: int,
        depth: int,
        lines: int,
        window: Sequence[Sequence[int]] = (),
        whole: bool = False,
        dot: Dot | None = None,
    ) -> Tile:
        """A word of four bytes counts as one number: it is as wide as a float32."""
        numbers = tuple(tuple(values) for values in window)
        product = Product(kind, tuple(data), tuple(weight), rows, depth, lines, numbers, whole)
        if dot is not None:
            return product.candidates(self._machine)[0]
        return self._choices.tile(self._machine, product)


def _float32(call: Expr) -> bool:
    return all(str(expr.ty.dtype) == "float32" for expr in (call, *call.args))
