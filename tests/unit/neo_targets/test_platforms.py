import pytest

from neo_targets.errors import TargetError
from neo_targets.platforms import names, platform


def test_names_cover_every_row() -> None:
    assert names() == [
        "LINUX/ARM64",
        "LINUX/ARM64/NVIDIA",
        "LINUX/ARM_EABI",
        "LINUX/ARM_EABIHF",
        "LINUX/X86",
        "LINUX/X86_64",
        "LINUX/X86_64/NVIDIA",
    ]


def test_gpu_platform() -> None:
    spec = platform("LINUX", "ARM64", "NVIDIA", {"gpu-code": "sm_62"})
    assert spec.name == "LINUX_ARM64_NVIDIA"
    assert spec.device is not None and spec.device.arch == "sm_62"


def test_gpu_platform_without_gpu_code() -> None:
    with pytest.raises(TargetError, match="gpu-code"):
        platform("LINUX", "ARM64", "NVIDIA", {})


def test_documented_m5_example_gets_cpu_code() -> None:
    spec = platform("LINUX", "X86_64", "NVIDIA", {"mcpu": "skylake-avx512"})
    assert spec.device is None
    assert spec.not_compiled == ("GPU code: CompilerOptions names no gpu-code",)


@pytest.mark.parametrize("wanted", [("ANDROID", "ARM64", ""), ("LINUX", "ARM64", "MALI"), ("LINUX", "VAX", "")])
def test_unavailable_platform_lists_what_there_is(wanted: tuple[str, str, str]) -> None:
    with pytest.raises(TargetError, match="there is LINUX/ARM64, "):
        platform(*wanted, {})
