"""`make test-runtime`: every model of the test set on every CPU target, whole, as far as its machine is here.

Prints target, model, runner (dlr: the stock package; native, qemu, wine: a C program), the largest absolute
difference from ONNX Runtime, and milliseconds of loading and of the fastest run. Ends with 1 when one is wrong.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from runtime import runners
from runtime.artifacts import MODELS, Artifacts, Built
from runtime.runners import Result
from runtime.test_machines import MAX_ERROR, TARGETS
from support.dlr_client import scenario

REPEAT = 3


def main() -> int:
    """The exit status: 0 when no difference is above MAX_ERROR."""
    print(f"{'target':<15}{'model':<15}{'runner':<8}{'max abs error':>13}{'load ms':>9}{'run ms':>10}")
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="neo-runtime-") as name:
        artifacts = Artifacts(Path(name))
        for target, device in TARGETS.items():
            for model in MODELS:
                with redirect_stdout(sys.stderr):
                    built = artifacts.get(model, device)
                ways = {"dlr": _by_dlr, "": _by_driver} if target == "x86_64" else {"": _by_driver}
                folder = Path(name) / f"{target}-{model}"
                wrong += sum(not _show(target, model, way, built, folder) for way in ways.values())
    return 1 if wrong else 0


def _show(target: str, model: str, way: object, built: Built, folder: Path) -> bool:
    assert callable(way)
    folder.mkdir(exist_ok=True)
    try:
        result: Result = way(built, folder)
    except pytest.skip.Exception as reason:
        print(f"{target:<15}{model:<15}not run: {reason}", flush=True)
        return True
    timing = f"{result.load_ms:>9.1f}{result.run_ms:>10.2f}"
    print(f"{target:<15}{model:<15}{result.runner:<8}{result.error:>13.1e}{timing}", flush=True)
    return result.error < MAX_ERROR


def _by_driver(built: Built, folder: Path) -> Result:
    return runners.run(built, folder, REPEAT if built.work.spec.runtime.name == "x86_64-linux" else 1)


def _by_dlr(built: Built, folder: Path) -> Result:
    paths = {"folder": str(built.folder), "inputs": str(built.inputs)}
    scenario("run", **paths, outputs=str(folder / "dlr.npz"))
    timing = scenario("latency", **paths, rounds=REPEAT)
    return Result("dlr", built.error(folder / "dlr.npz"), timing["load"], min(timing["runs"]))


if __name__ == "__main__":
    sys.exit(main())
