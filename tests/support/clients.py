"""Real AWS clients, each in an environment of its own under .neo/clients, made when first asked for."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HERE = ROOT / "tests" / "contract" / "clients"
CACHE = ROOT / ".neo" / "clients"
INSTALL_SECONDS = 900


def python_of(client: str) -> Path:
    """The interpreter of a venv with tests/contract/clients/<client>.txt; skips the test when it cannot be made."""
    wanted = HERE / f"{client}.txt"

    def install(folder: Path) -> None:
        new_venv(folder, "--no-deps", "--requirement", str(wanted))  # the lists are whole

    return environment(client, wanted.read_bytes(), install) / "bin" / "python"


def new_venv(folder: Path, *wanted: str) -> None:
    """A venv with what `pip install` is to install, by our own pip and not compiled: most of it is never imported.

    Raises OSError or subprocess.SubprocessError.
    """
    _run(sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder))
    pip = (sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "--disable-pip-version-check")
    _run(*pip, "install", "--quiet", "--no-compile", *wanted)


def node_modules() -> Path:
    """A folder with the node_modules of tests/contract/clients/package-lock.json; skips the test without Node."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs node and npm on PATH")

    def install(folder: Path) -> None:
        folder.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        _run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder))

    return environment("js", (HERE / "package-lock.json").read_bytes(), install)


def environment(name: str, wanted: bytes, install: Callable[[Path], None]) -> Path:
    """The folder that `install` makes, once for all test processes, and anew when `wanted` or Python changes; skips the
    test when it cannot be made."""
    version = hashlib.sha256(wanted + sys.version.encode()).hexdigest()[:12]
    folder = CACHE / f"{name}-{version}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".installed").exists():
            shutil.rmtree(folder, ignore_errors=True)
            try:
                install(folder)
            except (OSError, subprocess.SubprocessError) as error:
                said = str(getattr(error, "stderr", "") or error)[-500:]
                pytest.skip(f"{name} cannot be installed here: {said}")
            (folder / ".installed").touch()
    return folder


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS)
