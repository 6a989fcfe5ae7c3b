"""Operators in the forms of opsets 1 to 6, which ONNX Runtime does not run: numpy says what is right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from support.old_form import IMAGE, POSITIVE, Form, X, form_of, numbers, right

Array = npt.NDArray[Any]


def _at(b: Array, axis: int) -> Array:
    """The second operand of an old broadcast: its first axis is `axis` of X."""
    return b.reshape(*b.shape, *[1] * (X.ndim - axis - b.ndim))


def arithmetic() -> dict[str, Form]:
    found = {}
    real = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}
    for op, function in real.items():
        for opset in (1, 6):
            for axis, shape in ((0, (2, 3)), (1, (3,)), (1, (3, 4)), (-2, (4,)), (3, (5,)), (0, (2, 3, 4, 5))):
                place = axis % X.ndim
                found[f"{op}-{opset} at {axis} of {shape}"] = form_of(
                    *(op, opset, X, np.abs(numbers(*shape)) + 0.5),
                    right=lambda a, b, f=function, at=place: f(a, _at(b, at)),
                    broadcast=1,
                    axis=axis,
                )
            found[f"{op}-{opset} at the end"] = form_of(op, opset, X, POSITIVE[0, 0], right=function, broadcast=1)
            found[f"{op}-{opset} without"] = form_of(op, opset, X, POSITIVE, right=function)
    found["Pow-1"] = form_of(
        "Pow", 1, POSITIVE, numbers(3), right=lambda a, b: np.power(a, _at(b, 1)), broadcast=1, axis=1
    )
    for op, compare in {"Equal": np.equal, "Greater": np.greater, "Less": np.less}.items():
        a, b = (array if op != "Equal" else np.round(array).astype("int32") for array in (X, numbers(3, 4)))
        found[f"{op}-1"] = form_of(
            op, 1, a, b, right=lambda a, b, f=compare: f(a, _at(b, 1)), broadcast=1, axis=1, kinds=("?",)
        )
    for op, logic in {"And": np.logical_and, "Or": np.logical_or, "Xor": np.logical_xor}.items():
        found[f"{op}-1"] = form_of(
            *(op, 1, X > 0, numbers(2) > 0), right=lambda a, b, f=logic: f(a, _at(b, 0)), broadcast=1, axis=0
        )
    return found


def _prelu(x: Array, slope: Array) -> Array:
    return np.where(x < 0, x * slope.reshape(-1, *[1] * (x.ndim - 2)), x)


def normalized(x: Array, scale: Array, bias: Array, mean: Array, variance: Array) -> Array:
    shape = (-1, *[1] * (x.ndim - 2)) if scale.ndim == 1 else scale.shape
    scale, bias, mean, variance = (item.reshape(shape) for item in (scale, bias, mean, variance))
    return (x - mean) / np.sqrt(variance + 1e-3) * scale + bias


def _softmax(x: Array, axis: int) -> Array:
    flat = np.exp(x.reshape(int(np.prod(x.shape[:axis])), -1).astype("f8"))
    return (flat / flat.sum(1, keepdims=True)).reshape(x.shape).astype(x.dtype)


def before_opset_7() -> dict[str, Form]:
    """What ONNX Runtime does not run."""
    most, statistics = np.finfo("float32").max, [numbers(3), numbers(3), numbers(3), np.abs(numbers(3))]
    wild = np.array([-np.inf, -2, 0.5, 7, np.inf], "float32")
    found = {
        "Abs-1": form_of("Abs", 1, X, right=np.abs, consumed_inputs=[0]),
        "BatchNormalization-1": form_of(
            *("BatchNormalization", 1, X, *statistics), right=normalized, epsilon=1e-3, consumed_inputs=[0, 0, 0, 1, 1]
        ),
        "BatchNormalization-6": form_of(
            "BatchNormalization", 6, X, *statistics, right=normalized, epsilon=1e-3, is_test=1, spatial=1
        ),
        "Cast-1": form_of("Cast", 1, X, right=lambda x: x.astype("int32"), to="INT32", kinds=("i4",)),
        "Cast-1, small": form_of("Cast", 1, X, right=lambda x: x.astype("float16"), to="float16", kinds=("f2",)),
        "Clip-1": form_of("Clip", 1, wild, right=lambda x: np.minimum(x, 1), max=1.0, consumed_inputs=[0]),
        "Clip-6": form_of("Clip", 6, wild, right=lambda x: np.clip(x, -most, 1), max=1.0),
        "Concat-1": form_of("Concat", 1, X, X, right=lambda a, b: np.concatenate([a, b], 1)),
        "Concat-1, axis": form_of("Concat", 1, X, X, right=lambda a, b: np.concatenate([a, b], 2), axis=2),
        "Dropout-1": form_of("Dropout", 1, X, right=lambda x: x, is_test=1, consumed_inputs=[0]),
        "Dropout-6": form_of("Dropout", 6, X, right=lambda x: x, is_test=1, ratio=0.3),
        "GlobalLpPool-1": form_of("GlobalLpPool", 1, X, right=lambda x: np.abs(x).sum((2, 3), keepdims=True), p=1.0),
        "PRelu-1": form_of("PRelu", 1, X, numbers(3), right=_prelu, consumed_inputs=[0]),
        "PRelu-6": form_of("PRelu", 6, X, numbers(3), right=_prelu),
        "PRelu-6, of one": form_of("PRelu", 6, X, numbers(1), right=_prelu),
        "PRelu-6, rank 2": form_of("PRelu", 6, X[0, 0], numbers(5), right=_prelu),
        "Pad-1": form_of(
            *("Pad", 1, IMAGE),
            right=lambda x: np.pad(x, [(0, 0), (0, 0), (1, 2), (3, 4)]),
            paddings=[0, 0, 1, 3, 0, 0, 2, 4],
        ),
        "Reshape-1": form_of("Reshape", 1, X, right=lambda x: x.reshape(2, 12, 5), shape=[0, -1, 5]),
        "Selu-1": form_of(
            "Selu", 1, X, right=lambda x: 1.0507 * np.where(x > 0, x, 1.6732 * (np.exp(x) - 1)).astype("f4")
        ),
        "Softmax-1": form_of("Softmax", 1, X, right=lambda x: _softmax(x, 1)),
        "Split-1": form_of(
            *("Split", 1, X), right=lambda x: [x[..., :2], x[..., 2:]], axis=3, split=[2, 3], outputs=("a", "b")
        ),
        "Split-1, as an input": form_of(
            *("Split", 1, X, np.array([2, 3], "float32")),
            right=lambda x, _: [x[..., :2], x[..., 2:]],
            axis=3,
            outputs=("a", "b"),
        ),
        "Tile-1": form_of(
            *("Tile", 1, X, np.array(3, "float32"), np.array(2, "float32")),
            right=lambda x, *_: np.tile(x, (1, 1, 3, 1)),
        ),
        "Upsample-1": form_of(
            *("Upsample", 1, IMAGE), right=lambda x: x.repeat(2, 2).repeat(3, 3), height_scale=2.0, width_scale=3.0
        ),
    }
    for c in (numbers(4), numbers(1), numbers(3, 4)):
        found[f"Gemm-6 with {c.shape}"] = form_of(
            "Gemm", 6, numbers(3, 5), numbers(5, 4), c, right=lambda a, b, c: a @ b + c, broadcast=1
        )
    return found


def recurrent() -> dict[str, Form]:
    """GRU, LSTM and RNN of opset 1 are those of 7: ONNX Runtime runs that form."""
    found: dict[str, Form] = {}
    for op, gates in {"GRU": 3, "LSTM": 4, "RNN": 1}.items():
        weights = numbers(1, gates * 5, 3), numbers(1, gates * 5, 5), numbers(1, gates * 10)
        now = form_of(op, 7, numbers(4, 2, 3), *weights, hidden_size=5, outputs=("y", "h"))
        found[f"{op}-7"] = now
        for opset in (1, 3) if op == "GRU" else (1,):
            attributes = now.attributes | {"output_sequence": 1}
            like = lambda *_, form=now: right(form)  # noqa: E731
            found[f"{op}-{opset}"] = replace(now, opset=opset, attributes=attributes, right=like)
    return found
