"""Windows, Fourier transforms, boxes, and what is only a table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from support.onnx_forms.choices import choices
from support.onnx_forms.form import Form, Operator, onnx_type


def _window(op: Operator) -> Iterator[Form]:
    for size in (1, 2, 7, 10):
        for periodic in (None, *choices(op.name, "periodic")):
            for kind in (None, "float16", "float64"):
                output = kind and onnx_type(kind)
                yield from op.form(
                    np.array(size, "int64"), fixed=[0], periodic=periodic, output_datatype=output, note=str(size)
                )


def _mel(op: Operator) -> Iterator[Form]:
    for bins, length, rate, low, high in ((8, 16, 8192, 0, 4096), (5, 32, 16000, 100, 8000)):
        limits = [np.array(item, "int64") for item in (bins, length, rate)] + [
            np.array(item, "float32") for item in (low, high)
        ]
        yield from op.form(*limits, fixed=[0, 1, 2, 3, 4], note=str(bins))
        yield from op.form(*limits, fixed=[0, 1, 2, 3, 4], note=str(bins), output_datatype=onnx_type("float64"))


def _dft(op: Operator) -> Iterator[Form]:
    for inverse in (None, *choices(op.name, "inverse")):
        for onesided in (None, *choices(op.name, "onesided")):
            for axis in (1, 2, -2):
                for last in (1, 2):
                    if (onesided and inverse) or (onesided and last == 2):
                        continue
                    for length in (None, 4, 9):
                        size = None if length is None else np.array(length, "int64")
                        attributes = {"inverse": inverse, "onesided": onesided}
                        x = op.real(2, 6, 5, last)
                        if op.version < 20:
                            yield from op.form(x, size, fixed=[1], axis=axis, note=f"length {length}", **attributes)
                            yield from op.form(x, size, fixed=[1], note=f"default axis length {length}", **attributes)
                        elif axis == 1:
                            yield from op.form(x, size, fixed=[1], note=f"no axis length {length}", **attributes)
                        if op.version >= 20:
                            yield from op.form(
                                x,
                                size,
                                np.array(axis, "int64"),
                                fixed=[1, 2],
                                note=f"axis {axis} length {length}",
                                **attributes,
                            )


def _stft(op: Operator) -> Iterator[Form]:
    for onesided in (None, *choices(op.name, "onesided")):
        for last in (1,) if onesided != 0 else (1, 2):
            for window in (None, op.real(6, low=0.1)):
                length = np.array(6, "int64")
                yield from op.form(
                    op.real(2, 20, last), np.array(3, "int64"), window, length, fixed=[1, 2, 3], onesided=onesided
                )
                if window is not None:
                    yield from op.form(
                        op.real(2, 20, last), np.array(4, "int64"), window, fixed=[1, 2], onesided=onesided
                    )


def _boxes(op: Operator) -> Iterator[Form]:
    corners = op.real(2, 9, 4, low=0, high=1)
    boxes = np.concatenate(
        [np.minimum(corners[..., :2], corners[..., 2:]), np.maximum(corners[..., :2], corners[..., 2:])], -1
    )
    scores = op.real(2, 3, 9, low=0, high=1)
    for center in (None, *choices(op.name, "center_point_box")):
        for most in (None, 1, 3, 20):
            for overlap in (None, 0.3, 0.7):
                for score in (None, 0.5):
                    limits = [np.array([most], "int64") if most is not None else None]
                    limits += [None if item is None else np.array([item], "float32") for item in (overlap, score)]
                    yield from op.form(
                        boxes,
                        scores,
                        *limits,
                        fixed=[2, 3, 4],
                        center_point_box=center,
                        note=f"{most} {overlap} {score}",
                    )
    flipped = boxes[..., [2, 3, 0, 1]].copy()
    yield from op.form(
        flipped, scores, np.array([3], "int64"), np.array([0.4], "float32"), fixed=[2, 3], note="corners flipped"
    )


GENERATORS = {
    **dict.fromkeys(("BlackmanWindow", "HammingWindow", "HannWindow"), _window),
    "DFT": _dft,
    "MelWeightMatrix": _mel,
    "NonMaxSuppression": _boxes,
    "STFT": _stft,
}
