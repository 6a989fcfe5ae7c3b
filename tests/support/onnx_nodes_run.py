"""Runs node tests through the importer and the compiler, in processes that may crash."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from support import apart

WORKS, WRONG, REFUSED, NOT_FEASIBLE = "works", "wrong", "refused", "not feasible"


@dataclass(frozen=True)
class Outcome:
    name: str
    operator: str
    verdict: str
    reason: str = ""


def outcome(case: Any) -> Outcome:
    """The verdict on one test."""
    from support.onnx_nodes import NotFeasible, difference, operator, prepared
    from support.onnx_run import run_model

    try:
        test = prepared(case)
        found = run_model(test.model, test.inputs)
    except NotFeasible as reason:
        return Outcome(case.name, operator(case), NOT_FEASIBLE, str(reason))
    except Exception as error:  # whatever the importer or TVM raises is the verdict
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return Outcome(case.name, operator(case), REFUSED, (lines[-1] if lines else type(error).__name__)[:160])
    reason = difference(test, found)
    return Outcome(case.name, operator(case), WRONG if reason else WORKS, reason or "")


def outcomes(names: list[str]) -> Iterator[Outcome]:
    """The verdicts, in order. A process that dies has its test counted as refused, and a new one goes on."""
    for name, row, code in apart.rows(["-m", "support.onnx_nodes_run"], names):
        yield Outcome(name, "", REFUSED, f"the compiler died (exit code {code})") if row is None else Outcome(**row)


def main() -> None:
    from support.onnx_nodes import raw

    warnings.simplefilter("ignore")
    cases = {case.name: case for case in raw()}
    for name in sys.stdin.read().split():
        sys.stdout.write(json.dumps(asdict(outcome(cases[name]))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
    os._exit(0)
