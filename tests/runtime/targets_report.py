"""`make test-targets`: every TargetDevice and TargetPlatform, with a conv net and a transformer.

Prints device or platform, model, artifact, seconds of compiling, the check and the largest absolute difference from
ONNX Runtime. Ends with 1 when one is wrong. Arguments are names of rows; none means all.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from runtime.targets import MODELS, examine

from neo_targets.listing import specs
from neo_targets.spec import TargetSpec

COLUMNS = "{:<31}{:<13}{:<23}{:>8}  {:<44}{:>13}"


def main(names: list[str]) -> int:
    """The exit status: 0 when every row is as it says."""
    print(COLUMNS.format("target", "model", "artifact", "seconds", "check", "max abs error"), flush=True)
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="neo-targets-") as folder, pytest.MonkeyPatch.context() as environment:
        for kind, spec in specs():
            for model in MODELS:
                if not names or spec.name in names:
                    wrong += not _show(kind, spec, model, Path(folder) / spec.name / model, environment)
    return 1 if wrong else 0


def _show(kind: str, spec: TargetSpec, model: str, folder: Path, environment: pytest.MonkeyPatch) -> bool:
    try:
        with redirect_stdout(sys.stderr):
            done = examine(kind, spec, model, folder, environment)
    except pytest.skip.Exception as reason:
        print(COLUMNS.format(spec.name, model, "", "", f"not run: {reason}", ""), flush=True)
        return True
    except Exception as error:
        print(COLUMNS.format(spec.name, model, "", "", f"WRONG: {str(error)[:300]}", ""), flush=True)
        return False
    error = "" if done.error is None else f"{done.error:.1e}"
    print(COLUMNS.format(spec.name, model, done.artifact, f"{done.seconds:.2f}", done.check, error), flush=True)
    return done.good


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
