"""Forms that ONNX Runtime does not run, as forms that it runs: by what the text of the old version says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from onnx import ModelProto, TensorProto
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
    given = [np.array(form.attributes.get(key, none), x.dtype) for key, none in (("min", -np.inf), ("max", np.inf))]
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


def _upsample(form: Form) -> tuple[Form, Finish]:
    """As that of opset 7, which has a scale for each axis."""
    attributes = {key: value for key, value in form.attributes.items() if not key.endswith("_scale")}
    attributes["scales"] = [1.0, 1.0, form.attributes["height_scale"], form.attributes["width_scale"]]
    return replace(form, opset=7, attributes=attributes), _same


def _cast(form: Form) -> tuple[Form, Finish]:
    """The type was a text."""
    return replace(form, opset=OPSET, attributes={"to": TensorProto.DataType.Value(form.attributes["to"])}), _same


def _tile(form: Form) -> tuple[Form, Finish]:
    """One axis is repeated."""
    x, times, axis = form.inputs
    assert x is not None and times is not None and axis is not None
    repeats = [int(times) if place == int(axis) else 1 for place in range(x.ndim)]
    return replace(form, opset=OPSET, inputs=(x, np.array(repeats)), fixed=frozenset([1])), _same


def _batch(form: Form) -> tuple[Form, Finish]:
    """Raises KeyError with numbers for each place: TEXTS has it."""
    attributes = {key: value for key, value in form.attributes.items() if key in ("epsilon", "momentum", "spatial")}
    if not attributes.pop("spatial", 1):
        raise KeyError("spatial")
    return replace(form, opset=OPSET, attributes=attributes), _same


def _axes_of_images(form: Form) -> tuple[Form, Finish]:
    """Negative axes counted from the front."""
    (x, *_), axes = form.inputs, form.attributes["axes"]
    assert x is not None
    return replace(form, attributes={**form.attributes, "axes": [axis % x.ndim for axis in axes]}), _same


def _graphs(form: Form) -> tuple[Form, Finish]:
    """The same graph."""
    body = ModelProto()
    body.CopyFrom(form.body)
    body.opset_import[0].version = OPSET
    return replace(form, opset=OPSET, body=body), _same


RENEWALS: dict[str, Renewal] = {
    **dict.fromkeys(("Add", "And", "Div", "Equal", "Greater", "Less", "Mul", "Or", "Pow", "Sub", "Xor"), _broadcast),
    **dict.fromkeys(("GRU", "LSTM", "RNN"), _recurrent),
    **dict.fromkeys(("GlobalLpPool", "LpPool"), _norm),
    "BatchNormalization": _batch,
    "Cast": _cast,
    "Clip": _clip,
    "If": _graphs,
    "Resize": _axes_of_images,
    "Loop": _graphs,
    "PRelu": _slope,
    "Tile": _tile,
    "Upsample": _upsample,
}
"""By operator, for its versions that ONNX Runtime lacks."""
