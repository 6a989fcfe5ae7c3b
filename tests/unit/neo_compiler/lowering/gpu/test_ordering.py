"""Scans, sorts and scatters on GPUs: their numbers are ONNX Runtime's, or the job says which operator has no kernel."""

from __future__ import annotations

from pathlib import Path

import pytest
import tvm
from tvm.target import Target
from unit.neo_compiler.lowering.gpu import ordering
from unit.neo_compiler.lowering.gpu.test_schedules import cuda

from neo_compiler import frontends
from neo_compiler.codegen import machine_code
from neo_compiler.codegen.cubin import device_source
from neo_compiler.codegen.nvrtc import compile_cubin
from neo_compiler.errors import CompilationError
from neo_compiler.lowering.lower import lower

TOLERANCE = 1e-5

REFUSED = {
    "nonzero": "Not supported on GPUs: NonZero",
    "unique": "Not supported on GPUs: Unique",
    "compress": "Not supported on GPUs: NonZero",
    "nms": "Not supported on GPUs: NonMaxSuppression",
    "multinomial": "not supported: Multinomial",
}
"""Case -> what its job says on every GPU."""

ON_MALI = (
    "cumsum, last axis",
    "cumsum, long",
    "topk, ties",
    "scatter elements, add, repeated",
    "scatter nd, add, repeated",
)


def module(name: str, tmp_path: Path) -> tvm.IRModule:
    case = ordering.CASES[name]()
    path = tmp_path / "model.onnx"
    path.write_bytes(case.model)
    return frontends.loader("ONNX")([path], case.shapes).module


def check(found: dict[str, float | str]) -> None:
    refused = {name: text for name, text in found.items() if isinstance(text, str)}
    assert set(refused) == set(REFUSED) & set(found), refused
    assert all(REFUSED[name] in text for name, text in refused.items()), refused
    wrong = {name: error for name, error in found.items() if not isinstance(error, str) and error > TOLERANCE}
    assert not wrong


def test_numbers_are_onnx_runtimes() -> None:
    found = ordering.run_apart("deeplens")
    assert set(found) == set(ordering.CASES)
    check(found)


def test_numbers_are_onnx_runtimes_on_mali() -> None:
    check(ordering.run_apart("rk3399", *ON_MALI))


@pytest.mark.parametrize("name", ["cumsum, long", "scatter elements, max, axis 1", "topk, ties"])
def test_nvidias_compiler_takes_it(name: str, tmp_path: Path) -> None:
    lowered = lower(module(name, tmp_path), cuda("sm_75"))
    source = device_source(machine_code.generate(lowered.module, cuda("sm_75")).mod)
    assert compile_cubin(source, "sm_75")


@pytest.mark.parametrize("name", [name for name in ordering.CASES if name.startswith(("cumsum", "scatter elements"))])
def test_no_thread_reads_what_another_writes(name: str, tmp_path: Path) -> None:
    """TVM's own scan shares memory between threads, without the barriers that this needs."""
    lowered = lower(module(name, tmp_path), cuda("sm_75"))
    assert "__shared__" not in device_source(machine_code.generate(lowered.module, cuda("sm_75")).mod)


@pytest.mark.parametrize("name", [name for name, text in REFUSED.items() if "GPUs" in text])
@pytest.mark.parametrize("target", [cuda("sm_75"), Target("opencl", host="llvm")], ids=["cuda", "opencl"])
def test_what_no_gpu_computes_is_refused_by_name(name: str, target: Target, tmp_path: Path) -> None:
    with pytest.raises(CompilationError, match=REFUSED[name]):
        lower(module(name, tmp_path), target)
