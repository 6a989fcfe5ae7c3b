"""ONNX models, most of them real ones out of wheels."""

from __future__ import annotations

from collections.abc import Callable

import e2e.models
import numpy as np
from e2e.models import Case
from support import real_models
from support.framework_models import Array, Files, Model, normal

FRAMEWORK = "ONNX"


def _case(name: str, kind: str, source: str, case: Callable[[], Case]) -> Model:
    def files() -> Files:
        return {"model.onnx": case().model}

    def inputs() -> dict[str, Array]:
        return case().inputs

    shapes = {key: list(array.shape) for key, array in inputs().items()}
    return Model(name, kind, source, files, shapes, inputs)


def _wheel(name: str, kind: str, requirement: str, ending: str, **inputs: Array) -> Model:
    """A real model that lies in a wheel on PyPI."""

    def files() -> Files:
        return {"model.onnx": real_models.from_wheel(requirement, ending)}

    shapes = {key: list(array.shape) for key, array in inputs.items()}
    return Model(name, kind, f"PyPI {requirement}", files, shapes, lambda: inputs)


OCR = "rapidocr-onnxruntime==1.4.4"
SILERO = "silero-vad==6.2.3"
SPEECH = {"input": normal(1, 576), "state": normal(2, 1, 128), "sr": np.array(16000, "int64")}
MUSIC = {"serving_default_input_2:0": normal(1, 43844, 1)}
MODELS = [
    _case("convolutions", "image", "made by script", e2e.models.conv_net),
    _case("transformer block", "text", "made by script", e2e.models.transformer),
    _case("magika", "text", "PyPI magika", e2e.models.magika),
    _wheel("PP-OCR direction", "image", OCR, "ch_ppocr_mobile_v2.0_cls_infer.onnx", x=normal(1, 3, 48, 192)),
    _wheel("PP-OCRv4 detection", "image", OCR, "ch_PP-OCRv4_det_infer.onnx", x=normal(1, 3, 160, 160)),
    _wheel("PP-OCRv4 recognition", "image", OCR, "ch_PP-OCRv4_rec_infer.onnx", x=normal(1, 3, 48, 160)),
    _wheel("basic-pitch", "audio", "basic-pitch==0.4.0", "nmp.onnx", **MUSIC),
    _wheel("silero-vad (no If)", "audio", SILERO, "silero_vad_op18_ifless.onnx", **SPEECH),
    _wheel("silero-vad (LSTM)", "audio", SILERO, "silero_vad_16k_op15.onnx", **SPEECH),
]
