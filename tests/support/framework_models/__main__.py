"""The table of `make test-frameworks`. Arguments: frameworks, to see only theirs."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from pathlib import Path

import _pytest.outcomes
from support.framework_models.run import rows, run

from neo_workers.importers.base import one_line

HEAD = ("framework", "model", "kind", "source", "import s", "compile s", "max abs error")
FORMAT = "| {:10} | {:26} | {:7} | {:44} | {:>8} | {:>9} | {} |"


def main(frameworks: list[str]) -> int:
    """Prints a line per model as it ends; 1 when one of them failed."""
    failed = 0
    print(FORMAT.format(*HEAD))
    print(FORMAT.format(*("---" for _ in HEAD)))
    for framework, model in rows(frameworks):
        with tempfile.TemporaryDirectory() as folder:
            try:
                with contextlib.redirect_stdout(io.StringIO()):  # the job's log
                    result = run(framework, model, Path(folder))
                figures = [f"{result.import_seconds:.2f}", f"{result.compile_seconds:.1f}", f"{result.max_error:.1e}"]
                if not result.good:
                    figures[-1] += f" WRONG, allowed {result.allowed:.1e}"
                    failed += 1
            except _pytest.outcomes.Skipped as reason:
                figures = ["", "", f"skipped: {reason}"]
            except Exception as error:  # one model's failure must not hide the others'
                figures = ["", "", f"FAILED: {type(error).__name__}: {one_line(error)[:200]}"]
                failed += 1
        print(FORMAT.format(framework, model.name, model.kind, model.source, *figures), flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main([name.upper() for name in sys.argv[1:]]))
