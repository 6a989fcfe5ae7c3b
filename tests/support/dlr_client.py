"""The stock `dlr` package from PyPI in a virtual environment of its own, below .neo/clients, without tvm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PACKAGES = ("dlr==1.10.0", "numpy>=2,<3")
FOLDER = Path(__file__).parents[2] / ".neo" / "clients" / "dlr"
SCENARIOS = Path(__file__).parents[1] / "runtime" / "client.py"


def python() -> Path:
    """The environment's python; made on the first call (some 15 s), skips the test when PyPI cannot be reached."""
    binary, stamp = FOLDER / "bin" / "python", FOLDER / "complete"
    if not stamp.exists():
        FOLDER.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(FOLDER)], check=True, timeout=120)
        install = [str(binary), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *PACKAGES]
        done = subprocess.run(install, capture_output=True, text=True, timeout=240, check=False)
        if done.returncode:
            pytest.skip(f"cannot install {', '.join(PACKAGES)}: {done.stderr.strip()[-200:]}")
        (package,) = FOLDER.glob("lib/python*/site-packages/dlr")
        (package / "counter" / "ccm_config.json").write_text('{"enable_phone_home": false}')
        stamp.touch()
    return binary


def scenario(name: str, **arguments: Any) -> Any:
    """What a function of tests/runtime/client.py gives back, run by that python."""
    command = [str(python()), str(SCENARIOS), name, json.dumps(arguments)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"}
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=240, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])
