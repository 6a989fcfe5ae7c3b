# mypy: disable-error-code="valid-type, no-untyped-def, untyped-decorator"
"""The time loops of LSTM, GRU and RNN as kernels: one call per layer and direction for any sequence length.

Unrolling in relax would increase compile time with every step. Each kernel has the inputs
`x` [T, N, gates * H] (the inputs' contribution to each gate, with biases), `w` [H, gates * H] (recurrent weights),
`b` [gates * H] (recurrent bias of GRU's candidate), `p` [3, H] (peepholes i, o, f), `h0` and `c0` [N, H], `lens` [N];
and the outputs `y` [T, N, H], `h` and `c` [N, H], and `g` [N, gates * H], a workspace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tvm import tirx
from tvm.script import tirx as T  # noqa: N812 - as TVMScript is written everywhere

from neo_compiler.tvm_types import Expr

SEQUENCE, INDEPENDENT = "n", "j"
"""Names of a kernel's loops: over sequences, outermost; those with independent iterations, innermost."""

Activation = Callable[[Expr], Expr]


@dataclass(frozen=True)
class Layer:
    """One direction of a recurrent layer."""

    length: int  # T
    batch: int  # N
    hidden: int  # H
    dtype: str
    reverse: bool
    activations: tuple[Activation, ...]  # f, g, h as ONNX names them
    clip: float | None = None
    input_forget: bool = False  # LSTM
    linear_before_reset: bool = False  # GRU


def activation(name: str, alpha: float | None, beta: float | None, dtype: str) -> Activation:
    """The ONNX activation `name`. Raises ValueError if it is unknown. Source: ONNX operators, RNN."""

    def number(value: float) -> Expr:
        return tirx.const(value, dtype)

    default = {
        "leakyrelu": (0.01, 0.0),
        "thresholdedrelu": (1.0, 0.0),
        "scaledtanh": (1.0, 1.0),
        "hardsigmoid": (0.2, 0.5),
        "elu": (1.0, 0.0),
        "affine": (1.0, 0.0),
    }.get(name.lower(), (0.0, 0.0))
    a = number(default[0] if alpha is None else alpha)
    b = number(default[1] if beta is None else beta)
    zero, one = number(0), number(1)
    known: dict[str, Activation] = {
        "sigmoid": lambda x: one / (one + tirx.exp(-x)),
        "tanh": lambda x: number(2) / (one + tirx.exp(number(-2) * x)) - one,
        "relu": lambda x: tirx.max(x, zero),
        "leakyrelu": lambda x: tirx.Select(x < zero, a * x, x),
        "thresholdedrelu": lambda x: tirx.Select(x > a, x, zero),
        "scaledtanh": lambda x: a * (number(2) / (one + tirx.exp(number(-2) * b * x)) - one),
        "hardsigmoid": lambda x: tirx.max(zero, tirx.min(one, a * x + b)),
        "elu": lambda x: tirx.Select(x < zero, a * (tirx.exp(x) - one), x),
        "softsign": lambda x: x / (one + tirx.abs(x)),
        "softplus": lambda x: tirx.log(one + tirx.exp(x)),
        "affine": lambda x: a * x + b,
    }
    if name.lower() not in known:
        raise ValueError(f"the activation {name} is not available")
    return known[name.lower()]


def kernel(op: str, layer: Layer) -> tirx.PrimFunc:
    """The PrimFunc of an LSTM, GRU or RNN."""
    return {"LSTM": _lstm, "GRU": _gru, "RNN": _rnn}[op](layer)


def _clipped(layer: Layer) -> Activation:
    if layer.clip is None:
        return lambda x: x
    bound = layer.clip
    return lambda x: tirx.max(tirx.const(-bound, layer.dtype), tirx.min(tirx.const(bound, layer.dtype), x))


def _place(layer: Layer) -> Callable[[Expr, Expr], Expr]:
    """(step, length of the sequence) -> index in the sequence."""
    return (lambda t, length: length - 1 - t) if layer.reverse else (lambda t, length: t)


def _lstm(layer: Layer) -> tirx.PrimFunc:
    """Gates i, o, f, c."""
    steps, batch, hidden, dtype = layer.length, layer.batch, layer.hidden, layer.dtype
    f, g_, h_ = layer.activations
    clip, place, width = _clipped(layer), _place(layer), 4 * layer.hidden
    forget: Callable[[Expr, Expr], Expr] = (
        (lambda i, x: tirx.const(1, dtype) - i) if layer.input_forget else (lambda i, x: f(clip(x)))
    )

    @T.prim_func(s_tir=True)
    def lstm(
        x: T.Buffer((steps, batch, width), dtype),
        w: T.Buffer((hidden, width), dtype),
        b: T.Buffer((width,), dtype),
        p: T.Buffer((3, hidden), dtype),
        h0: T.Buffer((batch, hidden), dtype),
        c0: T.Buffer((batch, hidden), dtype),
        lens: T.Buffer((batch,), "int32"),
        y: T.Buffer((steps, batch, hidden), dtype),
        h: T.Buffer((batch, hidden), dtype),
        c: T.Buffer((batch, hidden), dtype),
        g: T.Buffer((batch, width), dtype),
    ):
        T.func_attr({"tirx.noalias": True, "tirx.is_scheduled": True})
        for n in range(batch):
            for j in range(hidden):
                h[n, j] = h0[n, j]
                c[n, j] = c0[n, j]
            for t in range(steps):
                if t < lens[n]:
                    for j in range(width):
                        g[n, j] = x[place(t, lens[n]), n, j]
                    for k in range(hidden):
                        for j in range(width):
                            g[n, j] = g[n, j] + h[n, k] * w[k, j]
                    for j in range(hidden):
                        g[n, j] = f(clip(g[n, j] + p[0, j] * c[n, j]))
                        g[n, 2 * hidden + j] = forget(g[n, j], g[n, 2 * hidden + j] + p[2, j] * c[n, j])
                        c[n, j] = g[n, 2 * hidden + j] * c[n, j] + g[n, j] * g_(clip(g[n, 3 * hidden + j]))
                        h[n, j] = f(clip(g[n, hidden + j] + p[1, j] * c[n, j])) * h_(c[n, j])
                        y[place(t, lens[n]), n, j] = h[n, j]
                else:
                    for j in range(hidden):
                        y[t, n, j] = T.cast(0, dtype)

    return lstm


def _gru(layer: Layer) -> tirx.PrimFunc:  # noqa: C901 - a nest of loops
    """Gates z, r, h."""
    steps, batch, hidden, dtype = layer.length, layer.batch, layer.hidden, layer.dtype
    f, g_ = layer.activations
    clip, place, width = _clipped(layer), _place(layer), 3 * layer.hidden
    first = width if layer.linear_before_reset else 2 * hidden  # columns whose sums use the previous h
    late = 0 if layer.linear_before_reset else hidden

    @T.prim_func(s_tir=True)
    def gru(  # noqa: C901
        x: T.Buffer((steps, batch, width), dtype),
        w: T.Buffer((hidden, width), dtype),
        b: T.Buffer((width,), dtype),
        p: T.Buffer((3, hidden), dtype),
        h0: T.Buffer((batch, hidden), dtype),
        c0: T.Buffer((batch, hidden), dtype),
        lens: T.Buffer((batch,), "int32"),
        y: T.Buffer((steps, batch, hidden), dtype),
        h: T.Buffer((batch, hidden), dtype),
        c: T.Buffer((batch, hidden), dtype),
        g: T.Buffer((batch, width), dtype),
    ):
        T.func_attr({"tirx.noalias": True, "tirx.is_scheduled": True})
        for n in range(batch):
            for j in range(hidden):
                h[n, j] = h0[n, j]
            for t in range(steps):
                if t < lens[n]:
                    for j in range(2 * hidden):
                        g[n, j] = x[place(t, lens[n]), n, j]
                    for j in range(hidden):
                        g[n, 2 * hidden + j] = b[2 * hidden + j]
                    for k in range(hidden):
                        for j in range(first):
                            g[n, j] = g[n, j] + h[n, k] * w[k, j]
                    for j in range(2 * hidden):
                        g[n, j] = f(clip(g[n, j]))
                    for j in range(hidden):
                        c[n, j] = g[n, hidden + j] * h[n, j]
                    for k in range(late):
                        for j in range(hidden):
                            g[n, 2 * hidden + j] = g[n, 2 * hidden + j] + c[n, k] * w[k, 2 * hidden + j]
                    for j in range(hidden):
                        if late == 0:
                            g[n, 2 * hidden + j] = g[n, hidden + j] * g[n, 2 * hidden + j]
                        g[n, 2 * hidden + j] = g_(clip(g[n, 2 * hidden + j] + x[place(t, lens[n]), n, 2 * hidden + j]))
                        h[n, j] = (T.cast(1, dtype) - g[n, j]) * g[n, 2 * hidden + j] + g[n, j] * h[n, j]
                        y[place(t, lens[n]), n, j] = h[n, j]
                else:
                    for j in range(hidden):
                        y[t, n, j] = T.cast(0, dtype)

    return gru


def _rnn(layer: Layer) -> tirx.PrimFunc:
    steps, batch, hidden, dtype = layer.length, layer.batch, layer.hidden, layer.dtype
    (f,) = layer.activations
    clip, place = _clipped(layer), _place(layer)

    @T.prim_func(s_tir=True)
    def rnn(
        x: T.Buffer((steps, batch, hidden), dtype),
        w: T.Buffer((hidden, hidden), dtype),
        b: T.Buffer((hidden,), dtype),
        p: T.Buffer((3, hidden), dtype),
        h0: T.Buffer((batch, hidden), dtype),
        c0: T.Buffer((batch, hidden), dtype),
        lens: T.Buffer((batch,), "int32"),
        y: T.Buffer((steps, batch, hidden), dtype),
        h: T.Buffer((batch, hidden), dtype),
        c: T.Buffer((batch, hidden), dtype),
        g: T.Buffer((batch, hidden), dtype),
    ):
        T.func_attr({"tirx.noalias": True, "tirx.is_scheduled": True})
        for n in range(batch):
            for j in range(hidden):
                h[n, j] = h0[n, j]
            for t in range(steps):
                if t < lens[n]:
                    for j in range(hidden):
                        g[n, j] = x[place(t, lens[n]), n, j]
                    for k in range(hidden):
                        for j in range(hidden):
                            g[n, j] = g[n, j] + h[n, k] * w[k, j]
                    for j in range(hidden):
                        h[n, j] = f(clip(g[n, j]))
                        y[place(t, lens[n]), n, j] = h[n, j]
                else:
                    for j in range(hidden):
                        y[t, n, j] = T.cast(0, dtype)

    return rnn
