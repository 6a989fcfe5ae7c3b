"""What a form should give: by ONNX Runtime, by ONNX's own evaluator, or by a newer opset's form of the same model."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
from onnx import version_converter
from onnx.reference import ReferenceEvaluator
from support.onnx_forms.by_text import TEXTS
from support.onnx_forms.form import Array, Form
from support.onnx_forms.renewed import RENEWALS

from neo_compiler.frontends.onnx.reference import session

RUNTIME, EVALUATOR = "ONNX Runtime", "ONNX's evaluator"
CONVERTED, RENEWED = "ONNX Runtime after onnx.version_converter", "ONNX Runtime, the form written for it"
TEXT = "numpy, by ONNX' text"
ORDER = (RUNTIME, RENEWED, TEXT, CONVERTED, EVALUATOR)
"""Whose numbers count, where several have some. ONNX's evaluator takes many old forms for new ones."""

CONVERT_TO = 13
"""An opset that ONNX Runtime runs in full."""

onnxruntime.set_default_logger_severity(4)


def _same(form: Form) -> bool:
    return str(form.attributes.get("auto_pad", "")).startswith("SAME")


def _same_dilated(form: Form) -> bool:
    return _same(form) and "dilations" in form.attributes


def _plain(form: Form) -> bool:
    return {*form.attributes} == {"hidden_size"} and len(form.inputs) <= 4


def _always(form: Form) -> bool:
    return True


EXCEPTIONS: tuple[tuple[tuple[str, ...], Callable[[Form], bool], tuple[str, ...]], ...] = (
    # the evaluator leaves out lengths, activations and clipping
    (("GRU", "LSTM", "RNN"), lambda form: not _plain(form), (RUNTIME, RENEWED)),
    # the converter gives it the bounds that opset 6 has without any
    (("Clip",), lambda form: form.opset < 6, (RENEWED, EVALUATOR)),
    # the evaluator does not saturate what no integer holds
    (("QuantizeLinear",), lambda form: form.note == "edges", (RUNTIME, RENEWED)),
    # ONNX Runtime's is infinite for great values
    (("ReduceLogSumExp",), lambda form: form.note == "edges", (EVALUATOR, RUNTIME)),
    # ONNX: the result is input times stride; ONNX Runtime makes less of kernels that are smaller than the stride
    (("ConvTranspose",), lambda form: _same(form) and "output_shape" not in form.attributes, (EVALUATOR, RUNTIME)),
    # the evaluator joins the values of the rounds, where ONNX gives them an axis of their own
    (("Loop",), _always, (RUNTIME, RENEWED, CONVERTED)),
    # the evaluator has other dimensions with one of dilations
    (("QLinearConv",), _always, (RUNTIME,)),
    # the evaluator takes the batch for the channels
    (("LRN",), _always, (RUNTIME, TEXT)),
    # ONNX: the result is input by stride; ONNX Runtime leaves the dilations out
    (("MaxPool",), _same_dilated, (EVALUATOR, RUNTIME)),
    (("AveragePool", "LpPool"), _same_dilated, (TEXT,)),
    # the evaluator reads beyond the image in the last window of ceil_mode
    (("LpPool",), _always, (RUNTIME, RENEWED, TEXT)),
    # ONNX Runtime takes negative axes for none, and leaves the input as it is
    (
        ("Resize",),
        lambda form: "keep_aspect_ratio_policy" in form.attributes and min(form.attributes["axes"]) < 0,
        (RENEWED,),
    ),
    # ONNX Runtime's products of several matrices saturate in 16 bits on a CPU without VNNI, whatever a session asks for
    (("MatMulInteger", "QLinearMatMul"), _always, (EVALUATOR, RUNTIME)),
)
"""Where other references count than in ORDER: operators, for which forms, and which references."""


def order(form: Form) -> tuple[str, ...]:
    """Those that may say what is right, the one that counts first."""
    found = (names for operators, applies, names in EXCEPTIONS if form.operator in operators and applies(form))
    return next(found, ORDER)


def references(form: Form, model: Any) -> dict[str, list[Array]]:
    """The results by who computed them, those that count first; those that do not run the form are left out."""
    feeds = form.feeds()
    ways: dict[str, Callable[[], list[Array]]] = {
        RUNTIME: lambda: by_runtime(model, feeds),
        RENEWED: lambda: by_renewed(form),
        TEXT: lambda: [TEXTS[form.operator](form)],
        EVALUATOR: lambda: by_evaluator(model, feeds),
    }
    if form.opset < CONVERT_TO:
        ways[CONVERTED] = lambda: by_runtime(version_converter.convert_version(model, CONVERT_TO), feeds)
    found: dict[str, list[Array]] = {}
    for name in order(form):
        if name in ways and not (name in (RENEWED, CONVERTED) and RUNTIME in found):
            results = _tried(ways[name])
            if results is not None:
                found[name] = results
    return found


def _tried(way: Any) -> list[Array] | None:
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            results = [np.asarray(item) for item in way()]
    except Exception:  # whatever a reference lacks, it is none for this form
        return None
    return results


def by_runtime(model: Any, feeds: dict[str, Array]) -> list[Array]:
    """ONNX Runtime, exact for 8 bits on CPUs without VNNI, too."""
    return list(session(model).run(None, feeds))


def by_renewed(form: Form) -> list[Array]:
    """Raises KeyError for a form that needs none."""
    now, finish = RENEWALS[form.operator](form)
    return finish(by_runtime(now.model(), now.feeds()))


def by_evaluator(model: Any, feeds: dict[str, Array]) -> list[Array]:
    return list(ReferenceEvaluator(model).run(None, feeds))


TOLERANCES = {"float16": (4e-3, 4e-3), "float32": (1e-4, 1e-5), "float64": (1e-4, 1e-5)}
"""Allowed error by type: of the value itself, and of the result's middling value. float16 is computed in float16."""


def difference(found: list[Array], expected: list[Array]) -> str | None:
    """What is wrong with the results; None when they are right."""
    if len(found) != len(expected):
        return f"{len(found)} outputs, {len(expected)} expected"
    for left, right in zip(found, expected, strict=True):
        if left.shape != right.shape:
            return f"shape {list(left.shape)}, {list(right.shape)} expected"
        if left.dtype != right.dtype:
            return f"type {left.dtype}, {right.dtype} expected"
        if right.size and not _close(left, right):
            a, b = (np.asarray(item, "float64") for item in (left, right))
            with np.errstate(invalid="ignore"):
                return f"wrong numbers: error {np.nanmax(np.abs(a - b), initial=0):.3g} of {np.max(np.abs(b)):.3g}"
    return None


def _close(left: Array, right: Array) -> bool:
    if str(right.dtype) not in TOLERANCES:
        return bool(np.array_equal(left, right))
    relative, absolute = TOLERANCES[str(right.dtype)]
    a, b = (np.asarray(item, "float64") for item in (left, right))
    finite = np.abs(b[np.isfinite(b)])
    middling = float(np.median(finite)) if finite.size else 0.0
    return bool(np.allclose(a, b, rtol=relative, atol=absolute * max(middling, 1e-1), equal_nan=True))
