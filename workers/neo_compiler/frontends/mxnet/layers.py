"""MXNet's layers with weights, pools and normalisations. Source: Apache MXNet 1.9 API, mx.sym; checked against it."""

from __future__ import annotations

import math

import numpy as np

from neo_compiler.frontends.mxnet.file import Node
from neo_compiler.frontends.mxnet.operators import Operator, State, axis_of, simple

_ACTIVATIONS = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "softrelu": "Softplus", "softsign": "Softsign"}
EPSILON = 1e-3


def _convolution(state: State, node: Node, inputs: list[str]) -> str:
    kernel = node.integers("kernel")
    _check_layout(node, len(kernel))
    return state.graph.add(
        "Conv",
        *inputs,
        **_window(node, kernel),
        dilations=node.integers("dilate", [1] * len(kernel)),
        group=node.integer("num_group", 1),
    )


def _deconvolution(state: State, node: Node, inputs: list[str]) -> str:
    kernel = node.integers("kernel")
    _check_layout(node, len(kernel))
    if node.integers("target_shape", []):
        raise ValueError("target_shape is not available")
    return state.graph.add(
        "ConvTranspose",
        *inputs,
        **_window(node, kernel),
        dilations=node.integers("dilate", [1] * len(kernel)),
        group=node.integer("num_group", 1),
        output_padding=node.integers("adj", [0] * len(kernel)),
    )


def _window(node: Node, kernel: list[int]) -> dict[str, list[int]]:
    rank = len(kernel)
    pads = node.integers("pad", [0] * rank)
    return {"kernel_shape": kernel, "strides": node.integers("stride", [1] * rank), "pads": pads * 2}


def _check_layout(node: Node, rank: int) -> None:
    layout = node.text("layout", "None")
    if layout not in ("None", "NCW", "NCHW", "NCDHW"):
        raise ValueError(f"layout={layout} is not available")


def _batch_norm(state: State, node: Node, inputs: list[str]) -> str:
    graph, axis = state.graph, node.integer("axis", 1)
    data, gamma, beta, mean, variance = inputs
    if node.flag("fix_gamma", default=True):
        gamma = graph.constant(np.ones(graph.shape(gamma)), "float32")
    order = list(range(len(graph.shape(data))))
    moved = axis_of(axis, len(order)) != 1
    if moved:
        order.insert(1, order.pop(axis))
        data = graph.add("Transpose", data, perm=order)
    made = graph.add("BatchNormalization", data, gamma, beta, mean, variance, epsilon=node.number("eps", EPSILON))
    return graph.add("Transpose", made, perm=list(np.argsort(order))) if moved else made


def _activation(state: State, node: Node, inputs: list[str]) -> str:
    kind = node.text("act_type", "relu")
    if kind not in _ACTIVATIONS:
        raise ValueError(f"act_type={kind} is not available")
    return state.graph.add(_ACTIVATIONS[kind], inputs[0])


def _leaky_relu(state: State, node: Node, inputs: list[str]) -> str:
    graph, kind, slope = state.graph, node.text("act_type", "leaky"), node.number("slope", 0.25)
    if kind == "prelu":
        rank, count = len(graph.shape(inputs[0])), graph.shape(inputs[1])[-1]
        return graph.add("PRelu", inputs[0], graph.reshape(inputs[1], [count] + [1] * (rank - 2)))
    if kind == "gelu":
        half, root = graph.scalar(0.5, inputs[0]), graph.scalar(2**-0.5, inputs[0])
        gate = graph.add("Add", graph.add("Erf", graph.add("Mul", inputs[0], root)), graph.scalar(1, inputs[0]))
        return graph.add("Mul", graph.add("Mul", inputs[0], gate), half)
    if kind == "rrelu":
        slope = (node.number("lower_bound", 0.125) + node.number("upper_bound", 0.334)) / 2
    made = {"leaky": ("LeakyRelu", slope), "rrelu": ("LeakyRelu", slope), "elu": ("Elu", slope), "selu": ("Selu", None)}
    if kind not in made:
        raise ValueError(f"act_type={kind} is not available")
    op, alpha = made[kind]
    return graph.add(op, inputs[0], **({} if alpha is None else {"alpha": alpha}))


def _pooling(state: State, node: Node, inputs: list[str]) -> str:
    graph, kind = state.graph, node.text("pool_type", "max")
    ops = {"max": "MaxPool", "avg": "AveragePool", "sum": "AveragePool"}
    if kind not in ops:
        raise ValueError(f"pool_type={kind} is not available")
    shape = graph.shape(inputs[0])[2:]
    if node.flag("global_pool"):
        made = graph.add(f"Global{ops[kind]}", inputs[0])
        return made if kind != "sum" else graph.add("Mul", made, graph.scalar(math.prod(shape), made))
    kernel = node.integers("kernel")
    window = _window(node, kernel)
    before, extra = window["pads"][: len(kernel)], _overhang(node, list(shape), kernel, window)
    pads = [*before, *(a + b for a, b in zip(before, extra, strict=True))]
    if kind == "max":
        return graph.add("MaxPool", inputs[0], kernel_shape=kernel, strides=window["strides"], pads=pads)
    data, counted = inputs[0], kind == "sum" or node.flag("count_include_pad", default=True)
    if counted and any(before):  # padding counts, what hangs over it does not
        edges = [0, 0, *before] * 2
        data = graph.add("Pad", data, graph.constant(edges, "int64"))
        pads = [0] * len(kernel) + extra
    made = graph.add(
        "AveragePool",
        data,
        kernel_shape=kernel,
        strides=window["strides"],
        pads=pads,
        count_include_pad=int(kind == "sum"),
    )
    return made if kind != "sum" else graph.add("Mul", made, graph.scalar(math.prod(kernel), made))


def _overhang(node: Node, shape: list[int], kernel: list[int], window: dict[str, list[int]]) -> list[int]:
    """How far the last window reaches beyond the padded data, per dimension."""
    convention = node.text("pooling_convention", "valid")
    if convention not in ("valid", "full"):
        raise ValueError(f"pooling_convention={convention} is not available")
    extra = []
    for size, width, step, pad in zip(shape, kernel, window["strides"], window["pads"], strict=False):
        room = size + 2 * pad - width
        extra.append(-(-room // step) * step - room if convention == "full" else 0)
    return extra


def _fully_connected(state: State, node: Node, inputs: list[str]) -> str:
    graph = state.graph
    if node.flag("flatten", default=True):
        return graph.add("Gemm", graph.add("Flatten", inputs[0]), *inputs[1:], transB=1)
    made = graph.add("MatMul", inputs[0], graph.add("Transpose", inputs[1], perm=[1, 0]))
    return graph.add("Add", made, inputs[2]) if len(inputs) > 2 else made


def _softmax(state: State, node: Node, inputs: list[str]) -> str:
    graph, data = state.graph, inputs[0]
    if node.flag("use_length"):
        raise ValueError("use_length is not available")
    heat = node.value("temperature", None)
    if heat not in (None, 1.0):
        data = graph.add("Div", data, graph.scalar(float(heat), data))
    if node.op == "softmin":
        data = graph.add("Neg", data)
    return graph.add("LogSoftmax" if node.op == "log_softmax" else "Softmax", data, axis=node.integer("axis", -1))


def _softmax_output(state: State, node: Node, inputs: list[str]) -> str:
    graph, shape = state.graph, state.graph.shape(inputs[0])
    if node.flag("multi_output") or node.text("mode", "instance") == "channel":
        return graph.add("Softmax", inputs[0], axis=1)
    if node.flag("preserve_shape") or len(shape) <= 2:
        return graph.add("Softmax", inputs[0], axis=-1)
    return graph.reshape(graph.add("Softmax", graph.add("Flatten", inputs[0]), axis=1), shape)


def _same(state: State, node: Node, inputs: list[str]) -> str:
    return state.graph.add("Identity", inputs[0])


def _up_sampling(state: State, node: Node, inputs: list[str]) -> str:
    graph, scale = state.graph, node.integer("scale")
    if node.text("sample_type", "nearest") == "bilinear":
        channels, kernel = graph.shape(inputs[0])[1], 2 * scale - scale % 2
        pads = [math.ceil((scale - 1) / 2)] * 4
        return graph.add(
            "ConvTranspose", *inputs, kernel_shape=[kernel] * 2, strides=[scale] * 2, pads=pads, group=channels
        )
    if len(inputs) != 1:
        raise ValueError("more than one input is not available")
    scales = graph.constant([1, 1, scale, scale], "float32")
    how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return graph.add("Resize", inputs[0], "", scales, **how)


def _bilinear_resize(state: State, node: Node, inputs: list[str]) -> str:
    graph, shape = state.graph, state.graph.shape(inputs[0])
    if node.text("mode", "size") not in ("size", "like"):
        raise ValueError(f"mode={node.text('mode', '')} is not available")
    if len(inputs) > 1:
        sizes = list(graph.shape(inputs[1])[2:])
    elif node.value("scale_height", None) is not None:
        sizes = [
            int(size * node.number(f"scale_{key}")) for size, key in zip(shape[2:], ("height", "width"), strict=True)
        ]
    else:
        sizes = [node.integer("height"), node.integer("width")]
    corners = "align_corners" if node.flag("align_corners", default=True) else "half_pixel"
    target = graph.constant([*shape[:2], *sizes], "int64")
    return graph.add("Resize", inputs[0], "", "", target, mode="linear", coordinate_transformation_mode=corners)


def _adaptive_pool(state: State, node: Node, inputs: list[str]) -> str:
    """Cells whose sizes differ become a product with two matrices of averages."""
    graph, shape = state.graph, state.graph.shape(inputs[0])
    sizes = node.integers("output_size", [1])
    height, width = sizes if len(sizes) == 2 else sizes * 2
    rows, columns = _averages(shape[2], height), _averages(shape[3], width)
    return graph.add("MatMul", graph.add("MatMul", graph.constant(rows), inputs[0]), graph.constant(columns.T))


def _averages(size: int, cells: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    matrix = np.zeros((cells, size), "float32")
    for cell in range(cells):
        begin, end = cell * size // cells, -(-(cell + 1) * size // cells)
        matrix[cell, begin:end] = 1 / (end - begin)
    return matrix


def _layer_norm(state: State, node: Node, inputs: list[str]) -> str:
    axis, rank = node.integer("axis", -1), len(state.graph.shape(inputs[0]))
    if axis_of(axis, rank) != rank - 1:
        raise ValueError(f"axis={axis} is not available, only the last one")
    return state.graph.add("LayerNormalization", *inputs, axis=-1, epsilon=node.number("eps", 1e-5))


def _instance_norm(state: State, node: Node, inputs: list[str]) -> str:
    return state.graph.add("InstanceNormalization", *inputs, epsilon=node.number("eps", EPSILON))


def _l2_normalization(state: State, node: Node, inputs: list[str]) -> str:
    graph, rank = state.graph, len(state.graph.shape(inputs[0]))
    axes = {"instance": list(range(1, rank)), "channel": [1], "spatial": list(range(2, rank))}
    square = graph.add("ReduceSumSquare", inputs[0], axes=axes[node.text("mode", "instance")], keepdims=1)
    sum_ = graph.add("Add", square, graph.scalar(node.number("eps", 1e-10), square))
    return graph.add("Div", inputs[0], graph.add("Sqrt", sum_))


def _lrn(state: State, node: Node, inputs: list[str]) -> str:
    numbers = {
        "alpha": node.number("alpha", 1e-4),
        "beta": node.number("beta", 0.75),
        "bias": node.number("knorm", 2.0),
    }
    return state.graph.add("LRN", inputs[0], size=node.integer("nsize"), **numbers)


def _dot(state: State, node: Node, inputs: list[str]) -> str:
    """dot of matrices, batch_dot of stacks of them."""
    left, right = inputs
    ranks = [len(state.graph.shape(name)) for name in inputs]
    if node.op == "dot" and max(ranks) > 2:
        raise ValueError(f"inputs of {ranks} dimensions are not available")
    if node.flag("transpose_a"):
        left = _turned(state, left, ranks[0])
    if node.flag("transpose_b"):
        right = _turned(state, right, ranks[1])
    return state.graph.add("MatMul", left, right)


def _turned(state: State, name: str, rank: int) -> str:
    return state.graph.add("Transpose", name, perm=[*range(rank - 2), rank - 1, rank - 2])


OPERATORS: dict[str, Operator] = {
    **dict.fromkeys(("Convolution", "Convolution_v1"), _convolution),
    **dict.fromkeys(("BatchNorm", "BatchNorm_v1", "SyncBatchNorm", "_contrib_SyncBatchNorm"), _batch_norm),
    **dict.fromkeys(("Pooling", "Pooling_v1"), _pooling),
    **dict.fromkeys(("softmax", "log_softmax", "softmin"), _softmax),
    **dict.fromkeys(("SoftmaxOutput", "Softmax", "SoftmaxActivation"), _softmax_output),
    **dict.fromkeys(("LinearRegressionOutput", "MAERegressionOutput", "SVMOutput"), _same),
    **dict.fromkeys(("dot", "batch_dot"), _dot),
    "Deconvolution": _deconvolution,
    "Activation": _activation,
    "LeakyReLU": _leaky_relu,
    "FullyConnected": _fully_connected,
    "LogisticRegressionOutput": lambda state, node, inputs: state.graph.add("Sigmoid", inputs[0]),
    "UpSampling": _up_sampling,
    "_contrib_BilinearResize2D": _bilinear_resize,
    "_contrib_AdaptiveAvgPooling2D": _adaptive_pool,
    "LayerNorm": _layer_norm,
    "InstanceNorm": _instance_norm,
    "L2Normalization": _l2_normalization,
    "LRN": _lrn,
    "hard_sigmoid": simple("HardSigmoid"),
}
