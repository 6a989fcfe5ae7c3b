"""Upsample, and Resize before opset 13, in Resize's present form.

Source: ONNX operators; ONNX Runtime for the roundings, on which Upsample and Resize-10 are silent.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neo_compiler.frontends.onnx.old_node import OldNode, Rule

_FROM_THE_CORNER = {"coordinate_transformation_mode": "asymmetric"}


def _upsample(node: OldNode) -> None:
    """Places are counted from the corner; a fraction is cut off."""
    attributes = node.attributes()
    scales = node.input(1)
    if "scales" in attributes:
        scales = node.constant(attributes["scales"], "float32")
    elif not scales:
        scales = node.constant([1, 1, attributes["height_scale"], attributes["width_scale"]], "float32")
    mode = attributes.get("mode", b"nearest")
    mode = b"linear" if mode == b"bilinear" else mode
    node.become("Resize", node.input(0), "", scales, mode=mode, **_FROM_THE_CORNER, nearest_mode="floor")


def _resize(node: OldNode) -> None:
    attributes = node.attributes()
    if node.opset >= 11:
        _resize_11(node, attributes)
        return
    mode, x = attributes.get("mode", b"nearest"), node.input(0)
    steps = _nearest(node) if mode == b"nearest" else [(node.input(1), "floor")]
    for scales, rounding in steps[:-1]:
        x = node.add("Resize", x, "", scales, mode=mode, **_FROM_THE_CORNER, nearest_mode=rounding)
    scales, rounding = steps[-1]
    node.become("Resize", x, "", scales, mode=mode, **_FROM_THE_CORNER, nearest_mode=rounding)


def _nearest(node: OldNode) -> list[tuple[str, str]]:
    """Scales and what is done with fractions: cut off on axes that grow, counted as whole on those that shrink."""
    scales, given = node.input(1), node.value(1)
    if given is not None and (np.all(given >= 1) or np.all(given <= 1)):
        return [(scales, "floor" if np.all(given >= 1) else "ceil")]
    one = node.constant(1, "float32")
    return [(node.add("Max", scales, one), "floor"), (node.add("Min", scales, one), "ceil")]


def _resize_11(node: OldNode, attributes: dict[str, Any]) -> None:
    """tf_half_pixel_for_nn, which is gone, is half a pixel more than half_pixel."""
    if attributes.get("coordinate_transformation_mode") == b"tf_half_pixel_for_nn":
        attributes["coordinate_transformation_mode"] = b"half_pixel"
        rounding = attributes.get("nearest_mode", b"round_prefer_floor")
        same = {b"floor": b"round_prefer_ceil", b"round_prefer_floor": b"ceil"}
        if attributes.get("mode", b"nearest") != b"nearest" or rounding not in same:
            raise ValueError("tf_half_pixel_for_nn is not available in this mode")
        attributes["nearest_mode"] = same[rounding]
    node.become("Resize", *node.inputs(), **attributes)


RULES: dict[str, Rule] = {"Resize": Rule(13, _resize), "Upsample": Rule(10, _upsample)}
