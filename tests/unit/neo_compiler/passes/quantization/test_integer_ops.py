"""Operators on integers: products of bytes where the CPU has an instruction for them, and ONNX Runtime's numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tvm_ffi
from onnx import TensorProto, helper
from support.quantised import Quantised, truth
from tvm import relax
from tvm.target import Target
from unit.neo_compiler.lowering.cpu.modules import lower, module, run
from unit.neo_compiler.lowering.cpu.modules import weight as const

from neo_compiler.frontends.onnx import load as importer
from neo_compiler.lowering.cpu.cpu_model import machine_of
from neo_compiler.passes.quantization.integer_ops import whole
from neo_compiler.passes.quantization.qdq import quantised
from neo_compiler.passes.quantization.qparams import is_quantised

RANDOM = np.random.default_rng(2)
Model = Callable[[Quantised, list[str]], str]


def weight(g: Quantised, *shape: int, dtype: str = "int8") -> str:
    return g.value(RANDOM.integers(np.iinfo(dtype).min, np.iinfo(dtype).max + 1, shape).astype(dtype))


def dynamic(g: Quantised, quantised: list[str]) -> str:
    """As quantize_dynamic writes a MatMul: the data's scale and zero point come at run time."""
    x, scale, zero = quantised
    product = g.add("MatMulInteger", x, weight(g, 64, 24), zero, g.value(np.int8(0)))
    real = g.add("Mul", g.add("Cast", product, to=TensorProto.FLOAT), g.add("Mul", scale, g.value(np.float32(1e-3))))
    return g.add("Relu", g.add("Add", real, g.value(np.linspace(-1, 1, 24).astype("float32"))))


def matmul_integer(g: Quantised, quantised: list[str], depth: int = 64) -> str:
    weights = weight(g, depth, 7, dtype="uint8")
    made = g.add("MatMulInteger", quantised[0], weights, g.value(np.uint8(3)), g.value(np.uint8(128)))
    return g.add("Cast", made, to=TensorProto.FLOAT)


def conv_integer(g: Quantised, quantised: list[str]) -> str:
    made = g.add("ConvInteger", quantised[0], weight(g, 8, 6, 3, 3), quantised[2], pads=[1] * 4)
    return g.add("Cast", made, to=TensorProto.FLOAT)


def qlinear_conv(g: Quantised, quantised: list[str], channels: int = 6) -> str:
    scales = g.value(RANDOM.uniform(0.001, 0.003, 8).astype("float32"))
    numbers = (g.value(np.float32(0.04)), g.value(np.uint8(120)))
    weights = (weight(g, 8, channels, 3, 3), scales, g.value(np.zeros(8, "int8")))
    bias = g.value(RANDOM.integers(-5000, 5000, 8).astype("int32"))
    x = (quantised[0], g.value(np.float32(0.02)), g.value(np.uint8(128)))
    made = g.add("QLinearConv", *x, *weights, *numbers, bias, pads=[1] * 4)
    return g.add("DequantizeLinear", made, *numbers)


def qlinear_matmul(g: Quantised, quantised: list[str]) -> str:
    numbers = (g.value(np.float32(0.04)), g.value(np.uint8(120)))
    weights = (weight(g, 64, 24), g.value(np.float32(0.002)), g.value(np.int8(0)))
    made = g.add("QLinearMatMul", quantised[0], g.value(np.float32(0.02)), g.value(np.uint8(128)), *weights, *numbers)
    return g.add("DequantizeLinear", made, *numbers)


MODELS: dict[str, tuple[Model, tuple[int, ...], float]] = {
    "dynamic": (dynamic, (5, 64), 1e-4),
    "dynamic, rank 3": (dynamic, (2, 3, 64), 1e-4),
    "MatMulInteger": (matmul_integer, (5, 64), 0.0),
    "MatMulInteger, deep": (partial(matmul_integer, depth=2000), (5, 2000), 0.0),
    "ConvInteger": (conv_integer, (1, 6, 9, 9), 0.0),
    "QLinearConv": (qlinear_conv, (1, 6, 9, 9), 0.0401),
    "QLinearConv, deep": (partial(qlinear_conv, channels=256), (1, 256, 5, 5), 0.0401),
    "QLinearMatMul": (qlinear_matmul, (5, 64), 0.0401),
}
"""Model, the shape of its input, and how far numbers may be apart: one rounding, where they are rounded."""


def lowered(name: str, cpu: str, folder: Path) -> tuple[Any, bytes, np.ndarray]:
    body, shape, _ = MODELS[name]
    g = Quantised()
    names = [f"quantised_{part}" for part in ("y", "scale", "zero")]
    g.nodes.append(helper.make_node("DynamicQuantizeLinear", ["x"], names))
    model = g.model(body(g, names), shape)
    (folder / "model.onnx").write_bytes(model)
    made = lower(importer.load([folder / "model.onnx"], None).module, cpu)
    return made, model, np.random.default_rng(1).standard_normal(shape).astype("float32")


@pytest.mark.parametrize("cpu", ["cascadelake", "haswell"])
@pytest.mark.parametrize("name", MODELS)
def test_numbers_are_onnx_runtimes(name: str, cpu: str, runs_here: Callable[[str], bool], tmp_path: Path) -> None:
    if not runs_here(cpu):
        pytest.skip(f"this machine cannot run code for {cpu}")
    made, model, x = lowered(name, cpu, tmp_path)
    found, expected = run(made, x, cpu=cpu), truth(model, x)
    assert (made.level, made.refused, made.unscheduled) == ("fast", {}, {})
    assert np.abs(found - expected).max() <= MODELS[name][2]
    assert np.unique(expected).size > 10


@pytest.mark.parametrize("name", [name for name in MODELS if name != "ConvInteger"])
def test_products_are_of_bytes(name: str, tmp_path: Path) -> None:
    """A convolution whose zero point is known only at run time would have to be padded with it: that is left."""
    target = Target({"kind": "llvm", "mcpu": "cascadelake"})
    dot = machine_of(target).dot
    assert dot is not None
    kernels = lowered(name, "cascadelake", tmp_path)[0].separated.module
    assert dot.name.partition(".")[2] in kernels.script()


@pytest.mark.parametrize("cpu", ["cascadelake", "haswell"])
def test_a_picture_of_bytes_is_no_quantised_model(cpu: str) -> None:
    """Its code is what it would be without these passes."""

    def body(b: Any, x: Any) -> Any:
        y = b.emit(relax.op.subtract(b.emit(relax.op.astype(x, "float32")), relax.const(127.0)))
        y = b.emit(relax.op.nn.conv2d(y, const(8, 3, 3, 3)))
        return b.emit(relax.op.divide(y, relax.const(3.0)))

    made = module(body, (1, 3, 9, 9), dtype="uint8")
    assert is_quantised(made)
    target = Target({"kind": "llvm", "mcpu": cpu})
    dot = machine_of(target).dot
    assert tvm_ffi.structural_equal(quantised(whole(made, dot), dot)["main"], made["main"])
