"""What is refused before an artifact leaves: kernels that no device could load."""

from __future__ import annotations

from pathlib import Path

import pytest
import tvm
from tvm.script import tirx as T  # noqa: N812 - TVM's own name for it

from neo_targets.registry import DEVICES
from neo_workers.compiler import build, link
from neo_workers.compiler.targets import tvm_target
from neo_workers.compiler.verify import verify_symbols
from neo_workers.errors import CompilationError


def library(function: str, folder: Path) -> Path:
    """The kernels of a model that calls a C function of that name, for ml_c5."""

    @T.prim_func(s_tir=True)
    def kernel(x: T.Buffer((4,), "float32"), y: T.Buffer((4,), "float32")) -> None:
        T.func_attr({"global_symbol": "kernel", "tirx.noalias": True})
        for i in range(4):
            y[i] = T.call_extern("float32", function, x[i])

    spec = DEVICES["ml_c5"]
    objects = build.write_kernels(tvm.IRModule({"kernel": kernel}), tvm_target(spec), folder)
    return link.link_kernels(objects, spec, folder)


def test_a_kernel_that_calls_what_nobody_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        CompilationError, match="kernels call frobnicate: neither the runtime nor the device's C library"
    ):
        verify_symbols(library("frobnicate", tmp_path), DEVICES["ml_c5"])


def test_the_devices_c_library_may_be_called(tmp_path: Path) -> None:
    verify_symbols(library("tanhf", tmp_path), DEVICES["ml_c5"])
