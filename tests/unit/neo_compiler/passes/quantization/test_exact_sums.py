"""Sums of products of bytes are exact on CPUs without an instruction for them, however long and however great."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.onnx_run import run_imported, run_scheduled

from neo_compiler.frontends.onnx import load as importer
from neo_compiler.passes.constant_folding import fold
from neo_compiler.passes.quantization.dot_instructions import SDOT, VNNI
from neo_compiler.passes.quantization.exact_sums import FLOAT32_WHOLE, chunks, is_whole, reach
from neo_compiler.passes.quantization.integer_ops import whole
from neo_compiler.passes.quantization.qdq import quantised

Array = np.ndarray
RANDOM = np.random.default_rng(4)
DOTS = {"vnni, stock": VNNI, "sdot, stock": SDOT}
CPUS = ("x86-64", "sandybridge", "haswell", "stock", *DOTS)
"""Whose passes and schedules; of CPUs with an instruction for bytes the passes alone, which any machine can run."""


def extremes(*shape: int, dtype: str) -> Array:
    """Bytes that are nearly all of the greatest magnitude there is."""
    limits = np.iinfo(dtype)
    made: Array = np.full(shape, limits.max if dtype == "uint8" else limits.min, dtype)
    some = RANDOM.random(shape) < 0.01
    made[some] = RANDOM.integers(limits.min, limits.max + 1, int(some.sum()))
    return made


def cancelling(*shape: int) -> Array:
    """A weight [depth, channels] whose sums come back to little after they were great."""
    made = np.full(shape, 127, "int8")
    made[shape[0] // 2 :] = -127
    made[:, 1::2] = -made[:, 1::2]
    made[0] = RANDOM.integers(-128, 128, shape[1])
    return made


def run(cpu: str, op: str, inputs: dict[str, Array | None], fed: int, runs_here: Any, **attributes: Any) -> Array:
    """The result of an operator whose first `fed` inputs, of those in FED, are the model's."""
    if "stock" not in cpu and not runs_here(cpu):
        pytest.skip(f"this machine cannot run code for {cpu}")
    given = {name: value for name, value in inputs.items() if value is not None}
    names = [name if value is not None else "" for name, value in inputs.items()]
    node = helper.make_node(op, names, ["y"], **attributes)
    feeds = {name: given[name] for name in [*given][:1] + [*given][3:4] * (fed > 1)}
    kinds = {name: helper.np_dtype_to_tensor_dtype(value.dtype) for name, value in feeds.items()}
    values = [helper.make_tensor_value_info(name, kinds[name], value.shape) for name, value in feeds.items()]
    weights = [numpy_helper.from_array(value, name) for name, value in given.items() if name not in feeds]
    result = TensorProto.INT8 if op.startswith("QLinear") else TensorProto.INT32
    graph = helper.make_graph([node], "g", values, [helper.make_tensor_value_info("y", result, None)], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    imported = importer.compilable(model, {name: value.shape for name, value in feeds.items()}, "")
    if "stock" not in cpu:
        return run_scheduled(imported, feeds, cpu)[0]
    if (dot := DOTS.get(cpu)) is not None:
        folded = fold(imported.module, keep_quantised=True)
        imported = replace(imported, module=quantised(whole(folded, dot), dot))
    return run_imported(imported, feeds)[0]


def windows(x: Array, kernel: tuple[int, ...]) -> Array:
    """[N, C, ...] padded by half a kernel -> [N, ..., C * kernel]."""
    x = np.pad(x, [(0, 0), (0, 0), *[(size // 2, size // 2) for size in kernel]])
    axes = tuple(range(2, x.ndim))
    seen = np.moveaxis(np.lib.stride_tricks.sliding_window_view(x, kernel, axes), 1, len(axes) + 1)
    return seen.reshape(*seen.shape[: len(axes) + 1], -1)


def convolved(x: Array, weight: Array) -> Array:
    """The sums of a convolution of whole numbers, padded to the same size."""
    sums = windows(x.astype("int64"), weight.shape[2:]) @ weight.astype("int64").reshape(len(weight), -1).T
    return np.moveaxis(sums, -1, 1)


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("left", ["uint8", "int8"])
@pytest.mark.parametrize(("right", "depth"), [("int8", 515), ("uint8", 1300), ("int8", 4608)])
def test_matmul_integer(cpu: str, left: str, right: str, depth: int, runs_here: Callable[[str], bool]) -> None:
    a, b = extremes(5, depth, dtype=left), extremes(depth, 24, dtype=right)
    zeros = np.array(0 if left == "uint8" else 127, left), np.array(5, right)
    inputs = dict(zip(("a", "b", "za", "zb"), (a, b, *zeros), strict=True))
    found = run(cpu, "MatMulInteger", inputs, 1, runs_here)
    expected = (a.astype("int64") - zeros[0]) @ (b.astype("int64") - 5)
    assert np.abs(expected).max() > FLOAT32_WHOLE
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize(
    ("shape", "kernel", "groups"),
    [
        ((1, 520, 9), (3,), 1),
        ((1, 256, 6, 6), (3, 3), 1),
        ((1, 64, 3, 4, 4), (3, 3, 3), 1),
        ((1, 4, 3, 40), (1, 33), 2),
    ],
)
def test_conv_integer(
    cpu: str, shape: tuple[int, ...], kernel: tuple[int, ...], groups: int, runs_here: Callable[[str], bool]
) -> None:
    x, weight = extremes(*shape, dtype="uint8"), extremes(8, shape[1] // groups, *kernel, dtype="int8")
    inputs = {"x": x, "w": weight, "zx": np.array(1, "uint8"), "zw": None}
    pads = [size // 2 for size in kernel] * 2
    found = run(cpu, "ConvInteger", inputs, 1, runs_here, pads=pads, group=groups)
    parts = zip(np.split(x.astype("int64") - 1, groups, 1), np.split(weight, groups), strict=True)
    expected = np.concatenate([convolved(*part) for part in parts], 1)
    assert groups > 1 or np.abs(expected).max() > FLOAT32_WHOLE
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("cpu", CPUS)
def test_no_convolution_of_whole_numbers_is_winograds(cpu: str, runs_here: Callable[[str], bool]) -> None:
    """Its fractions of weights are rounded: sums that are cut to integers would be one less."""
    x, weight = extremes(1, 32, 28, 28, dtype="uint8"), RANDOM.integers(-9, 10, (32, 32, 3, 3)).astype("int8")
    found = run(cpu, "ConvInteger", {"x": x, "w": weight}, 1, runs_here, auto_pad="SAME_UPPER")
    np.testing.assert_array_equal(found, convolved(x, weight))


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("bias", [0, 2**30 + 1])
@pytest.mark.parametrize("channels", [24, 256])
def test_qlinear_conv(cpu: str, bias: int, channels: int, runs_here: Callable[[str], bool]) -> None:
    """Scales are powers of two, so that nothing is rounded but the sum."""
    x = np.full((1, channels, 5, 5), 255, "uint8")
    x[:, :3] = RANDOM.integers(0, 256, (3, 5, 5))
    weight = np.ascontiguousarray(cancelling(channels * 9, 8).T.reshape(8, channels, 3, 3))
    scale, unit = np.array(2.0**-10, "float32"), np.array(0.25, "float32")
    inputs = {"x": x, "sx": scale, "zx": np.array(0, "uint8"), "w": weight, "sw": scale, "zw": np.array(0, "int8")}
    inputs |= {"sy": unit, "zy": np.array(-3, "int8"), "b": np.full(8, -bias, "int32")}
    if bias:  # the sum comes back to little
        sums = convolved(x, weight)
        inputs["b"] = (-np.round(sums.mean((0, 2, 3)))).astype("int32")
    found = run(cpu, "QLinearConv", inputs, 1, runs_here, pads=[1] * 4)
    real = (convolved(x, weight) + inputs["b"].reshape(1, -1, 1, 1)).astype("float32") * scale * scale / unit
    np.testing.assert_array_equal(found, np.clip(np.round(real) - 3, -128, 127))


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("fed", [1, 2])
@pytest.mark.parametrize("depth", [64, 2000])
def test_qlinear_matmul(cpu: str, fed: int, depth: int, runs_here: Callable[[str], bool]) -> None:
    """Of a constant, and of two results of other operators."""
    a, b = np.full((2, 6, depth), 255, "uint8"), np.broadcast_to(cancelling(depth, 8), (2, depth, 8))
    scale, unit = np.array(2.0**-10, "float32"), np.array(2.0**-8, "float32")
    inputs = {"a": a, "sa": scale, "za": np.array(1, "uint8"), "b": np.ascontiguousarray(b), "sb": scale}
    inputs |= {"zb": np.array(0, "int8"), "sy": unit, "zy": np.array(4, "int8")}
    found = run(cpu, "QLinearMatMul", inputs, fed, runs_here)
    real = ((a.astype("int64") - 1) @ b.astype("int64")).astype("float32") * scale * scale / unit
    np.testing.assert_array_equal(found, np.clip(np.round(real) + 4, -128, 127))
    assert np.unique(found).size > 4


def test_chunks_are_as_few_as_hold_the_sums() -> None:
    magnitudes = np.full((515, 2), 255 * 128)
    assert chunks(magnitudes) == [(0, 257), (257, 515)]
    assert chunks(magnitudes[:514]) == [(0, 514)]
    assert chunks(np.array([[5], [1], [1], [1]]), 5) == [(0, 1), (1, 2), (2, 4)]
    assert chunks(np.array([[6], [1]]), 5) is None


def test_reach_and_whole_numbers() -> None:
    assert [reach("uint8", zero) for zero in (0, 128, 255, None)] == [255, 128, 255, 255]
    assert [reach("int8", zero) for zero in (0, 127, None)] == [128, 255, 255]
    assert is_whole(np.array([-255.0, 255.0]))
    assert not any(is_whole(np.array(item)) for item in ([0.5], [256.0], [np.nan], []))
