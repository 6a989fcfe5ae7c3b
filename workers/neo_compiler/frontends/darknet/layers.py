"""Darknet's layers as ONNX operators, a function each.

Sources: AlexeyAB/darknet's wiki, "CFG-Parameters in the different layers"; checked against OpenCV's dnn in tests.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from neo_compiler.frontends.darknet.file import Network, Section
from neo_compiler.frontends.onnx.builder import Builder
from neo_compiler.input_config import Shape

EPSILON = 1e-6
LEAKY_SLOPE = 0.1


def convert(network: Network, name: str, shape: Shape) -> Any:
    """The network as an ONNX model with the input `name` of `shape` [N, C, H, W].

    Its outputs are those of the detection layers and of the last layer. Raises ValueError naming the layer.
    """
    state = _State(network, Builder(), "")
    state.last = state.graph.input(name, shape)
    heads = {}
    for section in network.layers:
        try:
            state.last = LAYERS.get(section.kind, _unknown)(state, section)
        except (ValueError, IndexError, ZeroDivisionError) as error:
            raise ValueError(f"{section}: {error}") from error
        state.made.append(state.last)
        if section.kind in DETECTIONS:
            heads[f"{section.kind}_{section.index}"] = state.last
    last = network.layers[-1]
    heads.setdefault(f"{last.kind}_{last.index}", state.last)
    if state.used != len(network.numbers):
        raise ValueError(f"the layers take {state.used} weights, the .weights file has {len(network.numbers)}")
    return state.graph.model(heads)


@dataclass
class _State:
    """What the layers so far have made, and how far the weights are read."""

    network: Network
    graph: Builder
    last: str
    made: list[str] = field(default_factory=list)
    used: int = 0

    def take(self, *shape: int) -> str:
        """The next weights, as a constant."""
        count = math.prod(shape)
        if count < 1 or self.used + count > len(self.network.numbers):
            raise ValueError(f"the .weights file ends too soon, at {len(self.network.numbers)} numbers")
        array = self.network.numbers[self.used : self.used + count].reshape(shape)
        self.used += count
        return self.graph.constant(array)

    def at(self, index: int, section: Section) -> str:
        """What the layer `index` made; a negative one counts back from this layer."""
        place = section.index + index if index < 0 else index
        if not 0 <= place < len(self.made):
            raise ValueError(f"there is no layer {index} before it")
        return self.made[place]


_Layer = Callable[[_State, Section], str]


def _unknown(state: _State, section: Section) -> str:
    raise ValueError("this kind of layer is not supported; supported are " + ", ".join(sorted(LAYERS)))


def _convolutional(state: _State, section: Section) -> str:
    graph, size = state.graph, section.integer("size", 1)
    _refuse(section, "antialiasing", "binary", "xnor", "assisted_excitation")
    filters, groups = section.integer("filters", 1), section.integer("groups", 1)
    stride = section.integer("stride", 1)
    strides = [section.integer("stride_y", stride), section.integer("stride_x", stride)]
    dilation = section.integer("dilation", 1)
    pad = dilation * (size // 2 if section.integer("pad", 0) else section.integer("padding", 0))
    bias = state.take(filters)
    norm = [state.take(filters) for _ in range(3)] if section.integer("batch_normalize", 0) else []
    weight = state.take(filters, graph.shape(state.last)[1] // groups, size, size)
    made = graph.add(
        "Conv",
        *(state.last, weight, *([] if norm else [bias])),
        strides=strides,
        pads=[pad] * 4,
        dilations=[dilation] * 2,
        group=groups,
    )
    if norm:
        made = graph.add("BatchNormalization", made, norm[0], bias, norm[1], norm[2], epsilon=EPSILON)
    return _activate(state, section, made, "logistic")


def _connected(state: _State, section: Section) -> str:
    graph, count = state.graph, section.integer("output", 1)
    flat = graph.add("Flatten", state.last)
    bias, weight = state.take(count), state.take(count, graph.shape(flat)[1])
    normal = bool(section.integer("batch_normalize", 0))
    made = graph.add("Gemm", flat, weight, *([] if normal else [bias]), transB=1)
    if normal:
        scale, mean, variance = (state.take(count) for _ in range(3))
        made = graph.add("BatchNormalization", made, scale, bias, mean, variance, epsilon=EPSILON)
    return _activate(state, section, made, "logistic")


def _maxpool(state: _State, section: Section) -> str:
    _refuse(section, "maxpool_depth", "antialiasing")
    return _pool(state, section, "MaxPool")


def _local_avgpool(state: _State, section: Section) -> str:
    return _pool(state, section, "AveragePool")


def _pool(state: _State, section: Section, op: str) -> str:
    stride = section.integer("stride", 1)
    strides = [section.integer("stride_y", stride), section.integer("stride_x", stride)]
    size = section.integer("size", stride)
    padding = section.integer("padding", size - 1)
    before, after = padding // 2, padding - padding // 2
    pads = [before, before, after, after]
    return state.graph.add(op, state.last, kernel_shape=[size, size], strides=strides, pads=pads)


def _avgpool(state: _State, section: Section) -> str:
    return state.graph.add("GlobalAveragePool", state.last)


def _route(state: _State, section: Section) -> str:
    graph, groups = state.graph, section.integer("groups", 1)
    parts = [state.at(index, section) for index in section.integers("layers")]
    if groups > 1:
        group = section.integer("group_id", 0)
        sizes = [graph.shape(part)[1] // groups for part in parts]
        parts = [graph.slice(p, 1, size * group, size * (group + 1)) for p, size in zip(parts, sizes, strict=True)]
    return graph.add("Concat", *parts, axis=1)


def _shortcut(state: _State, section: Section) -> str:
    if section.text("weights_type", "none") != "none":
        raise ValueError("weights_type is not available")
    made = state.last
    for index in section.integers("from"):
        other = state.at(index, section)
        if state.graph.shape(other) != state.graph.shape(made):
            raise ValueError(f"it adds {list(state.graph.shape(made))} and {list(state.graph.shape(other))}")
        made = state.graph.add("Add", made, other)
    return _activate(state, section, made, "linear")


def _scale_channels(state: _State, section: Section) -> str:
    made = state.graph.add("Mul", state.at(section.integer("from", 0), section), state.last)
    return _activate(state, section, made, "linear")


def _sam(state: _State, section: Section) -> str:
    made = state.graph.add("Mul", state.at(section.integer("from", 0), section), state.last)
    return _activate(state, section, made, "linear")


def _upsample(state: _State, section: Section) -> str:
    stride = section.integer("stride", 2)
    scales = state.graph.constant([1, 1, stride, stride], "float32")
    how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return _scaled(state, section, state.graph.add("Resize", state.last, "", scales, **how))


def _reorg(state: _State, section: Section) -> str:
    """Darknet reads [C, H, W] as [C/s/s, H*s, W*s] before it moves space into channels."""
    graph, stride = state.graph, section.integer("stride", 1)
    n, c, h, w = graph.shape(state.last)
    spread = graph.reshape(state.last, [n, c // stride**2, h * stride, w * stride])
    moved = graph.add("SpaceToDepth", spread, blocksize=stride)
    return graph.reshape(moved, [n, c * stride**2, h // stride, w // stride])


def _softmax(state: _State, section: Section) -> str:
    if section.integer("groups", 1) != 1 or "tree" in section.values:
        raise ValueError("groups and trees of classes are not available")
    flat = state.graph.add("Flatten", state.last)
    heat = section.number("temperature", 1.0)
    scaled = flat if heat == 1.0 else state.graph.add("Div", flat, state.graph.scalar(heat, flat))
    return state.graph.add("Softmax", scaled, axis=1)


def _same(state: _State, section: Section) -> str:
    return state.graph.add("Identity", state.last)


def _activation(state: _State, section: Section) -> str:
    return _activate(state, section, state.last, "linear")


def _yolo(state: _State, section: Section) -> str:
    """[N, anchors * (5 + classes), H, W]: x, y, objectness, classes between 0 and 1; width and height as they come."""
    graph, boxes = state.graph, len(section.integers("mask")) or section.integer("num", 1)
    split = _split_boxes(state, section, boxes)
    xy, size, rest = split
    if not section.integer("new_coords", 0):
        xy, rest = graph.add("Sigmoid", xy), graph.add("Sigmoid", rest)
    scale = section.number("scale_x_y", 1.0)
    if scale != 1.0:
        wide = graph.add("Mul", xy, graph.scalar(scale, xy))
        xy = graph.add("Sub", wide, graph.scalar(0.5 * (scale - 1), xy))
    return _join_boxes(state, [xy, size, rest])


def _region(state: _State, section: Section) -> str:
    """As `_yolo`, but the classes of a box sum up to 1."""
    graph = state.graph
    if "tree" in section.values:
        raise ValueError("trees of classes are not available")
    xy, size, rest = _split_boxes(state, section, section.integer("num", 1))
    count = section.integer("classes", 20)
    objectness = graph.add("Sigmoid", graph.slice(rest, 2, 0, 1))
    classes = graph.slice(rest, 2, 1, 1 + count)
    classes = graph.add("Softmax", classes, axis=2) if section.integer("softmax", 0) else graph.add("Sigmoid", classes)
    return _join_boxes(state, [graph.add("Sigmoid", xy), size, objectness, classes])


def _split_boxes(state: _State, section: Section, boxes: int) -> tuple[str, str, str]:
    """x and y; width and height; objectness and classes: each [N, boxes, parts, H, W]."""
    graph, parts = state.graph, 5 + section.integer("classes", 20)
    n, c, h, w = graph.shape(state.last)
    if c != boxes * parts:
        raise ValueError(f"{boxes} boxes of {parts} values need {boxes * parts} channels, there are {c}")
    by_box = graph.reshape(state.last, [n, boxes, parts, h, w])
    return graph.slice(by_box, 2, 0, 2), graph.slice(by_box, 2, 2, 4), graph.slice(by_box, 2, 4, parts)


def _join_boxes(state: _State, parts: list[str]) -> str:
    return state.graph.reshape(state.graph.add("Concat", *parts, axis=2), state.graph.shape(state.last))


def _activate(state: _State, section: Section, name: str, default: str) -> str:
    graph, kind = state.graph, section.text("activation", default)
    if kind == "linear":
        return name
    if kind == "leaky":
        return graph.add("LeakyRelu", name, alpha=LEAKY_SLOPE)
    if kind == "swish":
        return graph.add("Mul", name, graph.add("Sigmoid", name))
    if kind == "mish":
        return graph.add("Mul", name, graph.add("Tanh", graph.add("Softplus", name)))
    if kind == "relu6":
        return graph.add("Clip", name, graph.scalar(0, name), graph.scalar(6, name))
    if kind not in ACTIVATIONS:
        known = ", ".join(sorted({*ACTIVATIONS, "linear", "leaky", "swish", "mish", "relu6"}))
        raise ValueError(f"the activation {kind} is not supported; supported are {known}")
    return graph.add(ACTIVATIONS[kind], name)


def _scaled(state: _State, section: Section, name: str) -> str:
    scale = section.number("scale", 1.0)
    return name if scale == 1.0 else state.graph.add("Mul", name, state.graph.scalar(scale, name))


def _refuse(section: Section, *keys: str) -> None:
    for key in keys:
        if section.integer(key, 0):
            raise ValueError(f"{key} is not available")


ACTIVATIONS = {"relu": "Relu", "logistic": "Sigmoid", "tanh": "Tanh", "elu": "Elu", "selu": "Selu"}

DETECTIONS = ("yolo", "region")

LAYERS: dict[str, _Layer] = {
    "convolutional": _convolutional,
    "conv": _convolutional,
    "connected": _connected,
    "conn": _connected,
    "maxpool": _maxpool,
    "max": _maxpool,
    "avgpool": _avgpool,
    "avg": _avgpool,
    "local_avgpool": _local_avgpool,
    "route": _route,
    "shortcut": _shortcut,
    "scale_channels": _scale_channels,
    "sam": _sam,
    "upsample": _upsample,
    "reorg": _reorg,
    "softmax": _softmax,
    "soft": _softmax,
    "dropout": _same,
    "cost": _same,
    "activation": _activation,
    "yolo": _yolo,
    "region": _region,
}
