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
        (data,) = (data for name, data in _members(requirement).items() if name.endswith(ending))
        kept.write_bytes(data)
    return kept.read_bytes()


def folder_from_wheel(requirement: str, folder: str) -> dict[str, bytes]:
    """The files under a folder of a wheel, by their paths below it; skips the test like from_wheel."""
    kept = FOLDER / folder.strip("/").replace("/", "-")
    if not kept.exists():
        made = kept.with_name(f"{kept.name}.part")
        for name, data in _members(requirement).items():
            if name.startswith(folder):
                path = made / name.removeprefix(folder).lstrip("/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        made.rename(kept)
    return {str(path.relative_to(kept)): path.read_bytes() for path in sorted(kept.rglob("*")) if path.is_file()}


def _members(requirement: str) -> dict[str, bytes]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command = [*download, "--disable-pip-version-check", "--dest", str(FOLDER), requirement]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    wheels = sorted(FOLDER.glob(f"{requirement.partition('==')[0].replace('-', '_')}-*.whl"))
    if done.returncode or not wheels:
        pytest.skip(f"cannot fetch {requirement}: {done.stderr.strip()[-200:]}")
    with zipfile.ZipFile(wheels[-1]) as wheel:
        members = {name: wheel.read(name) for name in wheel.namelist() if not name.endswith("/")}
    wheels[-1].unlink()
    return members


def ocr_direction() -> Case:
    """Which way up is this line of text? Source: PaddleOCR's classifier in PyPI rapidocr-onnxruntime, Apache-2.0."""
    model = from_wheel("rapidocr-onnxruntime==1.4.4", "ch_ppocr_mobile_v2.0_cls_infer.onnx")
    image = np.random.default_rng(1).standard_normal((1, 3, 48, 192)).astype("float32")
    return Case("ocr_direction", model, {"x": image})


CASES: dict[str, Callable[[], Case]] = {"ocr_direction": ocr_direction}
