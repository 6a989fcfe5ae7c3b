"""Models of the zoo in int8, as onnxruntime.quantization makes them (QDQ)."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from e2e.models import Arrays, Case

SAMPLES = 2
"""Inputs that the ranges of tensors come from: speed and agreement of numbers do not hang on them."""


def quantised(case: Case) -> Case:
    """uint8 activations and int8 weights, a scale for each channel: what ONNX Runtime is fastest with on x86."""
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left = iter(_samples(case.inputs))

        def get_next(self) -> Arrays | None:
            return next(self._left, None)

    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder) / "model.onnx", Path(folder) / "quantised.onnx"
        source.write_bytes(case.model)
        kinds = {
            "activation_type": quantization.QuantType.QUInt8,
            "weight_type": quantization.QuantType.QInt8,
        }
        quantization.quantize_static(
            str(source), str(result), Reader(), quant_format=quantization.QuantFormat.QDQ, per_channel=True, **kinds
        )
        return replace(case, name=f"{case.name}_int8", model=result.read_bytes())


def _samples(inputs: Arrays) -> list[Arrays]:
    random = np.random.default_rng(0)

    def near(array: np.ndarray) -> np.ndarray:
        if array.dtype.kind != "f":
            return array
        return (array + 0.1 * random.standard_normal(array.shape)).astype(array.dtype)

    return [{name: near(array) for name, array in inputs.items()} for _ in range(SAMPLES)]
