from itertools import product
from typing import Any

import pytest

from neo_emulator.protocol import service_model
from neo_emulator.protocol.errors import ServiceError
from neo_emulator.sagemaker import rules


def create(**output: Any) -> dict[str, Any]:
    return {"InputConfig": {"Framework": "ONNX"}, "OutputConfig": output}


def test_every_rule_has_a_source() -> None:
    assert all(rule.source and rule.message for rule in rules.CREATE_RULES)


def test_tables_name_what_the_model_has() -> None:
    output = service_model.input_shape("CreateCompilationJob").members["OutputConfig"].members
    assert set(output["TargetDevice"].enum) >= rules.VERSIONLESS_DEVICES


@pytest.mark.parametrize(
    "device",
    sorted(service_model.input_shape("CreateCompilationJob").members["OutputConfig"].members["TargetDevice"].enum),
)
def test_framework_version(device: str) -> None:
    request = create(TargetDevice=device)
    rules.check(request)
    request["InputConfig"]["FrameworkVersion"] = "1.8"
    if device in rules.VERSIONLESS_DEVICES:
        with pytest.raises(ServiceError, match="Unsupported framework version field for target"):
            rules.check(request)
    else:
        rules.check(request)


MEMBERS = service_model.input_shape("CreateCompilationJob").members["OutputConfig"].members["TargetPlatform"].members
MATRIX = [
    *(product(["LINUX"], ["X86_64", "X86", "ARM64", "ARM_EABIHF", "ARM_EABI"], [None, "NNA"])),
    *(product(["ANDROID"], ["X86_64", "X86", "ARM64", "ARM_EABI"], [None, "NNA"])),
    *(product(["LINUX"], ["X86_64", "ARM64"], ["NVIDIA"])),
    *(product(["LINUX"], ["ARM64", "ARM_EABIHF", "ARM_EABI"], ["MALI"])),
    *(product(["ANDROID"], ["ARM64", "ARM_EABI"], ["MALI"])),
    ("LINUX", "X86_64", "INTEL_GRAPHICS"),
    *(product(["ANDROID"], ["X86_64", "X86"], ["INTEL_GRAPHICS"])),
]
"""AWS's support matrix, LINUX on X86, and NNA, for which the matrix has no row."""


@pytest.mark.parametrize("os", MEMBERS["Os"].enum)
@pytest.mark.parametrize("arch", MEMBERS["Arch"].enum)
@pytest.mark.parametrize("accelerator", [None, *MEMBERS["Accelerator"].enum])
def test_platforms(os: str, arch: str, accelerator: str | None) -> None:
    platform = {"Os": os, "Arch": arch, **({"Accelerator": accelerator} if accelerator else {})}
    request = create(TargetPlatform=platform, CompilerOptions="{'gpu-code': 'sm_72'}")
    if (os, arch, accelerator) in MATRIX:
        rules.check(request)
    else:
        with pytest.raises(ServiceError, match="combination of Os, Arch and Accelerator"):
            rules.check(request)


@pytest.mark.parametrize(
    ("arch", "options", "good"),
    [
        ("ARM64", "{'gpu-code': 'sm_62', 'trt-ver': '6.0.1'}", True),
        ("ARM64", '{"gpu_code": "sm_62"}', True),
        ("X86_64", "{'mcpu': 'skylake-avx512'}", True),
        ("ARM64", "{'mcpu': 'carmel'}", False),
        ("X86_64", "{'trt-ver': '6.0.1'}", False),
        ("ARM64", "['gpu-code']", False),
        ("ARM64", "gpu-code", False),
        ("ARM64", "(" * 600, False),
    ],
)
def test_nvidia_options(arch: str, options: str, good: bool) -> None:
    platform = {"Os": "LINUX", "Arch": arch, "Accelerator": "NVIDIA"}
    request = create(TargetPlatform=platform, CompilerOptions=options)
    if good:
        rules.check(request)
    else:
        with pytest.raises(ServiceError, match="gpu-code is required"):
            rules.check(request)
