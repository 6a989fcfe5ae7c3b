"""The table of `make test-frameworks`. Arguments: frameworks, to see only theirs.

Each framework gets a process of its own: TensorFlow and torch do not stand each other.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import _pytest.outcomes
from support.framework_models import MODULES

from neo_compiler.tvm_import import load_tvm

HEAD = ("framework", "model", "kind", "source", "import s", "compile s", "max abs error")
FORMAT = "| {:10} | {:26} | {:7} | {:44} | {:>8} | {:>9} | {} |"
ONE = "NEO_TABLE_OF"
"""Set for the process of one framework."""


def main(frameworks: list[str]) -> int:
    """Prints a line per model as it ends; 1 when one of them failed."""
    print(FORMAT.format(*HEAD))
    print(FORMAT.format(*("---" for _ in HEAD)), flush=True)
    command = [sys.executable, "-m", "support.framework_models"]
    names = [name for name in MODULES if not frameworks or name in frameworks]
    return max((subprocess.run(command, env={**os.environ, ONE: name}).returncode for name in names), default=1)


def one(name: str) -> int:
    """The lines of one framework."""
    if name != "pytorch":
        load_tvm()  # before anything else: TVM would load torch
    from support.framework_models.run import run

    from neo_compiler.frontends.base import one_line

    module = importlib.import_module(f"support.framework_models.{name}")
    failed = 0
    for model in module.MODELS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                with contextlib.redirect_stdout(io.StringIO()):  # the job's log
                    result = run(module.FRAMEWORK, model, Path(folder))
                figures = [f"{result.import_seconds:.2f}", f"{result.compile_seconds:.1f}", f"{result.max_error:.1e}"]
                if not result.good:
                    figures[-1] += f" WRONG, allowed {result.allowed:.1e}"
                    failed += 1
            except _pytest.outcomes.Skipped as reason:
                figures = ["", "", f"skipped: {reason}"]
            except Exception as error:  # one model's failure must not hide the others'
                figures = ["", "", f"FAILED: {type(error).__name__}: {one_line(error)[:200]}"]
                failed += 1
        print(FORMAT.format(module.FRAMEWORK, model.name, model.kind, model.source, *figures), flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(one(os.environ[ONE]) if ONE in os.environ else main([name.lower() for name in sys.argv[1:]]))
