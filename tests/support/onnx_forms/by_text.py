"""What forms give by ONNX' text alone, in numpy: for those that nothing else computes rightly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from support.onnx_forms.form import Array, Form


def _lrn(form: Form) -> Array:
    """ONNX operators, LRN."""
    x, size = form.inputs[0], form.attributes["size"]
    assert x is not None
    squares = np.square(x.astype("float64"))
    sums = np.zeros_like(squares)
    for c in range(x.shape[1]):
        begin, end = max(0, c - (size - 1) // 2), min(x.shape[1] - 1, c + -(-(size - 1) // 2))
        sums[:, c] = squares[:, begin : end + 1].sum(1)
    alpha, beta, bias = (
        form.attributes.get(key, value) for key, value in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1))
    )
    return (x / (bias + alpha / size * sums) ** beta).astype(x.dtype)


def _batch_of_places(form: Form) -> Array:
    """ONNX operators, BatchNormalization-7: with spatial 0 each place of an image has numbers of its own."""
    x, scale, bias, mean, variance = (np.asarray(item, "float64") for item in form.inputs)
    assert form.inputs[0] is not None and not form.attributes["spatial"]
    made = (x - mean) / np.sqrt(variance + form.attributes.get("epsilon", 1e-5)) * scale + bias
    return made.astype(form.inputs[0].dtype)


def _pool(form: Form) -> Array:
    """ONNX operators, AveragePool-19 and LpPool-18. Raises KeyError for ceil_mode, whose last window is disputed."""
    x, attributes = form.inputs[0], form.attributes
    assert x is not None
    kernel, rank = attributes["kernel_shape"], x.ndim - 2
    strides, dilations = (attributes.get(key, [1] * rank) for key in ("strides", "dilations"))
    extents = [(kernel[a] - 1) * dilations[a] + 1 for a in range(rank)]
    sizes, begins = _places(form, x.shape[2:], extents, strides)
    made, counts = np.zeros((*x.shape[:2], *sizes)), np.zeros(sizes)
    power = attributes.get("p", 2) if form.operator == "LpPool" else 1
    values = np.abs(x.astype("float64")) ** power if form.operator == "LpPool" else x.astype("float64")
    for at in np.ndindex(*sizes):
        for step in np.ndindex(*kernel):
            places = [at[a] * strides[a] + step[a] * dilations[a] - begins[a] for a in range(rank)]
            if all(0 <= place < x.shape[2 + a] for a, place in enumerate(places)):
                made[(..., *at)] += values[(..., *places)]
                counts[at] += 1
    if form.operator == "LpPool":
        return (made ** (1 / power)).astype(x.dtype)
    return (made / (np.prod(kernel) if attributes.get("count_include_pad", 0) else counts)).astype(x.dtype)


def _places(form: Form, shape: tuple[int, ...], extents: list[int], strides: list[int]) -> tuple[list[int], list[int]]:
    """How many windows there are along each axis, and the padding before."""
    mode, rank = form.attributes.get("auto_pad", "NOTSET"), len(shape)
    if mode.startswith("SAME"):
        sizes = [-(-size // stride) for size, stride in zip(shape, strides, strict=True)]
        totals = [max(0, (sizes[a] - 1) * strides[a] + extents[a] - shape[a]) for a in range(rank)]
        return sizes, [total // 2 if mode == "SAME_UPPER" else total - total // 2 for total in totals]
    if form.attributes.get("ceil_mode", 0):
        raise KeyError("ceil_mode")
    pads = form.attributes.get("pads", [0] * 2 * rank) if mode == "NOTSET" else [0] * 2 * rank
    sizes = [(shape[a] + pads[a] + pads[a + rank] - extents[a]) // strides[a] + 1 for a in range(rank)]
    return sizes, pads[:rank]


TEXTS: dict[str, Callable[[Form], Array]] = {
    "AveragePool": _pool,
    "BatchNormalization": _batch_of_places,
    "LRN": _lrn,
    "LpPool": _pool,
}
"""By operator, what its text says."""
