"""The values of attributes that are one of a few: what generators run through, and what the tests look for."""

from __future__ import annotations

AUTO_PAD = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")
DIRECTIONS = ("forward", "reverse", "bidirectional")
FLAGS = (0, 1)
REDUCTIONS = ("none", "sum", "mean")
SCATTER_REDUCTIONS = ("none", "add", "mul", "max", "min")
COORDINATES = (
    *("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"),
    *("tf_half_pixel_for_nn", "tf_crop_and_resize"),
)
NEAREST = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
POLICIES = ("stretch", "not_larger", "not_smaller")

BY_ATTRIBUTE: dict[str, tuple[object, ...]] = {
    "align_corners": FLAGS,
    "antialias": FLAGS,
    "allowzero": FLAGS,
    "auto_pad": AUTO_PAD,
    "broadcast": FLAGS,
    "ceil_mode": FLAGS,
    "center_point_box": FLAGS,
    "coordinate_transformation_mode": COORDINATES,
    "count_include_pad": FLAGS,
    "detect_negative": FLAGS,
    "detect_positive": FLAGS,
    "exclude_outside": FLAGS,
    "exclusive": FLAGS,
    "fmod": FLAGS,
    "input_forget": FLAGS,
    "interleaved": FLAGS,
    "inverse": FLAGS,
    "is_causal": FLAGS,
    "keep_aspect_ratio_policy": POLICIES,
    "keepdims": FLAGS,
    "largest": FLAGS,
    "layout": FLAGS,
    "linear_before_reset": FLAGS,
    "nearest_mode": NEAREST,
    "new_axis": FLAGS,
    "noop_with_empty_axes": FLAGS,
    "onesided": FLAGS,
    "periodic": FLAGS,
    "reverse": FLAGS,
    "select_last_index": FLAGS,
    "sorted": FLAGS,
    "storage_order": FLAGS,
    "transA": FLAGS,
    "transB": FLAGS,
    "upper": FLAGS,
}
"""Attributes that mean the same wherever they stand."""

BY_OPERATOR: dict[tuple[str, str], tuple[object, ...]] = {
    ("Attention", "qk_matmul_output_mode"): (0, 1, 2, 3),
    ("BitShift", "direction"): ("LEFT", "RIGHT"),
    ("CausalConvWithState", "activation"): ("none", "silu"),
    ("DepthToSpace", "mode"): ("DCR", "CRD"),
    ("GRU", "direction"): DIRECTIONS,
    ("Gelu", "approximate"): ("none", "tanh"),
    ("GridSample", "mode"): ("bilinear", "bicubic", "linear", "cubic", "nearest"),
    ("GridSample", "padding_mode"): ("zeros", "border", "reflection"),
    ("LSTM", "direction"): DIRECTIONS,
    ("LinearAttention", "update_rule"): ("linear", "gated", "delta", "gated_delta"),
    ("LpNormalization", "p"): (1, 2),
    ("NegativeLogLikelihoodLoss", "reduction"): REDUCTIONS,
    ("Pad", "mode"): ("constant", "reflect", "edge", "wrap"),
    ("RNN", "direction"): DIRECTIONS,
    ("Resize", "mode"): ("nearest", "linear", "cubic"),
    ("RoiAlign", "coordinate_transformation_mode"): ("half_pixel", "output_half_pixel"),
    ("RoiAlign", "mode"): ("avg", "max"),
    ("ScatterElements", "reduction"): SCATTER_REDUCTIONS,
    ("ScatterND", "reduction"): SCATTER_REDUCTIONS,
    ("SoftmaxCrossEntropyLoss", "reduction"): REDUCTIONS,
    ("SpaceToDepth", "mode"): ("DCR", "CRD"),
    ("Upsample", "mode"): ("nearest", "linear"),
}
"""Attributes whose values hang on the operator."""


def choices(operator: str, attribute: str) -> tuple[object, ...]:
    """The values that an attribute may have; nothing for one that is no choice."""
    return BY_OPERATOR.get((operator, attribute), BY_ATTRIBUTE.get(attribute, ()))
