"""The models whose speed is measured: well-known networks, and real ones from wheels on PyPI."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from bench import networks
from bench.quantising import quantised
from e2e.models import Case
from support.real_models import from_wheel

INT8 = "_int8"
OCR = "rapidocr-onnxruntime==1.4.4"


def _image(name: str, file: str, *shape: int) -> Callable[[], Case]:
    """A model of PaddleOCR. Source: PyPI rapidocr-onnxruntime, Apache-2.0."""

    def case() -> Case:
        image = np.random.default_rng(1).standard_normal(shape).astype("float32")
        return Case(name, from_wheel(OCR, file), {"x": image})

    return case


def silero_vad() -> Case:
    """Is somebody speaking? 512 samples of 16 kHz, an LSTM. Source: PyPI silero-vad, MIT."""
    model = from_wheel("silero-vad==6.2.3", "silero_vad_openvino_16k.onnx")
    random = np.random.default_rng(1)
    inputs = {"input": random.standard_normal((1, 576)) * 0.1, "state": random.standard_normal((2, 1, 128)) * 0.1}
    return Case("silero_vad", model, {name: array.astype("float32") for name, array in inputs.items()})


def xgboost(rows: int = 128) -> Case:
    """300 trees of depth 6 over 28 numbers, trained here."""
    import xgboost as library

    random = np.random.default_rng(1)
    data = random.standard_normal((4000, 28)).astype("float32")
    labels = (data[:, 0] * data[:, 1] + np.sin(data[:, 2]) + 0.3 * random.standard_normal(4000) > 0).astype("float32")
    params = {"max_depth": 6, "objective": "binary:logistic", "nthread": 1, "seed": 1}
    model = bytes(library.train(params, library.DMatrix(data, labels), 300).save_raw("json"))
    return Case("xgboost", model, {"data": data[:rows]}, "XGBOOST", "model.json")


MODELS: dict[str, Callable[[], Case]] = {
    "resnet18": lambda: networks.resnet(18),
    "resnet50": lambda: networks.resnet(50),
    "mobilenet_v2": networks.mobilenet_v2,
    "efficientnet_lite0": networks.efficientnet_lite0,
    "yolo_n": networks.yolo,
    "unet": networks.unet,
    "vit_tiny": networks.vit,
    "minilm": networks.minilm,
    "mlp": networks.mlp,
    "ppocr_det": _image("ppocr_det", "ch_PP-OCRv4_det_infer.onnx", 1, 3, 480, 480),
    "ppocr_rec": _image("ppocr_rec", "ch_PP-OCRv4_rec_infer.onnx", 1, 3, 48, 320),
    "ppocr_cls": _image("ppocr_cls", "ch_ppocr_mobile_v2.0_cls_infer.onnx", 1, 3, 48, 192),
    "silero_vad": silero_vad,
    "xgboost": xgboost,
}
"""By name."""

QUANTISED: dict[str, Callable[[], Case]] = {
    f"{name}{INT8}": lambda name=name: quantised(MODELS[name]())  # type: ignore[misc]
    for name in ("resnet18", "mobilenet_v2", "mlp", "minilm")
}
"""Some of them in int8, by name; rows of their own beside ONNX Runtime in int8 and beside ours in float32."""
