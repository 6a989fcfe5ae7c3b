"""Every example that AWS's page on OutputConfig prints does what the page says."""

import pytest
from support import page_examples

from neo_targets.registry import resolve
from neo_targets.spec import Cuda, TargetSpec

LINUX_ARM64_NVIDIA = {"TargetPlatform": {"Os": "LINUX", "Arch": "ARM64", "Accelerator": "NVIDIA"}}
TAKERS = {
    '{"dtype" : "float32"}': {"TargetDevice": "ml_c5"},
    "{'mcpu': 'skylake-avx512'}": {"TargetPlatform": {"Os": "LINUX", "Arch": "X86_64"}},
    "{'mattr': ['+neon', '+vfpv4']}": {"TargetPlatform": {"Os": "LINUX", "Arch": "ARM_EABIHF"}},
    "{'mattr': ['+neon']}": {"TargetPlatform": {"Os": "ANDROID", "Arch": "ARM_EABI"}},
    "{'gpu-code': 'sm_72', 'trt-ver': '6.0.1', 'cuda-ver': '10.1'}": LINUX_ARM64_NVIDIA,
    "{'ANDROID_PLATFORM': 28}": {"TargetPlatform": {"Os": "ANDROID", "Arch": "X86"}},
    '"--verbose 1 --num-neuroncores 2 -O2"': {"TargetDevice": "ml_inf1"},
    '{"class_labels": "imagenet_labels_1000.txt"}': {"TargetDevice": "coreml"},
    page_examples.EIA: {"TargetDevice": "ml_eia2"},
}
"""Whom each printed CompilerOptions is for."""


def test_the_page_prints_what_is_known_here() -> None:
    assert set(page_examples.options()) == set(TAKERS)
    assert len(page_examples.platforms()) == 6


def of(text: str) -> TargetSpec:
    return resolve({**TAKERS[text], "CompilerOptions": text})


@pytest.mark.parametrize("text", sorted(TAKERS))
def test_options_example_is_taken(text: str) -> None:
    assert of(text).name


def test_options_examples_mean_what_they_say() -> None:
    assert of("{'mcpu': 'skylake-avx512'}").host.cpu == "skylake-avx512"
    assert of("{'mattr': ['+neon', '+vfpv4']}").host.features == ("-d32", "+neon", "+vfp4")
    gpu = of("{'gpu-code': 'sm_72', 'trt-ver': '6.0.1', 'cuda-ver': '10.1'}")
    assert isinstance(gpu.device, Cuda) and gpu.device.arch == "sm_72"
    assert gpu.recorded == {"trt-ver": "6.0.1", "cuda-ver": "10.1"}
    assert of("{'ANDROID_PLATFORM': 28}").host.llvm_triple == "i686-linux-android28"
    assert of('"--verbose 1 --num-neuroncores 2 -O2"').recorded == {"neuron": "--verbose 1 --num-neuroncores 2 -O2"}
    assert of('{"class_labels": "imagenet_labels_1000.txt"}').class_labels == "imagenet_labels_1000.txt"
    assert of(page_examples.EIA).recorded == {"precision_mode": "FP32", "output_names": ("output:0",)}


def test_platform_examples() -> None:
    specs = [resolve(example) for example in page_examples.platforms()]
    assert [(spec.name, spec.host.llvm_triple, spec.host.cpu, spec.accelerator) for spec in specs] == [
        ("LINUX_ARM_EABIHF", "armv7a-linux-gnueabihf", "generic", ""),
        ("LINUX_ARM64_NVIDIA", "aarch64-linux-gnu", "generic", "NVIDIA"),
        ("LINUX_X86_64_NVIDIA", "x86_64-linux-gnu", "skylake-avx512", ""),
        ("LINUX_ARM64_MALI", "aarch64-linux-gnu", "generic", "MALI"),
        ("ANDROID_ARM_EABI", "armv7a-linux-androideabi25", "generic", ""),
        ("ANDROID_ARM64", "aarch64-linux-android29", "generic", ""),
    ]
    assert "+neon" in specs[0].host.features and "+neon" in specs[4].host.features
    assert specs[2].not_compiled == ("GPU code: CompilerOptions names no gpu-code",)
