"""Forms that ONNX Runtime does not run, as forms that it runs: by what the text of the old version says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from support.onnx_forms.form import Array, Form

OPSET = 14
"""An opset that ONNX Runtime runs in full."""

Finish = Callable[[list[Array]], list[Array]]
Renewal = Callable[[Form], tuple[Form, Finish]]


def _same(results: list[Array]) -> list[Array]:
    return results


def _broadcast(form: Form) -> tuple[Form, Finish]:
    """`axis` is where the second input's first axis lies."""
    x, y = form.inputs
    assert x is not None and y is not None
    if form.attributes.get("broadcast") and "axis" in form.attributes:
        y = y.reshape(*y.shape, *[1] * (x.ndim - form.attributes["axis"] % x.ndim - y.ndim))
    return replace(form, opset=OPSET, inputs=(x, y), attributes={}), _same


def _clip(form: Form) -> tuple[Form, Finish]:
    """Bounds that are not given are none."""
    (x,) = form.inputs
    assert x is not None
    bounds = [form.attributes.get(key) for key in ("min", "max")]
    given = [None if bound is None else np.array(bound, x.dtype) for bound in bounds]
    return replace(form, opset=OPSET, inputs=(x, *given), attributes={}), _same


def _slope(form: Form) -> tuple[Form, Finish]:
    """A slope per channel."""
    x, slope = form.inputs
    assert x is not None and slope is not None
    wide = slope.reshape(-1, *[1] * (x.ndim - 2)) if slope.size > 1 else slope
    return replace(form, opset=OPSET, inputs=(x, wide), attributes={}), _same


def _recurrent(form: Form) -> tuple[Form, Finish]:
    """With layout 1 the batch comes first; output_sequence says nothing where the result is asked for."""
    attributes = {key: value for key, value in form.attributes.items() if key not in ("output_sequence", "layout")}
    inputs = list(form.inputs)
    turned = bool(form.attributes.get("layout", 0))
    for place in (0, 5, 6) if turned else ():
        item = inputs[place] if place < len(inputs) else None
        if item is not None:
            inputs[place] = np.ascontiguousarray(item.swapaxes(0, 1))

    def finish(results: list[Array]) -> list[Array]:
        y, *states = results
        return [y.transpose(2, 0, 1, 3), *(state.swapaxes(0, 1) for state in states)]

    return replace(form, opset=OPSET, inputs=tuple(inputs), attributes=attributes), finish if turned else _same


def _norm(form: Form) -> tuple[Form, Finish]:
    """The order of the norm was a fraction."""
    attributes = {**form.attributes, "p": int(form.attributes.get("p", 2))}
    return replace(form, opset=OPSET, attributes=attributes), _same


RENEWALS: dict[str, Renewal] = {
    **dict.fromkeys(("Add", "And", "Div", "Equal", "Greater", "Less", "Mul", "Or", "Pow", "Sub", "Xor"), _broadcast),
    **dict.fromkeys(("GRU", "LSTM", "RNN"), _recurrent),
    **dict.fromkeys(("GlobalLpPool", "LpPool"), _norm),
    "Clip": _clip,
    "PRelu": _slope,
}
"""By operator, for its versions that ONNX Runtime lacks."""
