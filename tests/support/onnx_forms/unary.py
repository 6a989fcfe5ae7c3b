"""Operators of one input that work value by value."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from support.onnx_forms.form import Form, Operator

SHAPES = ((2, 3, 5), (17,), (), (1, 1), (2, 0, 3))

RANGES: dict[str, tuple[float, float]] = {
    "Acos": (-1, 1),
    "Asin": (-1, 1),
    "Atanh": (-0.99, 0.99),
    "Acosh": (1, 9),
    "Log": (1e-3, 50),
    "Sqrt": (0, 50),
    "Tan": (-1.4, 1.4),
    "Sinh": (-5, 5),
    "Cosh": (-5, 5),
    "Round": (-5, 5),
}
"""Where an operator gives numbers; -4 to 4 for the rest."""

SPECIAL: dict[str, tuple[float, ...]] = {
    "Abs": (-np.inf, np.inf, -0.0, 1e30, -1e-30),
    "Acos": (-1, 1, 0),
    "Acosh": (1, 1e4, np.inf),
    "Asin": (-1, 1, 0),
    "Asinh": (-1e4, 1e4, 1e-6, -1e-6, 0),
    "Atan": (-np.inf, np.inf, 1e-6, 1e20),
    "Atanh": (0.0, 1e-6, 0.999),
    "Ceil": (-0.5, 0.5, -1, 1, 1e10, np.inf, -np.inf),
    "Cos": (0, 100, -1000, 3.1415927),
    "Cosh": (0, 20, -20),
    "Elu": (-np.inf, np.inf, -100, 1e-6, 0, -1e-6),
    "Erf": (-np.inf, np.inf, -4, 4, 1e-6, 0),
    "Exp": (-np.inf, np.inf, -100, 80, 0, 1e-6),
    "Floor": (-0.5, 0.5, -1, 1, 1e10, np.inf, -np.inf),
    "Gelu": (-np.inf, np.inf, -20, 20, 0)[2:],
    "HardSigmoid": (-np.inf, np.inf, -100, 100, 0),
    "HardSwish": (-100, 100, -3, 3, 0),
    "LeakyRelu": (-1e30, 1e30, 0),
    "Log": (np.inf, 1e-30, 1e30, 1, 0),
    "Mish": (-100, 30, 0, 1e-6, 90),
    "Neg": (-np.inf, np.inf, 0, 1e30),
    "Reciprocal": (np.inf, -np.inf, 1e30, 1e-30, 0),
    "Relu": (-np.inf, np.inf, -0.0, 1e30, 1e-30),
    "Round": (-0.5, 0.5, 1.5, 2.5, -1.5, -2.5, 1e10, np.inf, -np.inf, 0.49999997, 8388609.0),
    "Selu": (-np.inf, np.inf, -100, 1e-6, 0),
    "Shrink": (-0.5, 0.5, 0, 1e30, np.inf, -np.inf),
    "Sigmoid": (-np.inf, np.inf, -100, 100, 0, -90),
    "Sign": (-np.inf, np.inf, 0, -0.0, 1e-30, -1e-30),
    "Sin": (0, 100, -1000, 3.1415927, 1e-6),
    "Sinh": (0, 20, -20, 1e-6),
    "Softplus": (-100, 100, 0, 90, -90, 1e-6, np.inf),
    "Softsign": (-1e30, 1e30, 0, 1e-6),
    "Sqrt": (0, 1e30, 1e-30, np.inf),
    "Tan": (0, 1e-6, 1.5, 4.0),
    "Tanh": (-np.inf, np.inf, -100, 100, 1e-6, 0, -1e-6, 9.1),
    "ThresholdedRelu": (-np.inf, np.inf, 1, 1.0000001),
}
"""Values at the edges: the greatest, the smallest, halves, infinities where they give numbers."""

ATTRIBUTES: dict[str, tuple[dict[str, object], ...]] = {
    "Celu": ({}, {"alpha": 2.0}, {"alpha": 0.3}),
    "Elu": ({}, {"alpha": 2.0}, {"alpha": 0.0}),
    "Gelu": ({}, {"approximate": "none"}, {"approximate": "tanh"}),
    "HardSigmoid": ({}, {"alpha": 0.5, "beta": 0.4}, {"alpha": -0.5}),
    "LeakyRelu": ({}, {"alpha": 0.3}, {"alpha": 0.0}, {"alpha": 1.5}, {"alpha": -0.5}),
    "Selu": ({}, {"alpha": 2.0, "gamma": 0.5}, {"gamma": 2.0}),
    "Shrink": ({}, {"lambd": 1.0, "bias": 0.5}, {"lambd": 0.0}, {"bias": -1.0}),
    "Swish": ({}, {"alpha": 2.0}, {"alpha": -0.5}),
    "ThresholdedRelu": ({}, {"alpha": 2.0}, {"alpha": -1.0}, {"alpha": 0.0}),
}


def _plain(op: Operator) -> Iterator[Form]:
    low, high = RANGES.get(op.name, (-4, 4))
    for attributes in ATTRIBUTES.get(op.name, ({},)):
        for dtype in op.types():
            yield from op.form(op.any(2, 3, 5, dtype=dtype, low=low, high=high), **attributes)
        yield from op.form(np.array(SPECIAL.get(op.name, (0.0, 1.0)), "float32"), note="edges", **attributes)
    for shape in SHAPES[1:]:
        yield from op.form(op.any(*shape, dtype=op.types()[0], low=low, high=high))
    yield from op.form(op.any(2, 3, low=low, high=high), consumed_inputs=[0])


def _is_nan(op: Operator) -> Iterator[Form]:
    for dtype in op.types():
        values = np.array([1, np.nan, np.inf, -np.inf, 0, -np.nan, 2], dtype)
        yield from op.form(values)
        yield from op.form(values.reshape(7, 1))


def _is_inf(op: Operator) -> Iterator[Form]:
    for dtype in op.types():
        values = np.array([1, np.nan, np.inf, -np.inf, 0, 3e4, -3e4, 2], dtype).reshape(2, 4)
        yield from op.form(values)
        for negative in (0, 1):
            for positive in (0, 1):
                yield from op.form(values, detect_negative=negative, detect_positive=positive)


GENERATORS = {
    **dict.fromkeys(
        (
            *("Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "BitwiseNot", "Ceil", "Celu", "Cos", "Cosh"),
            *("Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Log"),
            *("Mish", "Neg", "Not", "Reciprocal", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh"),
            *("Softplus", "Softsign", "Sqrt", "Swish", "Tan", "Tanh", "ThresholdedRelu"),
        ),
        _plain,
    ),
    "IsNaN": _is_nan,
    "IsInf": _is_inf,
}
