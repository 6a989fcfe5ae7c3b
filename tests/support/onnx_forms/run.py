"""Runs forms through the importer and the compiler, in processes that may crash, and compares the numbers.

`python -m support.onnx_forms.run [--every N] [--scheduled] [OPERATOR...]` prints what is not right.
"""

from __future__ import annotations

import json
import os
import queue
import re
import sys
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import tvm_ffi
from support import apart
from support.onnx_forms.form import Array, Form

RIGHT, WRONG, REFUSED, UNNAMED, NO_REFERENCE, INVALID = (
    "right",
    "wrong",
    "refused by name",
    "refused without a name",
    "no reference",
    "not ONNX",
)
PROCESSES = 2
CPU = "haswell"
"""What forms are compiled for that have schedules of the product's own."""

SCHEDULED = frozenset(
    {
        *(
            "AveragePool",
            "Conv",
            "ConvInteger",
            "ConvTranspose",
            "Einsum",
            "Gemm",
            "GlobalAveragePool",
            "GlobalMaxPool",
        ),
        *("LRN", "LayerNormalization", "LogSoftmax", "LpPool", "MatMul", "MatMulInteger", "MaxPool", "QLinearConv"),
        *("QLinearMatMul", "Resize", "Softmax", "Upsample", "InstanceNormalization", "BatchNormalization", "Transpose"),
        *("Concat", "Pad", "Slice", "DepthToSpace", "PRelu", "Clip", "LSTM", "GRU", "RNN", "Attention"),
        *(f"Reduce{name}" for name in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum")),
    }
)
"""Operators that are compiled by the product's own passes and schedules as well."""


@dataclass(frozen=True)
class Outcome:
    name: str
    operator: str
    verdict: str
    reason: str = ""
    note: str = ""  # how the references differ


def outcome(name: str, form: Form, scheduled: bool = False) -> Outcome:
    """The verdict on one form; `scheduled` by the product's own passes and schedules for CPU."""
    from support.onnx_forms.references import difference, references

    try:
        model = form.model()
    except Exception as error:  # onnx' own types
        return Outcome(name, form.operator, INVALID, _line(error))
    expected = references(form, model)
    note = _disagreement(expected)
    if not expected:
        return Outcome(name, form.operator, NO_REFERENCE)
    try:
        found = _run(model, form.feeds(), scheduled)
    except Exception as error:  # whatever the importer or TVM raises is the verdict
        text = _line(error)
        return Outcome(name, form.operator, REFUSED if _names(text, form.operator) else UNNAMED, text, note)
    judge = next(iter(expected))
    reason = difference(found, expected[judge])
    return Outcome(name, form.operator, WRONG if reason else RIGHT, (reason and f"{reason} ({judge})") or "", note)


_results: dict[tuple[int, bool], list[tuple[Any, dict[str, Array], list[Array]]]] = {}
"""Modules that were compiled, their inputs and results, by the modules' hash and whether they were scheduled.

Many opsets import as the same module.
"""


def _run(model: Any, feeds: dict[str, Array], scheduled: bool) -> list[Array]:
    from support.onnx_run import QUICK, run_imported, run_scheduled

    from neo_compiler.frontends.onnx import load as importer

    imported = importer.compilable(model, {name: item.shape for name, item in feeds.items()}, "")
    known = _results.setdefault((tvm_ffi.structural_hash(imported.module), scheduled), [])
    for module, fed, results in known:
        same = all(np.array_equal(fed[name], item) for name, item in feeds.items())
        if same and tvm_ffi.structural_equal(module, imported.module):
            return results
    results = run_scheduled(imported, feeds, CPU) if scheduled else run_imported(imported, feeds, QUICK)
    known.append((imported.module, feeds, results))
    return results


def _disagreement(expected: dict[str, list]) -> str:
    from support.onnx_forms.references import difference

    names = list(expected)
    reasons = [(name, difference(expected[name], expected[names[0]])) for name in names[1:]]
    return "; ".join(f"{name} against {names[0]}: {reason}" for name, reason in reasons if reason)


def _line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kept = [line for line in lines if not line.startswith("File ")]
    return f"{(kept or [''])[0] if 'node' in (kept or [''])[0] else (kept or [''])[-1]}"[:240] or type(error).__name__


def _names(text: str, operator: str) -> bool:
    return re.search(rf"\b{operator}\b", text) is not None


def told(item: Outcome) -> str:
    return f"{item.verdict} | {item.name} | {item.reason} | {item.note}"


def outcomes(names: Sequence[str], scheduled: bool = False) -> Iterator[Outcome]:
    """The verdicts, in order. A process that dies has its form counted as refused without a name; a new one goes on."""
    command = ["-W", "ignore", "-m", "support.onnx_forms.run", "--worker", *["--scheduled"] * scheduled]
    for name, row, code in apart.rows(command, names):
        if row is None:
            yield Outcome(name, operator_of(name), UNNAMED, f"the compiler died (exit code {code})")
        else:
            yield Outcome(**row)


def operator_of(name: str) -> str:
    return name.partition("-")[0]


def all_outcomes(operators: Sequence[str] = (), every: int = 1, scheduled: bool = False) -> Iterator[Outcome]:
    """The verdicts on the forms of these operators, of all without any, on PROCESSES processes; on one form of `every`.

    `scheduled`: as the product compiles for CPU, else by TVM's own pipeline, which is quicker.
    """
    from support.onnx_forms.table import GENERATORS, forms

    parts: list[list[str]] = [[] for _ in range(PROCESSES)]
    for operator in sorted(operators or GENERATORS):
        min(parts, key=len).extend(list(forms([operator]))[zlib.crc32(operator.encode()) % every :: every])
    found: queue.Queue[Outcome | None] = queue.Queue()

    def work_on(part: list[str]) -> None:
        try:
            for item in outcomes(part, scheduled):
                found.put(item)
        finally:
            found.put(None)

    with ThreadPoolExecutor(PROCESSES) as pool:
        for part in parts:
            pool.submit(work_on, part)
        for _ in parts:
            yield from iter(found.get, None)


def work(scheduled: bool) -> None:
    from support.onnx_forms.table import forms

    warnings.simplefilter("ignore")
    names = sys.stdin.read().split("\n")
    known = forms(dict.fromkeys(map(operator_of, names)))
    for name in names:
        sys.stdout.write(json.dumps(asdict(outcome(name, known[name], scheduled))) + "\n")
        sys.stdout.flush()


def main() -> None:
    scheduled = "--scheduled" in sys.argv
    if "--worker" in sys.argv:
        work(scheduled)
        sys.stdout.flush()
        os._exit(0)
    verdicts: Counter[str] = Counter()
    given = [item for item in sys.argv[1:] if item != "--scheduled"]
    every, operators = (int(given[1]), given[2:]) if given[:1] == ["--every"] else (1, given)
    for item in all_outcomes(operators, every, scheduled):
        verdicts[item.verdict] += 1
        if item.verdict != RIGHT or item.note:
            print(told(item), flush=True)
    print(verdicts)


if __name__ == "__main__":
    main()
