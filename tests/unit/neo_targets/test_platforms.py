import pytest

from neo_targets.architectures import ANDROID, ARCHITECTURES
from neo_targets.errors import TargetError
from neo_targets.platforms import PLATFORMS, names, platform
from neo_targets.spec import Cuda


def test_names_cover_every_row() -> None:
    assert len(names()) == sum(map(len, PLATFORMS.values())) == 28
    assert {"LINUX/ARM64", "LINUX/ARM64/NVIDIA", "ANDROID/X86/INTEL_GRAPHICS", "LINUX/ARM_EABIHF/MALI"} <= set(names())


@pytest.mark.parametrize("key", sorted(PLATFORMS), ids="-".join)
def test_every_row_is_a_target(key: tuple[str, str]) -> None:
    for accelerator in PLATFORMS[key]:
        spec = platform(*key, accelerator, {"gpu-code": "sm_72"})
        assert spec.host.arch is ARCHITECTURES[key]
        assert spec.check and spec.source
        assert spec.accelerator == ("" if accelerator == "NNA" else accelerator)
        assert bool(spec.host.api_level) == (spec.os == ANDROID)


def test_gpu_platform() -> None:
    spec = platform("LINUX", "ARM64", "NVIDIA", {"gpu-code": "sm_62"})
    assert spec.name == "LINUX_ARM64_NVIDIA"
    assert spec.device == Cuda("sm_62")


@pytest.mark.parametrize("options", [{}, {"mcpu": "carmel"}, {"trt-ver": "7.1.3"}])
def test_gpu_platform_without_gpu_code(options: dict[str, object]) -> None:
    with pytest.raises(TargetError, match="gpu-code"):
        platform("LINUX", "ARM64", "NVIDIA", options)


def test_documented_m5_example_gets_cpu_code() -> None:
    spec = platform("LINUX", "X86_64", "NVIDIA", {"mcpu": "skylake-avx512"})
    assert spec.device is None
    assert spec.not_compiled == ("GPU code: CompilerOptions names no gpu-code",)
    with pytest.raises(TargetError, match="gpu-code"):
        platform("LINUX", "X86_64", "NVIDIA", {"mcpu": "skylake-avx512", "trt-ver": "7.1.3"})


def test_neural_network_accelerator_gets_cpu_code_and_says_so() -> None:
    spec = platform("LINUX", "ARM64", "NNA", {})
    assert spec.device is None
    assert spec.not_compiled == ("the neural network accelerator (NNA): the model runs on the CPU",)


@pytest.mark.parametrize("wanted", [("ANDROID", "ARM64", "NVIDIA"), ("LINUX", "X86", "MALI"), ("LINUX", "VAX", "")])
def test_unavailable_platform_lists_what_there_is(wanted: tuple[str, str, str]) -> None:
    with pytest.raises(TargetError, match=r"does not exist; supported are ANDROID/ARM64, .*LINUX/ARM64, "):
        platform(*wanted, {})
