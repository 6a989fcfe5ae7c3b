"""exp, tanh, erf and functions based on them as polynomials that vectorise; libm's functions are scalar.

Accurate to a few units in the last place of float32 for finite values (test_polynomials.py). Every function binds its
argument to a variable (Let): nested functions would otherwise evaluate their argument dozens of times.
Source of the coefficients: Cephes' expf; Eigen's rational functions for tanh and erf, which TVM's topi has too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tvm import tirx

Number = Any
"""A scalar expression of float32; tvm is untyped."""

EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
EXP_OVER, EXP_UNDER = 89.0, -87.3
"""Outside of them e ** x is not a normal float32."""

EXP_MAX, LOG2_E, LN2_HIGH, LN2_LOW = 88.3762626647949, 1.44269504088896341, 0.693359375, -2.12194440e-4
TANH_MAX, TANH_OVER, TANH_UNDER = (
    9.0,
    (
        *(-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08),
        *(1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03),
    ),
    (1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03),
)
ERF_MAX, ERF_OVER, ERF_UNDER = (
    4.0,
    (
        *(-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05),
        *(-7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02),
    ),
    (-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03, -1.42647390514189e-02),
)


def const(value: float) -> Number:
    """A float32."""
    return tirx.const(value, "float32")


def let(value: Number, body: Callable[[Number], Number]) -> Number:
    """body(a name for `value`)"""
    name = tirx.Var("t", "float32")
    return tirx.Let(name, value, body(name))


def polynomial(x: Number, coefficients: Sequence[float]) -> Number:
    """By Horner's rule, the highest power's coefficient first."""
    total = const(coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * x + const(coefficient)
    return total


def clip(x: Number, limit: float) -> Number:
    """`x` within -limit .. limit."""
    return tirx.max(tirx.min(x, const(limit)), const(-limit))


def exp(x: Number) -> Number:
    """e ** x, for x within the range where that is a normal number."""
    return let(clip(x, EXP_MAX), lambda x: _by_powers(x, 127))


def _by_powers(x: Number, bias: int) -> Number:
    """e ** x * 2 ** (bias - 127), the power of two by the bits of a float32."""

    def scaled(power: Number) -> Number:
        rest = x - power * const(LN2_HIGH) - power * const(LN2_LOW)
        bits = (power.astype("int32") + tirx.const(bias, "int32")) << tirx.const(23, "int32")
        scale = tirx.reinterpret("float32", bits)
        return let(rest, lambda f: (polynomial(f, EXP) * f * f + f + const(1)) * scale)

    return let(tirx.floor(x * const(LOG2_E) + const(0.5)), scaled)


def whole_exp(x: Number) -> Number:
    """e ** x: infinity for x that float32 has no room for, zero far below it."""
    within = tirx.max(tirx.min(x, const(EXP_OVER)), const(EXP_UNDER))
    return let(within, lambda x: _by_powers(x, 126) * const(2))


def tanh(x: Number) -> Number:
    """The hyperbolic tangent."""
    return _rational(x, TANH_MAX, TANH_OVER, TANH_UNDER)


def erf(x: Number) -> Number:
    """The error function."""
    return _rational(x, ERF_MAX, ERF_OVER, ERF_UNDER)


def _rational(x: Number, limit: float, over: Sequence[float], under: Sequence[float]) -> Number:
    def at(x: Number) -> Number:
        return let(x * x, lambda square: x * polynomial(square, over) / polynomial(square, under))

    return let(clip(x, limit), at)


def sigmoid(x: Number) -> Number:
    """1 / (1 + exp(-x))"""
    return const(1) / (const(1) + exp(-x))


def silu(x: Number) -> Number:
    """x * sigmoid(x)"""
    return let(x, lambda x: x / (const(1) + exp(-x)))


def gelu(x: Number) -> Number:
    """x / 2 * (1 + erf(x / sqrt(2)))"""
    return let(x, lambda x: x * const(0.5) * (const(1) + erf(x * const(0.5**0.5))))


def gelu_tanh(x: Number) -> Number:
    """x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3)))"""

    def inner(x: Number) -> Number:
        return const(0.7978845608028654) * x * (const(1) + const(0.044715) * x * x)

    return let(x, lambda x: x * const(0.5) * (const(1) + tanh(inner(x))))


FUNCTIONS: dict[str, Callable[[Number], Number]] = {
    "relax.exp": whole_exp,
    "relax.tanh": tanh,
    "relax.erf": erf,
    "relax.sigmoid": sigmoid,
    "relax.nn.silu": silu,
    "relax.nn.gelu": gelu,
    "relax.nn.gelu_tanh": gelu_tanh,
}
"""By relax's name."""
