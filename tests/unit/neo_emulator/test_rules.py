from typing import Any

import pytest

from neo_emulator import rules, wire
from neo_emulator.errors import ServiceError


def create(**output: Any) -> dict[str, Any]:
    return {"InputConfig": {"Framework": "ONNX"}, "OutputConfig": output}


def test_every_rule_has_a_source() -> None:
    assert all(rule.source and rule.message for rule in rules.CREATE_RULES)


def test_tables_name_what_the_model_has() -> None:
    output = wire.input_shape("CreateCompilationJob").members["OutputConfig"].members
    platform = output["TargetPlatform"].members
    assert set(output["TargetDevice"].enum) >= rules.VERSIONLESS_DEVICES
    assert {os for os, _ in rules.PLATFORMS} == set(platform["Os"].enum)
    assert {accelerator for _, accelerator in rules.PLATFORMS} == {*platform["Accelerator"].enum, None} - {"NNA"}
    assert set().union(*rules.PLATFORMS.values()) == set(platform["Arch"].enum)


@pytest.mark.parametrize(
    "device", sorted(wire.input_shape("CreateCompilationJob").members["OutputConfig"].members["TargetDevice"].enum)
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


@pytest.mark.parametrize(("key", "arches"), list(rules.PLATFORMS.items()))
def test_platforms(key: tuple[str, str | None], arches: frozenset[str]) -> None:
    os, accelerator = key
    for arch in ("X86_64", "X86", "ARM64", "ARM_EABI", "ARM_EABIHF"):
        platform = {"Os": os, "Arch": arch, **({"Accelerator": accelerator} if accelerator else {})}
        request = create(TargetPlatform=platform, CompilerOptions="{'gpu-code': 'sm_72'}")
        if arch in arches:
            rules.check(request)
        else:
            with pytest.raises(ServiceError, match="combination of Os, Arch and Accelerator"):
                rules.check(request)


def test_accelerator_without_a_row_is_let_through() -> None:
    rules.check(create(TargetPlatform={"Os": "LINUX", "Arch": "ARM64", "Accelerator": "NNA"}))


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
