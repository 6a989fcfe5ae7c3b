"""The stock `dlr` package from PyPI in a virtual environment of its own, below .neo/clients, without tvm."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from support import clients

PACKAGES = ("dlr==1.10.0", "numpy>=2,<3")
SCENARIOS = Path(__file__).parents[1] / "runtime" / "client.py"


def python() -> Path:
    """The environment's python; made on the first call, skips the test when PyPI cannot be reached."""
    return clients.environment("dlr", " ".join(PACKAGES).encode(), _install) / "bin" / "python"


def _install(folder: Path) -> None:
    clients.new_venv(folder, *PACKAGES)
    (package,) = folder.glob("lib/python*/site-packages/dlr")
    (package / "counter" / "ccm_config.json").write_text('{"enable_phone_home": false}')


def scenario(name: str, **arguments: Any) -> Any:
    """What a function of tests/runtime/client.py gives back, run by that python."""
    command = [str(python()), str(SCENARIOS), name, json.dumps(arguments)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"}
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=240, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])
