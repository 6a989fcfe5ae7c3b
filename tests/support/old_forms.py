"""Operators in the forms of old opsets: FORMS."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper
from support.old_form import IMAGE, POSITIVE, Form, X, form_of, numbers, whole
from support.old_forms_early import arithmetic, before_opset_7, normalized, recurrent


def _resizes() -> dict[str, Form]:
    found = {}
    for opset in (7, 8, 9):
        for mode in ("nearest", "linear"):
            for scales in ((2, 2), (1, 3), (1.5, 2.5), (1.7, 1.3), (2.3, 1)):
                full = [1.0, 1.0, *map(float, scales)]
                given = {"scales": full} if opset < 9 else {}
                weights = [np.array(full, "float32")] if opset == 9 else []
                found[f"Upsample-{opset} {mode} {scales}"] = form_of(
                    "Upsample", opset, IMAGE, *weights, mode=mode, **given
                )
    for mode in ("nearest", "linear"):
        for scales in ((2, 2), (0.6, 0.5), (1.7, 0.7), (0.4, 2), (1.5, 1)):
            full = np.array([1, 1, *scales], "float32")
            found[f"Resize-10 {mode} {scales}"] = form_of("Resize", 10, IMAGE, full, mode=mode)
    none = np.array([], "float32")
    for opset in (11, 12):
        for rounding in ("floor", "round_prefer_floor"):
            found[f"Resize-{opset} tf_half_pixel_for_nn {rounding}"] = form_of(
                *("Resize", opset, IMAGE, none, np.array([1, 1, 1.6, 0.7], "float32")),
                coordinate_transformation_mode="tf_half_pixel_for_nn",
                nearest_mode=rounding,
            )
    return found


def _from_opset_7() -> dict[str, Form]:
    wild = np.array([-np.inf, -2, 0.5, 7, np.inf], "float32")
    statistics = [numbers(3), numbers(3), numbers(3), np.abs(numbers(3))]
    places = [numbers(3, 4, 5), numbers(3, 4, 5), numbers(3, 4, 5), np.abs(numbers(3, 4, 5))]
    found = {
        "Slice-7": form_of("Slice", 7, X, starts=[1, -3], ends=[9, -1], axes=[1, 3]),
        "Slice-9, first axes": form_of("Slice", 9, X, starts=[0, 1], ends=[1, 2**31 - 1]),
        "Pad-7": form_of("Pad", 7, IMAGE, pads=[0, 0, 1, 2, 0, 0, 2, 1], value=0.7),
        "Pad-7, less": form_of("Pad", 7, IMAGE, pads=[0, 0, -1, 2, 0, 0, 2, -3]),
        "Pad-10, double": form_of("Pad", 10, IMAGE.astype("float64"), pads=[0, 0, 1, 2, 0, 0, 2, 1], value=0.7),
        "Pad-10 reflect": form_of("Pad", 10, IMAGE, pads=[0, 0, 1, 2, 0, 0, 2, 1], mode="reflect"),
        "Pad-10 edge": form_of("Pad", 10, IMAGE, pads=[0, 0, 1, 2, 0, 0, 2, 1], mode="edge"),
        "Clip-7, one bound": form_of("Clip", 7, wild, max=1.0),
        "Clip-10, two": form_of("Clip", 10, wild, min=-1.0, max=1.0),
        "Clip-10, none": form_of("Clip", 10, wild),
        "Squeeze-7": form_of("Squeeze", 7, numbers(2, 1, 3, 1), axes=[1]),
        "Squeeze-11, all": form_of("Squeeze", 11, numbers(2, 1, 3, 1)),
        "Unsqueeze-7": form_of("Unsqueeze", 7, X, axes=[0, 3]),
        "Unsqueeze-11": form_of("Unsqueeze", 11, X, axes=[-1]),
        "TopK-7": form_of("TopK", 7, X, k=2, axis=2, outputs=("v", "i"), kinds=("f4", "i8")),
        "TopK-10": form_of("TopK", 10, X, whole(2), outputs=("v", "i"), kinds=("f4", "i8")),
        "Split-7": form_of("Split", 7, X, axis=2, outputs=("a", "b")),
        "Split-11": form_of("Split", 11, X, axis=-1, split=[1, 4], outputs=("a", "b")),
        "Split-13": form_of("Split", 13, X, axis=2, outputs=("a", "b")),
        "Split-13, sizes": form_of("Split", 13, X, whole(1, 3), axis=2, outputs=("a", "b")),
        "BatchNormalization-7": form_of("BatchNormalization", 7, X, *statistics),
        "BatchNormalization-7, each place": form_of(
            "BatchNormalization", 7, X, *places, right=normalized, spatial=0, epsilon=1e-3
        ),
        "BatchNormalization-9": form_of("BatchNormalization", 9, X, *statistics, epsilon=1e-3),
        "Dropout-7": form_of("Dropout", 7, X, outputs=("y", "mask")),
        "Dropout-10": form_of("Dropout", 10, X, outputs=("y", "mask"), kinds=("f4", "?"), ratio=0.9),
        "Dropout-12": form_of("Dropout", 12, X, outputs=("y", "mask"), kinds=("f4", "?")),
        "PRelu-7": form_of("PRelu", 7, X, numbers(3, 1, 1)),
        "PRelu-7, last axis": form_of("PRelu", 7, X, numbers(5)),
        "Gemm-7": form_of("Gemm", 7, numbers(3, 5), numbers(5, 4), numbers(3, 1), alpha=0.5, beta=2.0),
        "MaxPool-8": form_of(
            "MaxPool", 8, IMAGE, kernel_shape=[2, 3], strides=[2, 2], outputs=("y", "i"), kinds=("f4", "i8")
        ),
        "Scatter-9": form_of("Scatter", 9, X, np.array([[[[1, 0]]]], "int64"), numbers(1, 1, 1, 2), axis=2),
        "RoiAlign-10": form_of(
            *("RoiAlign", 10, IMAGE, np.array([[0.3, 0.2, 4.1, 3.3]], "float32"), whole(0)),
            output_height=2,
            output_width=3,
        ),
        "GroupNormalization-18": form_of(
            *("GroupNormalization", 18, numbers(2, 4, 3), numbers(2), numbers(2)), num_groups=2, epsilon=1e-3
        ),
        "DFT-17": form_of("DFT", 17, numbers(2, 6, 4, 1), onesided=1),
        "DFT-17, axis": form_of("DFT", 17, numbers(2, 6, 4, 2), axis=2, inverse=1),
        "OneHot-9": form_of(
            "OneHot", 9, whole(0, 5, -1, 2), np.array(4, "int64"), np.array([0.5, 2], "float32"), kinds=("f4",)
        ),
        "Scan-8": scan_8(),
    }
    grid = np.clip(numbers(1, 3, 4, 2), -1, 1)
    for mode in ("bilinear", "nearest", "bicubic"):
        found[f"GridSample-16 {mode}"] = form_of("GridSample", 16, IMAGE, grid, mode=mode)
    for op in ("Softmax", "LogSoftmax", "Hardmax"):
        for opset, axes in {7: (None, 0, 1, 3), 11: (None, -1, -2, 2), 12: (0,), 13: (None, 1)}.items():
            for axis in axes:
                found[f"{op}-{opset} {axis}"] = form_of(op, opset, X, **({} if axis is None else {"axis": axis}))
    kinds = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")
    for kind in kinds:
        for opset in (7, 11, 13):
            if (kind, opset) == ("Sum", 13):
                continue
            for more in ({}, {"axes": [2], "keepdims": 0}, {"axes": [0, 3]}):
                found[f"Reduce{kind}-{opset} {more}"] = form_of(f"Reduce{kind}", opset, POSITIVE, **more)
    return found


def scan_8() -> Form:
    """Running sums of each sample of a batch, one of two inputs read backwards."""
    body = helper.make_graph(
        [
            helper.make_node("Add", ["s", "a"], ["t"]),
            helper.make_node("Add", ["t", "b"], ["next"]),
            helper.make_node("Mul", ["t", "b"], ["out"]),
        ],
        "body",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in ("s", "a", "b")],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in ("next", "out")],
    )
    inputs = {"x0": numbers(2, 3), "x1": numbers(2, 4, 3), "x2": numbers(2, 4, 3)}
    attributes = {"body": body, "num_scan_inputs": 2, "directions": [0, 1]}
    return Form("Scan", 8, inputs, attributes=attributes, outputs=("s", "o"), order=("", *inputs))


FORMS: dict[str, Form] = arithmetic() | before_opset_7() | recurrent() | _resizes() | _from_opset_7()
