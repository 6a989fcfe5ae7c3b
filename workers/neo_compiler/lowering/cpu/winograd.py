"""3 x 3 convolutions of stride 1 with fewer multiplications: Winograd's F(m x m, 3 x 3).

A tile of m x m results costs (m + 2) ** 2 multiplications per pair of channels instead of 9 * m ** 2.
Source: arXiv:1509.09308; the points keep every factor near one, which keeps float32's error at some 2e-6 of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from tvm import te, tirx

from neo_compiler.lowering.cpu.templates import KIND, STAGE, TILE, padded
from neo_compiler.tvm_types import Tensor

Array = npt.NDArray[Any]

WINOGRAD = "winograd"
KERNEL = 3
POINTS = {2: (0.0, 1.0, -1.0), 4: (0.0, 0.5**0.5, -(0.5**0.5), 2.0**0.5, -(2.0**0.5))}
"""By the tile's size m; one more point lies at infinity."""

SIZE = "neo.size"
"""The annotation that holds m."""

RESULT = f"{STAGE}_winograd_result"
DATA, SUMS, ROWS = f"{STAGE}_data", f"{STAGE}_sums", "rows"
"""Names of the stages: the transformed data, the products in the transformed space, half-way steps."""


def matrices(size: int) -> tuple[Array, Array, Array]:
    """(A^T [m, a], G [a, 3], B^T [a, a]) with a = m + 2: Y = A^T [(G g G^T) * (B^T d B)] A."""
    points = POINTS[size]
    width = size + KERNEL - 1
    result, weight, data = np.zeros((size, width)), np.zeros((width, KERNEL)), np.zeros((width, width))
    for row, point in enumerate(points):
        others = [other for other in points if other != point]
        weight[row] = [point**power / np.prod([point - other for other in others]) for power in range(KERNEL)]
        result[:, row] = [point**power for power in range(size)]
        data[row, : width - 1] = np.poly(others)[::-1]
    weight[-1, -1] = result[-1, -1] = 1
    data[-1] = np.poly(points)[::-1]
    return result, weight, data


def transformed(weight: Array, size: int) -> Array:
    """[3, 3, I, O] -> [a * a, I, O], float32."""
    _, g, _ = matrices(size)
    whole = np.einsum("ui,vj,ijco->uvco", g, g, weight.astype("float64"), optimize=True)
    return np.ascontiguousarray(whole.reshape(-1, *weight.shape[2:]), dtype="float32")


def _combined(matrix: Array, row: int, at: Callable[[int], Any]) -> Any:
    """The sum of at(k) * matrix[row, k], without the zeros."""
    terms = [(float(matrix[row, k]), at(k)) for k in range(matrix.shape[1]) if abs(matrix[row, k]) > 1e-12]
    total = None
    for factor, value in terms:
        term = value if factor == 1 else value * tirx.const(factor, "float32")
        total = term if total is None else total + term
    return total


def _chosen(index: Any, choices: Sequence[Any]) -> Any:
    """choices[index]; the loop over `index` is unrolled, so that one choice is left."""
    value = choices[-1]
    for number in range(len(choices) - 2, -1, -1):
        value = tirx.Select(index == number, choices[number], value)
    return value


def winograd(data: Tensor, weight: Tensor, padding: Sequence[int], size: int, tile: str, channels: int) -> Tensor:
    """[N, H, W, I] and packed [panels, a * a, I, columns] -> [N, OH, OW, channels]."""
    panels, _, inputs, columns = (int(extent) for extent in weight.shape)
    batch, height, width, _ = (int(extent) for extent in data.shape)
    out_h, out_w = height + padding[0] + padding[2] - 2, width + padding[1] + padding[3] - 2
    down, across = -(-out_h // size), -(-out_w // size)
    a_t, _, b_t = matrices(size)
    span = size + KERNEL - 1
    border = [padding[0], padding[1], down * size - out_h + padding[2], across * size - out_w + padding[3]]
    image = padded(data, border, 0) if any(border) else data

    rows = te.compute(
        (batch, down, across, span, span, inputs),
        lambda n, i, j, u, v, c: _chosen(
            u, [_combined(b_t, r, lambda k: image[n, i * size + k, j * size + v, c]) for r in range(span)]
        ),
        name=f"{DATA}_{ROWS}",
    )
    turned = te.compute(
        (batch, down, span, span, across, inputs),
        lambda n, i, u, v, j, c: _chosen(v, [_combined(b_t, r, lambda k: rows[n, i, j, u, k, c]) for r in range(span)]),
        name=DATA,
    )
    depth = te.reduce_axis((0, inputs), "kc")
    sums = te.compute(
        (batch, down, span, span, across, panels * columns),
        lambda n, i, u, v, j, c: te.sum(
            turned[n, i, u, v, j, depth] * weight[c // columns, u * span + v, depth, c % columns], axis=[depth]
        ),
        name=SUMS,
        attrs={KIND: WINOGRAD, TILE: tile, SIZE: size},
    )
    halves = te.compute(
        (batch, down, size, across, span, panels * columns),
        lambda n, i, y, j, v, c: _chosen(y, [_combined(a_t, r, lambda k: sums[n, i, k, v, j, c]) for r in range(size)]),
        name=f"{SUMS}_{ROWS}",
    )
    return te.compute(
        (batch, out_h, out_w, channels),
        lambda n, h, w, c: _chosen(
            w % size,
            [_combined(a_t, r, lambda k: halves[n, h // size, h % size, w // size, k, c]) for r in range(size)],
        ),
        name=RESULT,
    )
