"""Models at the edges: several outputs, no weights, odd names, half precision, nothing to compute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from e2e.compiling import compile_case, difference, truth
from e2e.models import Case, Graph, conv_net, tensor
from onnx import TensorProto

from neo_compiler.codegen import machine_code
from neo_compiler.errors import CompilationError
from neo_compiler.job_log import written_to
from neo_compiler.lowering.cpu.pipeline import LADDER
from neo_compiler.runtime.execute import load_artifact
from neo_targets.binary import elf

HOST = {"Os": "LINUX", "Arch": "X86_64"}
FLOAT = TensorProto.FLOAT


def two_outputs() -> Case:
    g = Graph()
    x = g.add("MatMul", "serving:0", g.weight("w", 8, 8))
    total = g.add("ReduceSum", x, keepdims=0)
    g.add("TopK", x, g.constant("k", np.array([3])), axis=-1)
    g.nodes[-1].output[:] = ["values", "indices"]
    outputs = [tensor("sum/total", FLOAT), tensor("values", FLOAT, 4, 3), tensor("indices", TensorProto.INT64, 4, 3)]
    model = g.model("two", [tensor("serving:0", FLOAT, 4, 8)], total, outputs, opset=17)
    return Case("two", model, {"serving:0": np.random.default_rng(1).standard_normal((4, 8)).astype("float32")})


def no_weights() -> Case:
    g = Graph()
    model = g.model("none", [tensor("1", FLOAT, 5)], g.add("Relu", "1"), [tensor("2", FLOAT, 5)], opset=17)
    return Case("none", model, {"1": np.arange(-2, 3, dtype="float32")})


def nothing_to_compute() -> Case:
    g = Graph()
    model = g.model("same", [tensor("x", FLOAT, 2, 2)], "x", [tensor("y", FLOAT, 2, 2)], opset=17)
    return Case("same", model, {"x": np.ones((2, 2), "float32")})


def scalar_and_vector() -> Case:
    g = Graph()
    inputs = [tensor("scale", FLOAT), tensor("x", FLOAT, 6)]
    model = g.model("scalar", inputs, g.add("Mul", "x", "scale"), [tensor("y", FLOAT, 6)], opset=17)
    return Case("scalar", model, {"scale": np.array(2.5, "float32"), "x": np.arange(6, dtype="float32")})


def long_chain() -> Case:
    """Operators that all get fused: TVM's name lists each, and written out at each use x would be read 2**30 times."""
    g = Graph()
    x = "x"
    for index in range(60):
        x = g.add("Add", g.add("Sigmoid", x), g.add("Tanh", x)) if index % 2 else g.add("Softsign", x)
    model = g.model("chain", [tensor("x", FLOAT, 4, 6)], x, [tensor("y", FLOAT, 4, 6)], opset=17)
    return Case("chain", model, {"x": np.random.default_rng(3).standard_normal((4, 6)).astype("float32")})


def half_precision() -> Case:
    g = Graph()
    weight = g.constant("w", np.random.default_rng(0).standard_normal((16, 16)).astype("float16"))
    x = g.add("Softmax", g.add("MatMul", "x", weight), axis=-1)
    ends = [tensor("x", TensorProto.FLOAT16, 4, 16)], x, [tensor("y", TensorProto.FLOAT16, 4, 16)]
    data = np.random.default_rng(1).standard_normal((4, 16)).astype("float16")
    return Case("half", g.model("half", *ends, opset=17), {"x": data})


@pytest.mark.parametrize("make", [two_outputs, no_weights, nothing_to_compute, scalar_and_vector, long_chain])
def test_runs_like_onnxruntime(make: object, tmp_path: Path) -> None:
    case = make()  # type: ignore[operator]
    work = compile_case(case, HOST, tmp_path)
    assert difference(load_artifact(work.archive).run(case.inputs), truth(case)) < 1e-5


def test_half_precision_runs(tmp_path: Path) -> None:
    case = half_precision()
    work = compile_case(case, HOST, tmp_path)
    assert difference(load_artifact(work.archive).run(case.inputs), truth(case)) < 1e-2


@pytest.mark.parametrize("make", [half_precision, nothing_to_compute, long_chain])
def test_compiles_for_a_gpu(make: object, tmp_path: Path) -> None:
    work = compile_case(make(), "ml_g4dn", tmp_path)  # type: ignore[operator]
    assert work.library is not None
    assert (elf.find_cubin(work.library.read_bytes()) is None) == (make is nothing_to_compute)


def test_a_level_without_machine_code_gives_way_to_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, calls = machine_code.write_kernels, []
    levels = [level for level in LADDER if not level.only_quantised]

    def refusing(*arguments: Any) -> list[Path]:
        calls.append(arguments)
        if len(calls) < len(levels):
            raise CompilationError("LLVM does not like it")
        return write(*arguments)

    monkeypatch.setattr(machine_code, "write_kernels", refusing)
    case = conv_net()
    lines: list[str] = []
    with written_to(lines.append):
        work = compile_case(case, {"Os": "LINUX", "Arch": "X86_64"}, tmp_path)
    log = "\n".join(lines)
    assert log.count("LLVM does not like it") == len(levels) - 1
    assert f"kernels: level {LADDER[-1].name}" in log
    assert difference(load_artifact(work.archive).run(case.inputs), truth(case)) < 1e-4
