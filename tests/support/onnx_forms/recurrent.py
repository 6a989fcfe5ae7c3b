"""LSTM, GRU and RNN, attention and what goes with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from support.onnx_forms.choices import choices
from support.onnx_forms.form import Array, Form, Operator, ints

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
STATES = {"LSTM": 2, "GRU": 1, "RNN": 1}
WITH_NUMBERS = (
    *(("Affine", [0.5], [0.1]), ("LeakyRelu", [0.2], None), ("ScaledTanh", [0.7], [1.2])),
    ("ThresholdedRelu", [0.3], None),
)
"""Activations, alpha and beta. Those that are left out are ONNX Runtime's own in some of them, not ONNX'."""

LENGTH, BATCH, WIDTH, HIDDEN = 4, 3, 2, 5

ACTIVATIONS: dict[str, tuple[tuple[str, ...], ...]] = {
    "LSTM": (("Sigmoid", "Tanh", "Tanh"), ("HardSigmoid", "Relu", "Softsign"), ("Tanh", "Softplus", "Elu")),
    "GRU": (("Sigmoid", "Tanh"), ("HardSigmoid", "LeakyRelu"), ("Softplus", "Softsign")),
    "RNN": (("Relu",), ("Sigmoid",), ("Softplus",), ("Elu",), ("Softsign",)),
}


def _operands(op: Operator, directions: int, layout: int, optional: int, dtype: str = "float32") -> list[Array | None]:
    """The inputs; `optional` of those that may be left out are given."""
    gates = GATES[op.name]

    def values(*shape: int) -> Array:
        return op.real(*shape, low=-1, high=1, dtype=dtype)

    def turned(*shape: int) -> Array:
        return values(*((shape[1], shape[0], *shape[2:]) if layout else shape))

    given: list[Array | None] = [
        turned(LENGTH, BATCH, WIDTH),
        values(directions, gates * HIDDEN, WIDTH),
        values(directions, gates * HIDDEN, HIDDEN),
        values(directions, 2 * gates * HIDDEN),
        np.array([4, 2, 3], "int32"),
        turned(directions, BATCH, HIDDEN),
    ]
    if op.name == "LSTM":
        given += [turned(directions, BATCH, HIDDEN), values(directions, 3 * HIDDEN)]
    return given[: 3 + optional]


def _recurrent(op: Operator) -> Iterator[Form]:
    outputs, most = STATES[op.name] + 1, 5 if op.name == "LSTM" else 3
    fixed = [1, 2, 3, 7]
    for direction in choices(op.name, "direction"):
        count = 2 if direction == "bidirectional" else 1
        common: dict[str, Any] = {"hidden_size": HIDDEN, "direction": direction}
        for layout in (0, *([1] if op.has("layout") else [])):
            given = {"layout": layout} if op.has("layout") else {}
            for optional in range(most + 1):
                inputs = _operands(op, count, layout, optional)
                yield from op.form(*inputs, fixed=fixed, outputs=outputs, **given, **common)
        inputs = _operands(op, count, 0, most)
        inputs[4] = None
        for names in ACTIVATIONS[op.name]:
            yield from op.form(*inputs, fixed=fixed, outputs=outputs, activations=[*names] * count, **common)
        yield from op.form(*inputs, fixed=fixed, outputs=outputs, clip=0.4, **common)
        yield from op.form(*inputs, outputs=outputs, note="weights fed", **common)
        for name in ("linear_before_reset", "input_forget", "output_sequence"):
            for flag in (0, 1):
                yield from op.form(*inputs, fixed=fixed, outputs=outputs, **{name: flag}, **common)
    rest = list(ACTIVATIONS[op.name][0][1:]) if op.name != "RNN" else []
    for first, alpha, beta in WITH_NUMBERS:
        settings = {"activations": [first, *rest], "activation_alpha": alpha, "activation_beta": beta}
        yield from op.form(*_operands(op, 1, 0, 1), fixed=fixed, outputs=outputs, hidden_size=HIDDEN, **settings)
    for dtype in op.types():
        inputs = _operands(op, 1, 0, 1, dtype)
        yield from op.form(*inputs, fixed=fixed, outputs=outputs, hidden_size=HIDDEN)


def _attention(op: Operator) -> Iterator[Form]:
    for heads, kv, width, value in ((3, 3, 8, 8), (4, 2, 8, 8), (4, 1, 8, 6)):
        q, k, v = op.real(2, heads, 4, width), op.real(2, kv, 6, width), op.real(2, kv, 6, value)
        for attributes in ({}, {"scale": 0.3}, {"is_causal": 1}, {"softcap": 2.0}):
            yield from op.form(q, k, v, **attributes)
        flat = [item.transpose(0, 2, 1, 3).reshape(2, item.shape[2], -1).copy() for item in (q, k, v)]
        yield from op.form(*flat, q_num_heads=heads, kv_num_heads=kv)
        for mask in (
            op.real(4, 6),
            op.flags(4, 6) | np.eye(4, 6, dtype=bool),
            op.real(2, 1, 4, 6),
            op.real(2, heads, 4, 6),
        ):
            for causal in choices(op.name, "is_causal"):
                yield from op.form(q, k, v, mask, is_causal=causal)
        past = op.real(2, kv, 3, width), op.real(2, kv, 3, value)
        for causal in choices(op.name, "is_causal"):
            yield from op.form(q, k, v, None, *past, outputs=3, is_causal=causal)
        for mode in choices(op.name, "qk_matmul_output_mode"):
            yield from (
                op.form(q, k, v, op.real(4, 6), outputs=4, qk_matmul_output_mode=mode, softcap=1.5) if mode != 9 else ()
            )
        yield from op.form(q, k, v, None, None, None, ints(6, 3))
        for left, right in ((1, 0), (2, 1), (-1, 0)):
            yield from op.form(q, k, v, left_window_size=left, right_window_size=right)
    for dtype in ("float16", "float64"):
        yield from op.form(*(op.real(1, 2, 3, 4, dtype=dtype) for _ in range(3)))


def _rotary(op: Operator) -> Iterator[Form]:
    for interleaved in (None, *choices(op.name, "interleaved")):
        for part in (None, 4):
            half = (part or 8) // 2
            cache = op.real(2, 5, half), op.real(2, 5, half)
            yield from op.form(op.real(2, 3, 5, 8), *cache, interleaved=interleaved, rotary_embedding_dim=part)
            flat = op.real(2, 5, 24)
            yield from op.form(flat, *cache, interleaved=interleaved, rotary_embedding_dim=part, num_heads=3)
            table = op.real(9, half), op.real(9, half)
            places = op.whole(2, 5, low=0, high=9)
            yield from op.form(op.real(2, 3, 5, 8), *table, places, interleaved=interleaved, rotary_embedding_dim=part)


def _swiglu(op: Operator) -> Iterator[Form]:
    for alpha in (None, 2.0):
        for dtype in op.types():
            yield from op.form(op.any(2, 3, dtype=dtype), op.any(2, 3, dtype=dtype), alpha=alpha)


GENERATORS = {
    "Attention": _attention,
    "GRU": _recurrent,
    "LSTM": _recurrent,
    "RNN": _recurrent,
    "RotaryEmbedding": _rotary,
    "SwiGLU": _swiglu,
}
