"""Whole models on every CPU target's machine, as far as it is here or can be emulated."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from runtime import runners
from runtime.artifacts import PLATFORM, Artifacts
from support.quantised import STEP

MAX_ERROR = 1e-4
ARMEL, I686 = ({"Os": "LINUX", "Arch": arch} for arch in ("ARM_EABI", "X86"))
TARGETS = {
    "x86_64": PLATFORM,
    "aarch64": "ml_m6g",
    "armhf": "rasp3b",
    "armel": ARMEL,
    "i686": I686,
    "windows": "x86_win64",
    "windows32": "x86_win32",
    "android64": {"Os": "ANDROID", "Arch": "ARM64"},
    "android32": {"Os": "ANDROID", "Arch": "ARM_EABI"},
    "android-x86_64": {"Os": "ANDROID", "Arch": "X86_64"},
    "android-x86": {"Os": "ANDROID", "Arch": "X86"},
}


@pytest.mark.parametrize(
    ("machine", "model"),
    [*product(sorted(TARGETS), ("conv", "transformer")), *product(("aarch64", "armhf"), ("magika", "boosted"))],
)
def test_whole_model(machine: str, model: str, artifacts: Artifacts, tmp_path: Path) -> None:
    result = runners.run(artifacts.get(model, TARGETS[machine]), tmp_path)
    print(f"{machine:<8} {model:<12} {result.runner:<7} {result.error:.1e} {result.run_ms:8.1f} ms")
    assert result.error < MAX_ERROR


@pytest.mark.parametrize("machine", ["x86_64", "aarch64", "armhf"])
def test_quantised_model(machine: str, artifacts: Artifacts, tmp_path: Path) -> None:
    """In whole numbers where the board's CPU has dot products (ml_m6g), else in float32."""
    result = runners.run(artifacts.get("quantised", TARGETS[machine]), tmp_path)
    assert result.error < 1.01 * STEP
