import botocore.session
import pytest

from neo_targets import platforms
from neo_targets.errors import TargetError
from neo_targets.registry import DEVICES, resolve, target_name

OUTPUT = botocore.session.get_session().get_service_model("sagemaker").shape_for("OutputConfig").members

FIVE = {
    "ml_c5": ("X86_64", "skylake-avx512", ""),
    "ml_m6g": ("ARM64", "neoverse-n1", ""),
    "rasp3b": ("ARM_EABIHF", "cortex-a53", ""),
    "ml_g4dn": ("X86_64", "cascadelake", "NVIDIA"),
    "jetson_xavier": ("ARM64", "carmel", "NVIDIA"),
    "rk3399": ("ARM64", "cortex-a72", "MALI"),
}


@pytest.mark.parametrize("name", FIVE)
def test_resolves_a_device(name: str) -> None:
    spec = resolve({"TargetDevice": name})
    assert (spec.arch, spec.host.cpu, spec.accelerator) == FIVE[name]
    assert spec.name == name


def test_every_device_of_the_service_has_a_row_and_says_its_source() -> None:
    assert set(DEVICES) == set(OUTPUT["TargetDevice"].enum)
    for row in DEVICES.values():
        assert row.source and row.check, row.name


def test_platforms_are_made_of_the_services_words() -> None:
    members = OUTPUT["TargetPlatform"].members
    assert {os for os, _ in platforms.PLATFORMS} == set(members["Os"].enum)
    assert {arch for _, arch in platforms.PLATFORMS} == set(members["Arch"].enum)
    assert {name for row in platforms.PLATFORMS.values() for name in row} == {"", *members["Accelerator"].enum}


def test_unknown_device_lists_what_there_is() -> None:
    with pytest.raises(TargetError, match=r"TargetDevice ml_x9 does not exist; supported are .*ml_c5"):
        resolve({"TargetDevice": "ml_x9"})


def test_neither_device_nor_platform() -> None:
    with pytest.raises(TargetError, match="neither"):
        resolve({})


def test_options_change_a_device() -> None:
    spec = resolve({"TargetDevice": "ml_c5", "CompilerOptions": "{'mcpu': 'haswell', 'mattr': ['+fma']}"})
    assert (spec.host.cpu, spec.host.features) == ("haswell", ("+fma",))


@pytest.mark.parametrize(
    "output, name",
    [
        ({"TargetDevice": "ml_c5"}, "ml_c5"),
        ({"TargetPlatform": {"Os": "LINUX", "Arch": "ARM64"}}, "LINUX_ARM64"),
        ({"TargetPlatform": {"Os": "LINUX", "Arch": "ARM64", "Accelerator": "NVIDIA"}}, "LINUX_ARM64_NVIDIA"),
        ({"TargetPlatform": {"Os": "ANDROID", "Arch": "X86"}}, "ANDROID_X86"),
    ],
)
def test_target_name(output: dict[str, object], name: str) -> None:
    assert target_name(output) == name


def test_32_bit_arm_has_neon_only_where_it_is_asked_for() -> None:
    platform = {"Os": "LINUX", "Arch": "ARM_EABIHF"}
    assert resolve({"TargetPlatform": platform}).host.features == ("-neon", "-d32")
    asked = resolve({"TargetPlatform": platform, "CompilerOptions": "{'mattr': ['+neon']}"})
    assert asked.host.features == ("-d32", "+neon")
