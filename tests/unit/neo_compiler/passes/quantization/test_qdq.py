"""Quantised models are computed in whole numbers, and give ONNX's numbers: at most the odd rounding by one step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tvm
from onnx import TensorProto
from support.quantised import BYTES, STEP, Form, Quantised, truth
from tvm import relax, te
from tvm.target import Target
from unit.neo_compiler.lowering.cpu.modules import lower, module, run

from neo_compiler.frontends.onnx import load as importer
from neo_compiler.lowering.cpu import pipeline
from neo_compiler.lowering.cpu.cpu_model import machine_of
from neo_compiler.lowering.cpu.int8_dot import accumulate, multiplied, word
from neo_compiler.lowering.cpu.pack_weights import words
from neo_compiler.lowering.targets import cpu_flags
from neo_compiler.passes.quantization.dot_instructions import SDOT, VNNI, Dot
from neo_targets.architectures import X86_64
from neo_targets.registry import DEVICES
from neo_targets.spec import Host

Model = Callable[[Quantised, str], str]

CPUS = {"AVX-512 VNNI": "cascadelake", "AVX-VNNI": "alderlake", "AVX2": "haswell", "SSE": "x86-64-v2"}
FORMS = {
    "per channel": Form(),
    "per tensor": Form(per_channel=False),
    "int8 data": Form("int8"),
    "uint8 weights about 128": Form(weight="uint8", weight_zero=128),
    "int8 weights about 3": Form("int8", weight_zero=3, per_channel=False),
}


def conv(*sizes: int, **window: Any) -> Model:
    return lambda g, x: g.rounded(g.conv(x, *sizes, **window), STEP)


def residual(g: Quantised, x: str) -> str:
    y = g.rounded(g.conv(x, 16, 16, 3, pads=[1] * 4), STEP, -20)
    return g.rounded(g.add("Relu", g.add("Add", g.conv(y, 16, 16, 1), x)), STEP, -120)


def clipped(g: Quantised, x: str) -> str:
    low, high = g.value(np.float32(-0.5)), g.value(np.float32(1.0))
    return g.rounded(g.add("Clip", g.conv(x, 24, 16, 1), low, high), STEP)


def pooled(g: Quantised, x: str) -> str:
    y = g.rounded(g.conv(x, 16, 16, 3, pads=[1] * 4), STEP)
    y = g.rounded(g.add("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4), STEP)
    return g.rounded(g.conv(y, 8, 16, 1), STEP)


def concatenated(g: Quantised, x: str) -> str:
    parts = [g.rounded(g.conv(x, channels, 16, 1), STEP * channels / 8) for channels in (8, 12)]
    return g.rounded(g.conv(g.rounded(g.add("Concat", *parts, axis=1), STEP), 8, 20, 1), STEP)


def one_scale(g: Quantised, x: str) -> str:
    y = g.rounded(g.conv(x, 8, 16, 1), STEP)
    return g.rounded(g.conv(g.rounded(g.add("Concat", y, x, axis=1), STEP), 8, 24, 1), STEP)


def bytes_of_others(g: Quantised, x: str) -> str:
    """Bytes that no QuantizeLinear made, and bytes that are read by something else than DequantizeLinear."""
    numbers = g.value(np.float32(STEP)), g.value(np.array(3, g.form.data))
    small = g.add("Clip", g.add("Mul", x, g.value(np.float32(15))), g.value(np.float32(0)), g.value(np.float32(100)))
    made = g.add("Cast", small, to=BYTES[g.form.data])
    made = g.add("QuantizeLinear", g.conv(g.add("DequantizeLinear", made, *numbers), 24, 16, 1), *numbers)
    return g.add("Mul", g.add("Cast", made, to=TensorProto.FLOAT), g.value(np.float32(STEP)))


def cut_bytes(g: Quantised, x: str) -> str:
    """A limit that is kept on bytes, as TFLite's models have it."""
    numbers = g.value(np.float32(STEP)), g.value(np.array(3, g.form.data))
    made = g.add("QuantizeLinear", g.conv(x, 24, 16, 1), *numbers)
    limits = (g.value(np.array(limit, g.form.data)) for limit in (3, 60))
    return g.rounded(g.conv(g.add("DequantizeLinear", g.add("Clip", made, *limits), *numbers), 16, 24, 1), STEP)


def matrix(channels: int, depth: int, **_: Any) -> Model:
    def model(g: Quantised, x: str) -> str:
        weight = g.weight(depth, channels, axis=1)
        return g.rounded(g.add("Add", g.add("MatMul", x, weight), g.bias(channels)), STEP)

    return model


def classifier(g: Quantised, x: str) -> str:
    y = g.rounded(g.add("Flatten", g.rounded(g.add("GlobalAveragePool", x), STEP)), STEP)
    return g.rounded(g.add("Gemm", y, g.weight(10, 16), g.bias(10), transB=1), STEP)


def read_twice(g: Quantised, x: str) -> str:
    y = g.conv(x, 16, 16, 1)
    return g.rounded(g.add("Add", g.rounded(y, STEP), g.add("Sigmoid", y)), STEP)


IMAGE = (1, 16, 9, 10)
MODELS: dict[str, tuple[Model, tuple[int, ...]]] = {
    "3x3": (conv(32, 16, 3, pads=[1] * 4), IMAGE),
    "3x3, stride 2, pads unlike, a batch": (conv(24, 16, 3, strides=[2, 2], pads=[1, 0, 2, 1]), (2, 16, 9, 11)),
    "3x3, dilation 2, no padding": (conv(16, 16, 3, dilations=[2, 2]), IMAGE),
    "first layer": (conv(32, 3, 7, strides=[2, 2], pads=[3] * 4), (1, 3, 20, 20)),
    "odd channels": (conv(17, 5, 3, pads=[1] * 4), (1, 5, 7, 19)),
    "1x1": (conv(64, 16, 1), IMAGE),
    "1x1, odd channels": (conv(9, 6, 1), (1, 6, 5, 7)),
    "groups": (conv(16, 16, 3, 2, pads=[1] * 4), IMAGE),
    "depthwise": (conv(32, 32, 3, 32, pads=[1] * 4), (1, 32, 9, 9)),
    "depthwise 5x5, stride 2, odd channels": (conv(21, 21, 5, 21, strides=[2, 2], pads=[2] * 4), (1, 21, 9, 9)),
    "residual": (residual, IMAGE),
    "clip": (clipped, IMAGE),
    "max pool": (pooled, IMAGE),
    "concat": (concatenated, IMAGE),
    "concat, one scale": (one_scale, IMAGE),
    "matmul": (matrix(48, 64), (7, 64)),
    "matmul of rank 3": (matrix(40, 32), (2, 5, 32)),
    "matmul of a line": (matrix(33, 128), (1, 128)),
    "classifier": (classifier, IMAGE),
    "read twice": (read_twice, IMAGE),
    "bytes of other operators": (bytes_of_others, IMAGE),
    "bytes cut": (cut_bytes, IMAGE),
}


def lowered(form: Form, name: str, cpu: str | Target, folder: Path) -> tuple[Any, bytes, np.ndarray]:
    body, shape = MODELS[name]
    g = Quantised(form)
    model = g.model(body(g, g.rounded("x", STEP)), shape)
    (folder / "model.onnx").write_bytes(model)
    made = lower(importer.load([folder / "model.onnx"], None).module, cpu)
    return made, model, np.random.default_rng(1).standard_normal(shape).astype("float32") * 3


def check(found: np.ndarray, expected: np.ndarray) -> None:
    """Sums in float32 are rounded in another order than whole ones: a number may come to lie in the next step."""
    steps = np.abs(found - expected) / STEP
    assert found.shape == expected.shape
    assert np.unique(expected).size > min(20, expected.size // 2)  # the model says something
    assert steps.max() < 1.01
    assert (steps > 0.01).mean() < 0.01


def whole(made: Any) -> bool:
    """Whether no weight of a product is left in float32; vectors are biases and scales."""
    matrices = [array for array in made.separated.weights.values() if array.size > max(array.shape)]
    return all(array.dtype.kind == "i" for array in matrices)


def machine(cpu: str) -> Any:
    return machine_of(Target({"kind": "llvm", "mcpu": cpu}))


def compare(form: Form, name: str, cpu: str, folder: Path) -> Any:
    made, model, x = lowered(form, name, cpu, folder)
    assert (made.level, made.refused, made.unscheduled) == ("fast", {}, {})
    assert whole(made) == (machine(cpu).dot is not None)
    check(run(made, x, cpu=cpu), truth(model, x))
    return made


@pytest.fixture(scope="module")
def best(runs_here: Callable[[str], bool]) -> str:
    """The first of CPUS whose code runs here."""
    return next((cpu for cpu in CPUS.values() if runs_here(cpu)), "")


@pytest.mark.parametrize("name", MODELS)
def test_numbers_are_onnx_runtimes(name: str, best: str, tmp_path: Path) -> None:
    compare(Form(), name, best, tmp_path)


SOME = (
    *("3x3", "odd channels", "depthwise", "residual", "max pool", "matmul of rank 3"),
    *("bytes of other operators", "bytes cut"),
)


@pytest.mark.parametrize("name", SOME)
@pytest.mark.parametrize("form", FORMS)
def test_forms(form: str, name: str, best: str, tmp_path: Path) -> None:
    compare(FORMS[form], name, best, tmp_path)


@pytest.mark.parametrize("name", ["3x3", "depthwise", "residual", "matmul"])
@pytest.mark.parametrize("cpu", CPUS)
def test_every_instruction_set(cpu: str, name: str, runs_here: Callable[[str], bool], tmp_path: Path) -> None:
    if not runs_here(CPUS[cpu]):
        pytest.skip(f"this machine cannot run code for {CPUS[cpu]}")
    compare(Form("int8"), name, CPUS[cpu], tmp_path)


@pytest.mark.parametrize("kind", ["int8", "uint8"])
def test_tflite_models_give_litert_s_bytes(kind: str, best: str) -> None:
    """Their layouts and weights' axes are others, and they cut bytes."""
    pytest.importorskip("tflite")
    pytest.importorskip("ai_edge_litert")
    from neo_compiler.frontends.tflite import load

    path = Path(__file__).parents[4] / "frameworks" / "models" / f"cnn_{kind}.tflite"
    made = lower(load.load([path], {"input_1": [1, 16, 16, 3]}).module, best)
    assert (made.level, made.refused, made.unscheduled) == ("fast", {}, {})
    assert whole(made) == (machine(best).dot is not None)
    x = np.random.default_rng(1).integers(np.iinfo(kind).min, np.iinfo(kind).max + 1, (1, 16, 16, 3)).astype(kind)
    assert run(made, x, cpu=best).tolist() == load.interpret(path.read_bytes(), [x])[0].tolist()


def test_weights_too_far_from_their_zero_point_are_multiplied_as_floats(best: str, tmp_path: Path) -> None:
    """They are no int8 without it."""
    made, model, x = lowered(Form(weight="uint8", weight_zero=40, near=False), "3x3", best, tmp_path)
    assert not whole(made)
    check(run(made, x, cpu=best), truth(model, x))


def test_nothing_is_rounded_twice(tmp_path: Path) -> None:
    """A maximum of bytes is taken of bytes, and every rounding is part of the product before it."""
    made, _, _ = lowered(Form(), "max pool", CPUS["AVX-512 VNNI"], tmp_path)
    names = [str(name.name_hint) for name, _ in made.separated.module.functions_items()]
    assert "max_pool2d" in names
    products = [name for name in names if "convolution" in name]
    assert len(products) == 2
    assert all("quantize" in name or "round" in name for name in products)
    assert len([name for name in names if "quantize" in name or "round" in name]) == 3  # and the input's


def test_a_model_that_the_pass_refuses_is_compiled_without_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object) -> Any:
        raise RuntimeError("no")

    monkeypatch.setattr(pipeline, "quantised", refuse)
    made, model, x = lowered(Form(), "3x3", "", tmp_path)
    assert made.level == "fast, without whole numbers"
    check(run(made, x), truth(model, x))


@pytest.mark.parametrize("cpu", ["x86-64", "x86-64-v2"])
def test_halves_are_rounded_to_even_and_the_rest_is_saturated(cpu: str) -> None:
    """Also where a CPU has no instruction that rounds."""
    x = np.array([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 127.5, 126.5, 1e30, -1e30, np.inf, -np.inf, 0.499999, 3.0], "f4")

    def body(b: Any, x: Any) -> Any:
        zero = relax.const(3, "int8")
        return b.emit(relax.op.quantize(x, relax.const(0.5), zero, out_dtype="int8"))

    found = run(lower(module(body, x.shape), cpu), x, cpu=cpu)
    with np.errstate(over="ignore"):
        expected = np.clip(np.round(x / np.float32(0.5)) + 3, -128, 127)
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("instruction", [VNNI, SDOT], ids=lambda dot: dot.name)
def test_without_its_vector_width_an_instruction_is_arithmetic(instruction: Dot) -> None:
    random = np.random.default_rng(3)
    data = random.integers(-128, 128, (2, 16)).astype("int8").view(instruction.data)
    weight = random.integers(-128, 128, (16, 3)).astype("int8")
    x, w = te.placeholder(data.shape, instruction.data), te.placeholder((4, 3), "int32")
    k = te.reduce_axis((0, 4), "k")
    total = te.compute((2, 3), lambda i, j: te.sum(multiplied(instruction, word(x, (i,), k), w[k, j]), axis=[k]))
    function = accumulate(te.create_prim_func([x, w, total]))
    result = tvm.runtime.tensor(np.zeros((2, 3), "int32"))
    tvm.tirx.build(function, target="llvm")(tvm.runtime.tensor(data), tvm.runtime.tensor(words(weight)), result)
    assert result.numpy().tolist() == (data.astype("int32") @ weight.astype("int32")).tolist()


@pytest.mark.parametrize(
    ("target", "instruction"),
    [
        ({"mtriple": "x86_64-linux-gnu", "mcpu": "cascadelake"}, VNNI),
        ({"mtriple": "x86_64-linux-gnu", "mcpu": "alderlake"}, VNNI),
        ({"mtriple": "x86_64-linux-gnu", "mcpu": "skylake-avx512"}, None),
        ({"mtriple": "x86_64-linux-gnu", "mcpu": "skylake-avx512", "mattr": ["+avx512vnni"]}, VNNI),
        ({"mtriple": "aarch64-linux-gnu", "mcpu": "neoverse-n1"}, SDOT),
        ({"mtriple": "aarch64-linux-gnu", "mcpu": "cortex-a53"}, None),
    ],
)
def test_instructions_come_from_the_target(target: dict[str, Any], instruction: Dot | None) -> None:
    assert machine_of(Target({"kind": "llvm", **target})).dot is instruction


@pytest.mark.parametrize(
    ("target", "instruction"),
    [
        ({"mtriple": "x86_64-linux-gnu", "mcpu": "cascadelake"}, "vpdpbusd"),
        ({"mtriple": "x86_64-linux-gnu", "mcpu": "alderlake"}, "{vex}\tvpdpbusd"),
        ({"mtriple": "aarch64-linux-gnu", "mcpu": "neoverse-n1"}, ".4b[3]"),
    ],
    ids=["AVX-512 VNNI", "AVX-VNNI", "sdot by element"],
)
def test_the_instruction_is_in_the_code(target: dict[str, Any], instruction: str, tmp_path: Path) -> None:
    wanted = Target({"kind": "llvm", **target})
    kernels = lowered(Form(), "matmul", wanted, tmp_path)[0].separated.module
    (product,) = [function for name, function in kernels.functions_items() if "matmul" in name.name_hint]
    code = tvm.tirx.build(product, target=wanted).inspect_source("asm")
    assert instruction in code


@pytest.mark.parametrize(("cpu", "flag"), [("cascadelake", "avx512_vnni"), ("alderlake", "avx_vnni")])
def test_an_artifact_says_that_it_needs_the_instruction(cpu: str, flag: str) -> None:
    assert flag in cpu_flags(replace(DEVICES["ml_c5"], host=Host(X86_64, cpu)))
