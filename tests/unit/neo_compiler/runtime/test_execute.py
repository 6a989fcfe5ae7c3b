import platform
from pathlib import Path

import numpy as np
import pytest

from neo_compiler.artifact.bundle import Meta, TensorMeta, target_meta
from neo_compiler.runtime.execute import _checked, load_artifact, obstacle, this_cpu_flags
from neo_targets.registry import DEVICES


def meta(device: str, *flags: str) -> Meta:
    return Meta("ONNX", "opset 17", (), (), (), target_meta(DEVICES[device], flags), {})


@pytest.mark.parametrize(
    "device, flags, machine, reason",
    [
        ("ml_c5", ("avx512f",), "x86_64", "this CPU has no avx512f"),
        ("ml_m6g", (), "x86_64", "is compiled for ARM64, this machine is x86_64"),
        ("rasp3b", (), "aarch64", "is compiled for ARM_EABIHF"),
        ("deeplens", (), "x86_64", "needs a GPU: INTEL_GRAPHICS with OpenCL"),
        ("ml_g4dn", (), "x86_64", "needs a GPU: NVIDIA sm_75"),
    ],
)
def test_obstacle(device: str, flags: tuple[str, ...], machine: str, reason: str) -> None:
    assert reason in (obstacle(meta(device, *flags), machine, frozenset({"avx2"})) or "")


def test_no_obstacle() -> None:
    assert obstacle(meta("ml_c5", "avx512f"), "x86_64", frozenset({"avx512f", "sse2"})) is None


@pytest.mark.skipif(platform.system() != "Linux", reason="/proc/cpuinfo is Linux'")
def test_this_cpu_flags() -> None:
    assert this_cpu_flags() & {"sse2", "asimd", "neon", "fp"}


def test_a_folder_that_is_no_artifact(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no compiled\.meta"):
        load_artifact(tmp_path)


def test_inputs_are_checked() -> None:
    item = TensorMeta("x", (2,), "float32")
    assert _checked(item, np.zeros(2, "float32")).shape == (2,)
    for wrong in (np.zeros(3, "float32"), np.zeros(2, "float64")):
        with pytest.raises(ValueError, match="input x expects"):
            _checked(item, wrong)
    assert _checked(TensorMeta("s", (), "int64"), np.array(1)).ndim == 0
