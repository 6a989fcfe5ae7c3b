from neo_targets.spec import ARM64, ARM_EABIHF, X86_64, Cuda, Host, TargetSpec


def test_host_dict_of_hard_float_arm_says_so() -> None:
    assert Host(ARM_EABIHF, "cortex-a53", ("+neon",)).tvm() == {
        "kind": "llvm",
        "mtriple": "armv7a-linux-gnueabihf",
        "mcpu": "cortex-a53",
        "mattr": ["+neon"],
        "mfloat-abi": "hard",
        "fast-math": True,
    }


def test_host_dict_of_x86_has_no_more_than_it_needs() -> None:
    assert Host(X86_64, "haswell").tvm() == {"kind": "llvm", "mtriple": "x86_64-linux-gnu", "mcpu": "haswell"}


def test_triple_of_a_row_wins() -> None:
    assert Host(ARM_EABIHF, "cortex-a72", triple="armv8l-linux-gnueabihf").llvm_triple == "armv8l-linux-gnueabihf"


def test_accelerator_follows_the_device() -> None:
    cpu = TargetSpec("a", "LINUX", Host(ARM64, "carmel"))
    gpu = TargetSpec("b", "LINUX", Host(ARM64, "carmel"), Cuda("sm_72"))
    assert (cpu.accelerator, cpu.tvm_device()) == ("", None)
    assert gpu.accelerator == "NVIDIA"
    assert gpu.device is not None and gpu.device.sm == 72
    assert (gpu.tvm_device() or {})["arch"] == "sm_72"
