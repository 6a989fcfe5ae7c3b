"""Operators on images: sampling, regions, cropping."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from support.onnx_forms.choices import choices
from support.onnx_forms.form import Form, Operator, ints


def _grid_sample(op: Operator) -> Iterator[Form]:
    modes = ("bilinear", "bicubic", "nearest") if op.version < 20 else ("linear", "cubic", "nearest")
    for mode, padding, corners in product(
        (None, *modes), choices(op.name, "padding_mode"), choices(op.name, "align_corners")
    ):
        for size in ((3, 5), (1, 4)):
            grid = op.real(2, 4, 3, 2, low=-1.4, high=1.4)
            yield from op.form(op.real(2, 2, *size), grid, mode=mode, padding_mode=padding, align_corners=corners)
        if mode in ("linear", "nearest"):
            yield from op.form(
                op.real(1, 2, 3, 4, 3),
                op.real(1, 2, 3, 2, 3, low=-1.3, high=1.3),
                mode=mode,
                padding_mode=padding,
                align_corners=corners,
            )
    for dtype in op.types():
        yield from op.form(op.any(1, 1, 3, 4, dtype=dtype), op.real(1, 2, 2, 2, low=-1, high=1))


def _affine_grid(op: Operator) -> Iterator[Form]:
    for corners in (None, *choices(op.name, "align_corners")):
        for size in ((2, 3, 4, 5), (2, 3, 1, 5)):
            yield from op.form(op.real(2, 2, 3), ints(*size), fixed=[1], align_corners=corners)
        yield from op.form(op.real(1, 3, 4), ints(1, 2, 3, 4, 5), fixed=[1], align_corners=corners)


def _roi_align(op: Operator) -> Iterator[Form]:
    rois = np.array([[0, 0, 4, 4], [1, 2, 6, 5], [-1, -1, 3, 9], [2.2, 1.3, 2.4, 1.4]], "float32")
    batch = ints(0, 1, 0, 1)
    for mode in (None, *choices(op.name, "mode")):
        for place in (None, *choices(op.name, "coordinate_transformation_mode")):
            for ratio in (None, 2, 3):
                for size, scale in ((None, None), ((2, 3), 0.5), ((3, 2), 1.0)):
                    height, width = size or (None, None)
                    yield from op.form(
                        op.real(2, 3, 7, 9),
                        rois,
                        batch,
                        mode=mode,
                        coordinate_transformation_mode=place,
                        sampling_ratio=ratio,
                        output_height=height,
                        output_width=width,
                        spatial_scale=scale,
                    )


def _max_roi_pool(op: Operator) -> Iterator[Form]:
    rois = np.array([[0, 0, 0, 4, 4], [1, 1, 2, 6, 5], [0, 2, 2, 8, 6]], "float32")
    for shape in ([1, 1], [2, 3], [3, 2]):
        for scale in (None, 0.5):
            yield from op.form(op.real(2, 3, 7, 9), rois, pooled_shape=shape, spatial_scale=scale)
            yield from op.form(op.real(2, 3, 7, 9), rois, fixed=[1], pooled_shape=shape, spatial_scale=scale)


def _center(op: Operator) -> Iterator[Form]:
    for target, axes in (((3, 4, 5), None), ((5, 2, 3), None), ((8, 3), [1, 0]), ((4,), [-1]), ((5, 7, 1), [0, 1, 2])):
        yield from op.form(op.real(4, 5, 6), ints(*target), fixed=[1], axes=axes)
    for dtype in op.types():
        yield from op.form(op.any(4, 5, dtype=dtype), ints(3, 8), fixed=[1])


def _col2im(op: Operator) -> Iterator[Form]:
    yield from op.form(op.real(2, 8, 12), ints(4, 5), ints(2, 2), fixed=[1, 2])
    yield from op.form(op.real(1, 9, 6), ints(5, 7), ints(3, 3), fixed=[1, 2], strides=[2, 2])
    yield from op.form(op.real(1, 4, 12), ints(4, 5), ints(2, 2), fixed=[1, 2], dilations=[1, 1])
    yield from op.form(op.real(1, 4, 30), ints(4, 5), ints(2, 2), fixed=[1, 2], pads=[1, 0, 1, 2], dilations=[1, 1])
    yield from op.form(op.real(1, 4, 6), ints(4, 5), ints(2, 2), fixed=[1, 2], dilations=[2, 2])
    yield from op.form(op.real(1, 6, 5), ints(6), ints(2), fixed=[1, 2])


GENERATORS = {
    "AffineGrid": _affine_grid,
    "CenterCropPad": _center,
    "Col2Im": _col2im,
    "GridSample": _grid_sample,
    "MaxRoiPool": _max_roi_pool,
    "RoiAlign": _roi_align,
}
