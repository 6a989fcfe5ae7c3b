"""The polynomials against numpy and math, in units of the last place where the result is not close to zero."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import tvm
from tvm import te

from neo_compiler.lowering.cpu import polynomials

GRID = np.concatenate([np.linspace(-12, 12, 20001), np.linspace(-87, 87, 5001)]).astype("float32")


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _gelu_tanh(x: float) -> float:
    return x / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


TRUTH: dict[str, Callable[[float], float]] = {
    "exp": math.exp,
    "tanh": math.tanh,
    "erf": math.erf,
    "sigmoid": _sigmoid,
    "silu": lambda x: x * _sigmoid(x),
    "gelu": lambda x: x / 2 * (1 + math.erf(x / math.sqrt(2))),
    "gelu_tanh": _gelu_tanh,
}


@pytest.mark.parametrize("name", TRUTH)
def test_is_accurate(name: str) -> None:
    function = getattr(polynomials, name)
    x = te.placeholder(GRID.shape, name="x")
    y = te.compute(GRID.shape, lambda i: function(x[i]), name="y")
    kernel = tvm.compile(te.create_prim_func([x, y]), target="llvm")
    found = tvm.runtime.tensor(np.empty_like(GRID))
    kernel(tvm.runtime.tensor(GRID), found)
    expected = np.array([TRUTH[name](float(value)) for value in GRID])
    error = np.abs(found.numpy() - expected)
    assert (error / np.maximum(np.abs(expected), 1e-3 if name.startswith("gelu") else 1e-30)).max() < 1e-6 or (
        error.max() < 3e-7 * max(1.0, float(np.abs(expected).max()))
    )
