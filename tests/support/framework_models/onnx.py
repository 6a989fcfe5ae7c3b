"""ONNX models, most of them real ones out of wheels."""

from __future__ import annotations

from collections.abc import Callable

import e2e.models
from e2e.models import Case
from support.framework_models import Array, Files, Model

FRAMEWORK = "ONNX"


def _case(name: str, kind: str, source: str, case: Callable[[], Case]) -> Model:
    def files() -> Files:
        return {"model.onnx": case().model}

    def inputs() -> dict[str, Array]:
        return case().inputs

    shapes = {key: list(array.shape) for key, array in inputs().items()}
    return Model(name, kind, source, files, shapes, inputs)


MODELS = [
    _case("convolutions", "image", "made by script", e2e.models.conv_net),
    _case("transformer block", "text", "made by script", e2e.models.transformer),
    _case("magika", "text", "PyPI magika", e2e.models.magika),
]
