"""OpenCL: every kernel of the artifact is built by pocl, and the model is run by it and compared with ONNX Runtime."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from e2e.compiling import compile_case, difference, truth
from e2e.models import CASES
from support import opencl

from neo_targets import elf
from neo_workers.execute import CannotRun, load_artifact

MAX_ERROR = 1e-4


@pytest.mark.parametrize("device, model", [("rk3399", "conv"), ("deeplens", "transformer"), ("qcs605", "transformer")])
def test_runs_like_onnxruntime(device: str, model: str, tmp_path: Path) -> None:
    opencl.require()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    # a process of its own: pocl brings an LLVM, and does not stand other libraries that do
    command = [sys.executable, "-m", "e2e.test_compile_opencl", device, model, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=280)
    assert done.returncode == 0, done.stderr[-3000:]


def run(device: str, model: str, folder: Path) -> None:
    """Compiles, builds and runs one model."""
    case = CASES[model]()
    program = opencl.Program(compile_case(case, device, folder))
    assert len(program.built) == len(program.sources) >= 6
    assert difference(program.run(case.inputs), truth(case)) < MAX_ERROR


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


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
