"""Well-known networks as ONNX graphs, weights random but fixed, batch norms folded as exporters do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from e2e.models import Case, Graph, tensor
from onnx import TensorProto


class Net(Graph):
    """A graph whose weights keep activations near one in magnitude."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self._random = np.random.default_rng(seed)
        self._number = 0

    def random(self, *shape: int, scale: float = 1.0) -> str:
        self._number += 1
        array = self._random.standard_normal(shape, dtype="float32") * np.float32(scale)
        return self.constant(f"w{self._number}", array)

    def value(self, array: Any) -> str:
        self._number += 1
        return self.constant(f"k{self._number}", np.asarray(array))

    def conv(
        self, x: str, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, act: str = "Relu"
    ) -> str:
        scale = math.sqrt((2 if act else 1) / (inputs // groups * kernel * kernel))
        weight, bias = (
            self.random(outputs, inputs // groups, kernel, kernel, scale=scale),
            self.random(outputs, scale=0.1),
        )
        attributes = {"strides": [stride] * 2, "pads": [kernel // 2] * 4, "group": groups, "kernel_shape": [kernel] * 2}
        return self.act(self.add("Conv", x, weight, bias, **attributes), act)

    def act(self, x: str, name: str) -> str:
        if name == "Relu6":
            return self.add("Clip", x, self.value(np.float32(0)), self.value(np.float32(6)))
        if name == "Silu":
            return self.add("Mul", x, self.add("Sigmoid", x))
        return self.add(name, x) if name else x

    def linear(self, x: str, inputs: int, outputs: int) -> str:
        weight = self.random(inputs, outputs, scale=math.sqrt(1 / inputs))
        return self.add("Add", self.add("MatMul", x, weight), self.random(outputs, scale=0.1))

    def classify(self, x: str, inputs: int, outputs: int = 1000) -> str:
        x = self.add("Flatten", self.add("GlobalAveragePool", x), axis=1)
        weight = self.random(outputs, inputs, scale=math.sqrt(1 / inputs))
        return self.add("Gemm", x, weight, self.random(outputs, scale=0.1), transB=1)

    def case(self, name: str, result: str, shape: list[int], output: list[int]) -> Case:
        inputs = [tensor("input", TensorProto.FLOAT, *shape)]
        model = self.model(name, inputs, result, [tensor("output", TensorProto.FLOAT, *output)], opset=17)
        return Case(name, model, {"input": np.random.default_rng(1).standard_normal(shape).astype("float32")})


def resnet(depth: int, size: int = 224) -> Case:
    """ResNet-18 or ResNet-50 v1.5. Source: arXiv:1512.03385."""
    blocks, wide = {18: ([2, 2, 2, 2], 1), 50: ([3, 4, 6, 3], 4)}[depth]
    g, channels = Net(depth), 64
    x = g.add("MaxPool", g.conv("input", 3, 64, 7, 2), kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    for stage, count in enumerate(blocks):
        width = 64 << stage
        for index in range(count):
            stride = 2 if stage and not index else 1
            if wide == 1:
                y = g.conv(g.conv(x, channels, width, 3, stride), width, width, 3, act="")
            else:
                y = g.conv(g.conv(x, channels, width, 1), width, width, 3, stride)
                y = g.conv(y, width, width * wide, 1, act="")
            if stride > 1 or channels != width * wide:
                x = g.conv(x, channels, width * wide, 1, stride, act="")
            x, channels = g.add("Relu", g.add("Add", y, x)), width * wide
    return g.case(f"resnet{depth}", g.classify(x, channels), [1, 3, size, size], [1, 1000])


def mobilenet_v2() -> Case:
    """MobileNetV2, 224 x 224. Source: arXiv:1801.04381."""
    g, channels = Net(2), 32
    x = g.conv("input", 3, 32, 3, 2, act="Relu6")
    for widen, width, count, first in (
        *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
        *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
    ):
        for index in range(count):
            x, channels = _inverted(g, x, channels, width, widen, 3, first if index == 0 else 1, "Relu6"), width
    return g.case("mobilenet_v2", g.classify(g.conv(x, 320, 1280, 1, act="Relu6"), 1280), [1, 3, 224, 224], [1, 1000])


def efficientnet_lite0() -> Case:
    """EfficientNet-Lite0, 224 x 224. Source: TensorFlow's efficientnet/lite (no squeeze-and-excitation, ReLU6)."""
    g, channels = Net(3), 32
    x = g.conv("input", 3, 32, 3, 2, act="Relu6")
    for widen, width, count, first, kernel in (
        *((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3)),
        *((6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)),
    ):
        for index in range(count):
            x, channels = _inverted(g, x, channels, width, widen, kernel, first if index == 0 else 1, "Relu6"), width
    return g.case(
        "efficientnet_lite0", g.classify(g.conv(x, 320, 1280, 1, act="Relu6"), 1280), [1, 3, 224, 224], [1, 1000]
    )


def _inverted(g: Net, x: str, inputs: int, outputs: int, widen: int, kernel: int, stride: int, act: str) -> str:
    hidden = inputs * widen
    y = g.conv(x, inputs, hidden, 1, act=act) if widen > 1 else x
    y = g.conv(g.conv(y, hidden, hidden, kernel, stride, hidden, act), hidden, outputs, 1, act="")
    return g.add("Add", x, y) if stride == 1 and inputs == outputs else y


def yolo(size: int = 320, classes: int = 80) -> Case:
    """A detector of YOLOv8's kind (nano): C2f blocks, SPPF, a neck of two ways, boxes as distances."""
    g = Net(4)

    def c2f(x: str, inputs: int, outputs: int, count: int, shortcut: bool) -> str:
        half = outputs // 2
        parts = g.add("Split", g.conv(x, inputs, outputs, 1, act="Silu"), g.value(np.array([half, half])), axis=1)
        g.nodes[-1].output[:] = [parts, f"{parts}b"]
        found = [parts, f"{parts}b"]
        for _ in range(count):
            y = g.conv(g.conv(found[-1], half, half, 3, act="Silu"), half, half, 3, act="Silu")
            found.append(g.add("Add", found[-1], y) if shortcut else y)
        return g.conv(g.add("Concat", *found, axis=1), half * (2 + count), outputs, 1, act="Silu")

    def up(x: str) -> str:
        return g.add(
            "Resize",
            x,
            "",
            g.value(np.array([1, 1, 2, 2], "float32")),
            mode="nearest",
            nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        )

    x = g.conv(g.conv("input", 3, 16, 3, 2, act="Silu"), 16, 32, 3, 2, act="Silu")
    x = g.conv(c2f(x, 32, 32, 1, True), 32, 64, 3, 2, act="Silu")
    p3 = c2f(x, 64, 64, 2, True)
    p4 = c2f(g.conv(p3, 64, 128, 3, 2, act="Silu"), 128, 128, 2, True)
    x = c2f(g.conv(p4, 128, 256, 3, 2, act="Silu"), 256, 256, 1, True)
    pools = [g.conv(x, 256, 128, 1, act="Silu")]
    for _ in range(3):
        pools.append(g.add("MaxPool", pools[-1], kernel_shape=[5, 5], pads=[2] * 4, strides=[1, 1]))
    p5 = g.conv(g.add("Concat", *pools, axis=1), 512, 256, 1, act="Silu")
    n4 = c2f(g.add("Concat", up(p5), p4, axis=1), 384, 128, 1, False)
    n3 = c2f(g.add("Concat", up(n4), p3, axis=1), 192, 64, 1, False)
    m4 = c2f(g.add("Concat", g.conv(n3, 64, 64, 3, 2, act="Silu"), n4, axis=1), 192, 128, 1, False)
    m5 = c2f(g.add("Concat", g.conv(m4, 128, 128, 3, 2, act="Silu"), p5, axis=1), 384, 256, 1, False)
    heads, points = [], 0
    for level, (x, channels) in enumerate(((n3, 64), (m4, 128), (m5, 256))):
        cells = (size >> (3 + level)) ** 2
        points += cells
        box = g.conv(g.conv(g.conv(x, channels, 64, 3, act="Silu"), 64, 64, 3, act="Silu"), 64, 64, 1, act="")
        kind = g.conv(g.conv(g.conv(x, channels, 80, 3, act="Silu"), 80, 80, 3, act="Silu"), 80, classes, 1, act="")
        heads.append(g.add("Reshape", g.add("Concat", box, kind, axis=1), g.value(np.array([1, 64 + classes, cells]))))
    joined = g.add("Concat", *heads, axis=2)
    box = g.add("Slice", joined, g.value(np.array([0])), g.value(np.array([64])), g.value(np.array([1])))
    kind = g.add("Slice", joined, g.value(np.array([64])), g.value(np.array([64 + classes])), g.value(np.array([1])))
    box = g.add("Transpose", g.add("Reshape", box, g.value(np.array([1, 4, 16, points]))), perm=[0, 3, 1, 2])
    box = g.add("MatMul", g.add("Softmax", box, axis=3), g.value(np.arange(16, dtype="float32").reshape(16, 1)))
    box = g.add("Transpose", g.add("Reshape", box, g.value(np.array([1, points, 4]))), perm=[0, 2, 1])
    result = g.add("Concat", box, g.add("Sigmoid", kind), axis=1)
    return g.case("yolo_n", result, [1, 3, size, size], [1, 4 + classes, points])


def unet(size: int = 128) -> Case:
    """A U-Net of four levels with transposed convolutions. Source: arXiv:1505.04597."""
    g, skips, x, channels = Net(5), [], "input", 3
    widths = [32, 64, 128, 256]
    for width in widths:
        x = g.conv(g.conv(x, channels, width, 3), width, width, 3)
        skips.append(x)
        x, channels = g.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]), width
    x, channels = g.conv(g.conv(x, 256, 512, 3), 512, 512, 3), 512
    for width in reversed(widths):
        weight = g.random(channels, width, 2, 2, scale=math.sqrt(1 / channels))
        x = g.add("ConvTranspose", x, weight, g.random(width, scale=0.1), strides=[2, 2], kernel_shape=[2, 2])
        x = g.add("Concat", x, skips.pop(), axis=1)
        x, channels = g.conv(g.conv(x, 2 * width, width, 3), width, width, 3), width
    return g.case("unet", g.add("Sigmoid", g.conv(x, 32, 1, 1, act="")), [1, 3, size, size], [1, 1, size, size])


def mlp(batch: int = 8) -> Case:
    """Four layers of 1024."""
    g, x, inputs = Net(6), "input", 784
    for _ in range(3):
        x, inputs = g.add("Relu", g.linear(x, inputs, 1024)), 1024
    return g.case("mlp", g.linear(x, 1024, 10), [batch, 784], [batch, 10])


def encoder(g: Net, x: str, length: int, width: int, heads: int, layers: int, first_norm: bool) -> str:
    """Transformer layers over [1, length, width]."""
    split, merge = g.value(np.array([1, length, heads, width // heads])), g.value(np.array([1, length, width]))

    def norm(x: str) -> str:
        return g.add(
            "LayerNormalization",
            x,
            g.value(np.ones(width, "float32")),
            g.value(np.zeros(width, "float32")),
            epsilon=1e-6,
        )

    def head(x: str, order: list[int]) -> str:
        return g.add("Transpose", g.add("Reshape", g.linear(x, width, width), split), perm=order)

    def attention(x: str) -> str:
        q, k, v = head(x, [0, 2, 1, 3]), head(x, [0, 2, 3, 1]), head(x, [0, 2, 1, 3])
        scores = g.add("Div", g.add("MatMul", q, k), g.value(np.float32(math.sqrt(width // heads))))
        y = g.add("Transpose", g.add("MatMul", g.add("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
        return g.linear(g.add("Reshape", y, merge), width, width)

    def forward(x: str) -> str:
        y = g.linear(x, width, 4 * width)
        wave = g.add("Erf", g.add("Div", y, g.value(np.float32(math.sqrt(2)))))
        y = g.add("Mul", g.add("Mul", y, g.add("Add", wave, g.value(np.float32(1)))), g.value(np.float32(0.5)))
        return g.linear(y, 4 * width, width)

    for _ in range(layers):
        if first_norm:
            x = g.add("Add", x, attention(norm(x)))
            x = g.add("Add", x, forward(norm(x)))
        else:
            x = norm(g.add("Add", x, attention(x)))
            x = norm(g.add("Add", x, forward(x)))
    return norm(x) if first_norm else x


def minilm(length: int = 128, words: int = 30522) -> Case:
    """MiniLM-L6: six layers of width 384 over word ids. Source: arXiv:2002.10957."""
    g = Net(7)
    x = g.add("Add", g.add("Gather", g.random(words, 384), "ids"), g.random(1, length, 384, scale=0.1))
    x = g.add("ReduceMean", encoder(g, x, length, 384, 12, 6, False), axes=[1], keepdims=0)
    inputs = [tensor("ids", TensorProto.INT64, 1, length)]
    model = g.model("minilm", inputs, x, [tensor("output", TensorProto.FLOAT, 1, 384)], opset=17)
    return Case("minilm", model, {"ids": np.random.default_rng(1).integers(0, words, (1, length))})


def vit(size: int = 224, patch: int = 16, width: int = 192, layers: int = 12) -> Case:
    """ViT-Tiny/16. Source: arXiv:2010.11929, arXiv:2012.12877."""
    g, cells = Net(8), (size // patch) ** 2
    weight = g.random(width, 3, patch, patch, scale=math.sqrt(1 / (3 * patch * patch)))
    x = g.add("Conv", "input", weight, g.random(width, scale=0.1), strides=[patch] * 2, kernel_shape=[patch] * 2)
    x = g.add("Transpose", g.add("Reshape", x, g.value(np.array([1, width, cells]))), perm=[0, 2, 1])
    x = g.add("Add", g.add("Concat", g.random(1, 1, width), x, axis=1), g.random(1, cells + 1, width, scale=0.1))
    x = encoder(g, x, cells + 1, width, 3, layers, True)
    x = g.add("Gather", x, g.value(np.array(0)), axis=1)
    return g.case("vit_tiny", g.linear(x, width, 1000), [1, 3, size, size], [1, 1000])
