"""NVIDIA: no GPU here, so the machine code itself is looked at."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from e2e.compiling import compile_case
from e2e.models import CASES, Case, conv_net

from neo_compiler.errors import CompilationError
from neo_compiler.runtime.execute import CannotRun, load_artifact
from neo_targets.binary import elf
from neo_targets.options import GPU_CODES


def nvrtc_12() -> bool:
    """Whether the extra cuda12 is installed."""
    try:
        version("nvidia-cuda-nvrtc-cu12")
    except PackageNotFoundError:
        return False
    return True


NVRTC_11 = [code for code, version in GPU_CODES.items() if version == "11"]


@pytest.mark.parametrize("device, sm", [("ml_g4dn", 75), ("jetson_xavier", 72)])
def test_holds_machine_code_of_the_gpu(case: Case, device: str, sm: int, tmp_path: Path) -> None:
    work = compile_case(case, device, tmp_path)
    assert work.library is not None
    data = work.library.read_bytes()
    cubin = elf.find_cubin(data)
    assert cubin is not None
    assert elf.header(cubin).machine == elf.EM_CUDA
    assert elf.header(cubin).sm == sm
    assert b"__global__" not in data  # no source left for the device to compile
    assert cubin.count(b".text.") >= 5  # one section a kernel, named in the string table
    with pytest.raises(CannotRun, match=f"needs a GPU: NVIDIA sm_{sm}"):
        load_artifact(work.archive)


@pytest.mark.parametrize("code", [NVRTC_11[0], "sm_62", NVRTC_11[-1], "sm_120"])
def test_platform_takes_any_gpu_code(code: str, tmp_path: Path) -> None:
    if GPU_CODES[code] == "12" and not nvrtc_12():
        pytest.skip("no NVRTC 12: pip install 'neo-emulator[cuda12]'")
    platform = {"Os": "LINUX", "Arch": "ARM64", "Accelerator": "NVIDIA"}
    options = f"{{'gpu-code': '{code}', 'trt-ver': '7.1.3', 'cuda-ver': '10.2'}}"
    work = compile_case(conv_net(), platform, tmp_path, options)
    assert work.library is not None
    cubin = elf.find_cubin(work.library.read_bytes())
    assert cubin is not None
    assert f"sm_{elf.header(cubin).sm}" == code


def test_half_precision_needs_a_gpu_that_has_it() -> None:
    from neo_compiler.codegen.nvrtc import compile_cubin

    half = '#include <cuda_fp16.h>\nextern "C" __global__ void k(half* x) { x[0] = x[0] + x[1]; }'
    with pytest.raises(CompilationError, match=r"computes in float16, for which sm_37 has no arithmetic"):
        compile_cubin(half, "sm_37")
    assert compile_cubin('extern "C" __global__ void k(float* x) { x[0] += x[1]; }', "sm_37")
    assert compile_cubin(half, "sm_53")


def test_nvrtc_knows_every_gpu_code() -> None:
    from neo_compiler.codegen.nvrtc import supported

    assert supported() == NVRTC_11
    if nvrtc_12():
        assert {code for code, version in GPU_CODES.items() if version == "12"} <= set(supported("12"))


def test_a_newer_gpu_code_needs_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    from neo_compiler.codegen import nvrtc

    nvrtc._library.cache_clear()
    monkeypatch.setattr(nvrtc, "_package", lambda name, folder: [])
    with pytest.raises(CompilationError, match=r"needs NVRTC 12, .*pip install 'neo-emulator\[cuda12\]'"):
        nvrtc.compile_cubin("", "sm_100")


def test_gpu_code_is_compiled_once(tmp_path: Path) -> None:
    case = CASES["conv"]()
    first = compile_case(case, "ml_g4dn", tmp_path / "a")
    second = compile_case(case, "ml_g4dn", tmp_path / "b")
    assert first.archive.read_bytes() == second.archive.read_bytes()
