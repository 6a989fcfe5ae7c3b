from neo_targets.architectures import ANDROID_ARM64, ARM64, ARM_EABIHF, X86_64, X86_64_WINDOWS
from neo_targets.spec import Cuda, Host, OpenCl, TargetSpec


def test_host_dict_of_hard_float_arm_says_so() -> None:
    assert Host(ARM_EABIHF, "cortex-a53", ("+neon",)).tvm() == {
        "kind": "llvm",
        "mtriple": "armv7a-linux-gnueabihf",
        "mcpu": "cortex-a53",
        "mattr": ["+neon"],
        "mfloat-abi": "hard",
    }


def test_host_dict_of_x86_has_no_more_than_it_needs() -> None:
    assert Host(X86_64, "haswell").tvm() == {"kind": "llvm", "mtriple": "x86_64-linux-gnu", "mcpu": "haswell"}


def test_triple_of_a_row_wins() -> None:
    assert Host(ARM_EABIHF, "cortex-a72", triple="armv8l-linux-gnueabihf").llvm_triple == "armv8l-linux-gnueabihf"


def test_accelerator_follows_the_device() -> None:
    cpu = TargetSpec("a", Host(ARM64, "carmel"))
    gpu = TargetSpec("b", Host(ARM64, "carmel"), Cuda("sm_72"))
    assert (cpu.accelerator, cpu.tvm_device()) == ("", None)
    assert gpu.accelerator == "NVIDIA"
    assert isinstance(gpu.device, Cuda) and gpu.device.sm == 72
    assert (gpu.tvm_device() or {})["arch"] == "sm_72"
    other = TargetSpec("c", Host(ARM64, "carmel"), OpenCl("mali", "MALI"))
    assert (other.accelerator, other.tvm_device()) == ("MALI", {"kind": "opencl", "device": "mali"})


def test_android_triple_names_the_api_level() -> None:
    assert Host(ANDROID_ARM64, "generic", api_level=28).llvm_triple == "aarch64-linux-android28"


def test_families_follow_system_and_device() -> None:
    assert TargetSpec("a", Host(X86_64, "haswell")).families == {"cpu"}
    assert TargetSpec("a", Host(ARM64, "carmel"), Cuda("sm_72")).families == {"cpu", "nvidia"}
    assert TargetSpec("a", Host(ANDROID_ARM64, "generic")).families == {"cpu", "android"}
    assert TargetSpec("a", Host(X86_64, "haswell"), family="eia").families == {"eia"}


def test_library_is_named_as_the_system_does() -> None:
    assert TargetSpec("a", Host(X86_64_WINDOWS, "x86-64-v2")).library == "compiled.dll"
    assert TargetSpec("a", Host(X86_64, "haswell")).library == "compiled.so"
