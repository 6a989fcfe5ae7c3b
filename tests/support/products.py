"""Every form of a product of bytes that ONNX has, with the numbers that saturate where a CPU or a kernel does.

A form's exact result comes from integers of 64 bits. Scales are powers of two, so that floats lose nothing on the way
to a rounding: each number can be asked for exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

Array = np.ndarray
DEPTH = 300
"""Products in a sum: 300 * 255 * 127 < 2^24, which float32 holds."""

DEEP = 1200
"""Sums of so many products are not exact in float32."""

VALUES = ("greatest", "least", "ends", "any")
"""What bytes the factors have: (greatest, greatest), (greatest, least), one of both at random, any."""

TYPES = ("uint8", "int8")
DATA_SCALE, WEIGHT_SCALE = 2.0**-5, 2.0**-7


@dataclass(frozen=True)
class Form:
    """One operator, or several, in one form."""

    name: str
    model: Any
    inputs: dict[str, Array]
    exact: Array
    """The result: int32, bytes, or floats that stand for them."""


@dataclass
class _Graph:
    """A model in the making, and what is fed."""

    opset: int
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    inputs: dict[str, Array] = field(default_factory=dict)

    def constant(self, array: Any) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(array), f"c{len(self.constants)}"))
        return str(self.constants[-1].name)

    def feed(self, array: Array) -> str:
        name = f"x{len(self.inputs)}"
        self.inputs[name] = array
        return name

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def form(self, name: str, result: str, exact: Array) -> Form:
        def value(name: str, array: Array, shape: Any) -> Any:
            return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), shape)

        self.nodes.append(helper.make_node("Identity", [result], ["result"]))
        values = [value(key, array, array.shape) for key, array in self.inputs.items()]
        outputs = [value("result", exact, exact.shape)]
        graph = helper.make_graph(self.nodes, "form", values, outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        checker.check_model(model, full_check=True)
        return Form(name, model, self.inputs, exact)


def _bytes(kind: str, dtype: str, shape: tuple[int, ...], seed: int) -> Array:
    limits, random = np.iinfo(dtype), np.random.default_rng(seed)
    if kind == "any":
        return random.integers(limits.min, limits.max + 1, shape).astype(dtype)
    if kind == "ends":
        return random.choice([limits.min, limits.max], shape).astype(dtype)
    return np.full(shape, limits.max if kind == "greatest" else limits.min, dtype)


def _pair(kind: str, types: tuple[str, str], shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> tuple[Array, Array]:
    first = "greatest" if kind == "least" else kind
    return _bytes(first, types[0], shapes[0], 1), _bytes(kind, types[1], shapes[1], 2)


def _wide(array: Array, zero: Any = 0) -> Array:
    return array.astype("int64") - np.asarray(zero).astype("int64")


def _convolved(data: Array, weight: Array, groups: int, pad: int) -> Array:
    """A convolution of stride 1 of [N, C, H, W], in int64."""
    data = np.pad(data, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(data, weight.shape[2:], (2, 3))
    n, c, h, w = windows.shape[:4]
    split = windows.reshape(n, groups, c // groups, h, w, *weight.shape[2:])
    kernels = weight.reshape(groups, -1, *weight.shape[1:])
    return np.einsum("ngchwij,gocij->ngohw", split, kernels).reshape(n, -1, h, w)


def _rounded(total: Array, scale: Array | float, zero: int, dtype: str) -> tuple[Array, float]:
    """Sums as bytes with a step that fits them, and that step: a power of two."""
    real = total * np.asarray(scale, "float64")
    limits = np.iinfo(dtype)
    reach = (limits.max - zero if real.max() > 0 else zero - limits.min) or 1
    step = 2.0 ** np.ceil(np.log2(max(np.abs(real).max(), 1e-9) / reach))
    return np.clip(np.round(real / step) + zero, limits.min, limits.max).astype(dtype), float(step)


def _zero(dtype: str, number: int) -> Array:
    return np.array(number + (128 if dtype == "uint8" else 0), dtype)


def _factor(g: _Graph, array: Array, fed: bool) -> str:
    return g.feed(array) if fed else g.constant(array)


def _matmul_integer(kind: str, depth: int = DEPTH) -> Iterator[Form]:
    shapes = {"": ((7, depth), (depth, 17)), "a row": ((1, depth), (depth, 33)), "rank 3": ((2, 3, depth), (depth, 5))}
    for types, (rank, sizes), fed, zeros in product(
        product(TYPES, TYPES), shapes.items(), (False, True), ("none", "one", "columns")
    ):
        if (rank or depth != DEPTH) and (fed or zeros == "columns"):
            continue
        g = _Graph(13)
        a, b = _pair(kind, types, sizes)
        columns = np.resize(np.array([3, 0, 5], types[1]), sizes[1][-1])
        za, zb = np.array(3, types[0]), np.array(5, types[1]) if zeros == "one" else columns
        given = [] if zeros == "none" else [g.constant(za), g.constant(zb)]
        exact = _wide(a) @ _wide(b) if zeros == "none" else _wide(a, za) @ _wide(b, zb)
        made = g.add("MatMulInteger", g.feed(a), _factor(g, b, fed), *given)
        words = [f"MatMulInteger {types[0]} {types[1]}", rank, "fed" if fed else "", f"zero points: {zeros}"]
        yield g.form(", ".join(filter(None, words)), made, exact.astype("int32"))


WINDOWS = {
    "": (1, 34, 17, 3, 1),
    "1x1": (1, DEPTH, 9, 1, 0),
    "groups": (4, 64, 8, 3, 1),
    "depthwise": (24, 24, 24, 3, 1),
}
"""Groups, channels, channels of the result, kernel, padding."""


def _windows(kind: str, types: tuple[str, str], deep: bool) -> Iterator[tuple[str, Array, Array, int, int]]:
    for name, (groups, channels, results, size, pad) in WINDOWS.items():
        factor = 4 if deep else 1
        if deep and name == "depthwise":
            groups, channels, results, size = 3, 3, 3, 35
        elif deep:
            channels *= factor
        shape = (1, channels, size + 2, size + 3)
        x, w = _pair(kind, types, (shape, (results, channels // groups, size, size)))
        yield name, x, w, groups, pad


def _conv_integer(kind: str, deep: bool = False) -> Iterator[Form]:
    for types in product(TYPES, TYPES):
        for name, x, w, groups, pad in _windows(kind, types, deep):
            for zeros in (False, True):
                g = _Graph(13)
                zx, zw = np.array(3, types[0]), np.array(5, types[1])
                given = [g.constant(zx), g.constant(zw)] if zeros else []
                exact = _convolved(_wide(x, zx if zeros else 0), _wide(w, zw if zeros else 0), groups, pad)
                made = g.add("ConvInteger", g.feed(x), g.constant(w), *given, group=groups, pads=[pad] * 4)
                words = [f"ConvInteger {types[0]} {types[1]}", name, "zero points" if zeros else ""]
                yield g.form(", ".join(filter(None, words)), made, exact.astype("int32"))


def _qlinear_matmul(kind: str) -> Iterator[Form]:
    for types, fed, opset in product(product(TYPES, TYPES), (False, True), (13, 21)):
        g = _Graph(opset)
        a, b = _pair(kind, types, ((7, DEPTH), (DEPTH, 17)))
        za, zb = np.array(3, types[0]), np.array(5, types[1])
        zy = _zero(types[0], 0)
        exact, step = _rounded(_wide(a, za) @ _wide(b, zb), DATA_SCALE * WEIGHT_SCALE, int(zy), types[0])
        first = (g.feed(a), g.constant(np.float32(DATA_SCALE)), g.constant(za))
        second = (_factor(g, b, fed), g.constant(np.float32(WEIGHT_SCALE)), g.constant(zb))
        made = g.add("QLinearMatMul", *first, *second, g.constant(np.float32(step)), g.constant(zy))
        words = [f"QLinearMatMul-{10 if opset < 21 else 21} {types[0]} {types[1]}", "fed" if fed else ""]
        yield g.form(", ".join(filter(None, words)), made, exact)


def _scales(count: int, per_channel: bool) -> Array:
    powers = WEIGHT_SCALE * 2.0 ** -(np.arange(count) % 3)
    return powers.astype("float32") if per_channel else np.float32(WEIGHT_SCALE)


def _qlinear_conv(kind: str) -> Iterator[Form]:
    for types, per_channel in product(product(TYPES, TYPES), (False, True)):
        for name, x, w, groups, pad in _windows(kind, types, False):
            g = _Graph(13)
            zx, zy, scales = np.array(3, types[0]), _zero(types[0], 0), _scales(w.shape[0], per_channel)
            zw = np.full(scales.shape, 128 if types[1] == "uint8" else 0, types[1])
            total = _convolved(_wide(x, zx), _wide(w, zw.reshape(-1)[0]), groups, pad)
            factor = DATA_SCALE * np.broadcast_to(scales, w.shape[0]).reshape(1, -1, 1, 1).astype("float64")
            exact, step = _rounded(total, factor, int(zy), types[0])
            first = (g.feed(x), g.constant(np.float32(DATA_SCALE)), g.constant(zx))
            second = (g.constant(w), g.constant(scales), g.constant(zw))
            last = (g.constant(np.float32(step)), g.constant(zy))
            made = g.add("QLinearConv", *first, *second, *last, group=groups, pads=[pad] * 4)
            words = [f"QLinearConv {types[0]} {types[1]}", name, "per channel" if per_channel else ""]
            yield g.form(", ".join(filter(None, words)), made, exact)


def _around(g: _Graph, types: tuple[str, str], x: Array, w: Array, axis: int) -> tuple[str, str, Array, Array]:
    """A dequantised input and weight, the factors that their product stands for, and the scales along `axis`."""
    zx, scales = np.array(3, types[0]), _scales(w.shape[axis], True)
    zw = np.full(scales.shape, 128 if types[1] == "uint8" else 0, types[1])
    data = g.add("DequantizeLinear", g.feed(x), g.constant(np.float32(DATA_SCALE)), g.constant(zx))
    weight = g.add("DequantizeLinear", g.constant(w), g.constant(scales), g.constant(zw), axis=axis)
    return data, weight, _wide(x, zx), _wide(w, zw[0])


def _requantised(g: _Graph, real: str, dtype: str, total: Array, factor: Array) -> tuple[str, Array]:
    zy = _zero(dtype, 0)
    exact, step = _rounded(total, factor, int(zy), dtype)
    return g.add("QuantizeLinear", real, g.constant(np.float32(step)), g.constant(zy)), exact


def _qdq(kind: str) -> Iterator[Form]:
    for types in product(TYPES, TYPES):
        for name, x, w, groups, pad in _windows(kind, types, False):
            g = _Graph(13)
            data, weight, wide, wide_weight = _around(g, types, x, w, 0)
            made = g.add("Conv", data, weight, group=groups, pads=[pad] * 4)
            factor = DATA_SCALE * _scales(w.shape[0], True).reshape(1, -1, 1, 1).astype("float64")
            made, exact = _requantised(g, made, types[0], _convolved(wide, wide_weight, groups, pad), factor)
            yield g.form(", ".join(filter(None, [f"QDQ Conv {types[0]} {types[1]}", name])), made, exact)
        for op in ("MatMul", "Gemm"):
            g = _Graph(13)
            a, b = _pair(kind, types, ((7, DEPTH), (DEPTH, 17)))
            data, weight, wide, wide_weight = _around(g, types, a, b, 1)
            factor = DATA_SCALE * _scales(17, True).astype("float64")
            made = g.add(op, data, weight)
            made, exact = _requantised(g, made, types[0], wide @ wide_weight, factor)
            yield g.form(f"QDQ {op} {types[0]} {types[1]}", made, exact)


def _dynamic(kind: str) -> Iterator[Form]:
    """As quantize_dynamic writes a MatMul; the data has the scale 1 and the zero point 0."""
    for dtype in TYPES:
        g = _Graph(13)
        a, b = _pair(kind, ("uint8", dtype), ((7, DEPTH), (DEPTH, 17)))
        a[0, :2] = 0, 255
        names = ["quantised", "scale", "zero"]
        g.nodes.append(helper.make_node("DynamicQuantizeLinear", [g.feed(a.astype("float32"))], names))
        zero = np.array(5, dtype)
        whole = g.add("MatMulInteger", names[0], g.constant(b), names[2], g.constant(zero))
        scale = g.add("Mul", names[1], g.constant(np.float32(WEIGHT_SCALE)))
        made = g.add("Mul", g.add("Cast", whole, to=TensorProto.FLOAT), scale)
        exact = (_wide(a) @ _wide(b, zero)) * WEIGHT_SCALE
        yield g.form(f"quantize_dynamic {dtype}", made, exact.astype("float32"))


KINDS: dict[str, Callable[[str], Iterator[Form]]] = {
    "MatMulInteger": _matmul_integer,
    "ConvInteger": _conv_integer,
    "QLinearMatMul": _qlinear_matmul,
    "QLinearConv": _qlinear_conv,
    "QDQ": _qdq,
    "quantize_dynamic": _dynamic,
}

DEEP_KINDS: dict[str, Callable[[str], Iterator[Form]]] = {
    "MatMulInteger": lambda kind: _matmul_integer(kind, DEEP),
    "ConvInteger": lambda kind: _conv_integer(kind, True),
}
"""Sums that float32 does not hold: those of operators whose results are the sums themselves."""


def forms(op: str, values: str, deep: bool = False) -> list[Form]:
    """All forms of an operator of KINDS (or DEEP_KINDS), with bytes of one of VALUES."""
    return list((DEEP_KINDS if deep else KINDS)[op](values))
