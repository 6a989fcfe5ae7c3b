"""OpenCL: every kernel of the artifact is built by pocl, and the model is run by it and compared with ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e.compiling import compile_case
from e2e.models import CASES
from support import pocl

from neo_compiler.runtime.execute import CannotRun, load_artifact
from neo_targets.binary import elf

MAX_ERROR = 1e-4


@pytest.mark.parametrize("device, model", [("rk3399", "conv"), ("deeplens", "transformer"), ("qcs605", "transformer")])
def test_runs_like_onnxruntime(device: str, model: str, tmp_path: Path) -> None:
    kernels, error = pocl.run_apart(device, model, tmp_path)
    assert kernels >= 6
    assert error < MAX_ERROR


@pytest.mark.parametrize("device, accelerator", [("rk3288", "MALI"), ("qcs603", "ADRENO")])
def test_host_code_is_the_boards_and_the_source_stays(device: str, accelerator: str, tmp_path: Path) -> None:
    work = compile_case(CASES["conv"](), device, tmp_path)
    assert work.library is not None
    data = work.library.read_bytes()
    head, arch = elf.header(data), work.spec.host.arch
    assert (head.elf_class, head.machine, head.float_abi) == (arch.elf_class, arch.elf_machine, arch.float_abi)
    assert "__kernel void" in elf.find_opencl(data)
    with pytest.raises(CannotRun, match=f"needs a GPU: {accelerator} with OpenCL"):
        load_artifact(work.archive)
