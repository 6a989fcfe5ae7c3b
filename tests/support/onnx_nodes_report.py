"""`make test-onnx-nodes`: runs every node test of the onnx package and every form of support.onnx_forms, and writes
docs/onnx-operators.md."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import onnx
from support.onnx_forms import run as forms_run
from support.onnx_forms.report import section
from support.onnx_forms.run import SCHEDULED, all_outcomes
from support.onnx_nodes import operator, raw
from support.onnx_nodes_run import NOT_FEASIBLE, REFUSED, WORKS, WRONG, Outcome, outcomes

DOCUMENT = Path(__file__).parents[2] / "docs" / "onnx-operators.md"
PROCESSES = 2
MAX_REASON = 110
EVERY_SCHEDULED = 5
"""Of so many forms one is compiled by the product's own passes and schedules, too: that takes longer."""

HEAD = """# ONNX operators

Results of the node tests of onnx {version}: each is a model of one operator, which is imported, compiled and run.
Written by `make test-onnx-nodes`. Parameter operands (axes, shapes) are constants, as in real models.

**{works} of {feasible} tests work** ({wrong} give different values, {refused} are refused). {other} need strings,
sequences or optional values, which compiled models cannot have. {run} of the package's {all} tests were run.

| operator | passing tests | reasons for failures |
|---|---|---|
"""


def run_all() -> list[Outcome]:
    """The outcomes of all tests, on PROCESSES processes."""
    names = [case.name for case in raw()]
    with ThreadPoolExecutor(PROCESSES) as pool:
        parts = pool.map(
            lambda part: [_told(item) for item in outcomes(part)], [names[k::PROCESSES] for k in range(PROCESSES)]
        )
        return [item for part in parts for item in part]


def _told(item: Outcome) -> Outcome:
    if item.verdict in (WRONG, REFUSED):
        print(f"{item.verdict:8} {item.name}: {item.reason}", flush=True)
    return item


def document(results: Iterable[Outcome]) -> str:
    """The page: a row per operator."""
    by_operator: dict[str, list[Outcome]] = defaultdict(list)
    names = {case.name: operator(case) for case in raw()}
    counts: Counter[str] = Counter()
    for item in results:
        counts[item.verdict] += 1
        if item.verdict != NOT_FEASIBLE:
            by_operator[names[item.name]].append(item)
    feasible = counts[WORKS] + counts[WRONG] + counts[REFUSED]
    head = HEAD.format(
        version=onnx.__version__,
        works=counts[WORKS],
        feasible=feasible,
        wrong=counts[WRONG],
        refused=counts[REFUSED],
        other=counts[NOT_FEASIBLE],
        run=counts.total(),
        all=len(names),
    )
    return head + "".join(_row(name, items) for name, items in sorted(by_operator.items()))


def _row(name: str, items: list[Outcome]) -> str:
    bad = [item for item in items if item.verdict != WORKS]
    reasons = "; ".join(sorted({f"{item.verdict}: {_short(item.reason)}" for item in bad})[:3])
    return f"| {name} | {len(items) - len(bad)} of {len(items)} | {reasons} |\n"


def _short(reason: str) -> str:
    text = " ".join(reason.replace("|", "/").split())
    return text if len(text) <= MAX_REASON else f"{text[:MAX_REASON]}..."


def main() -> int:
    results = run_all()
    forms = _shown(all_outcomes())
    scheduled = _shown(all_outcomes(sorted(SCHEDULED), EVERY_SCHEDULED, scheduled=True))
    DOCUMENT.write_text(document(results) + section(forms, scheduled), encoding="utf-8")
    for part in (results, forms, scheduled):
        print(Counter(item.verdict for item in part))
    return 0


def _shown(found: Iterable[forms_run.Outcome]) -> list[forms_run.Outcome]:
    """The outcomes, those that are not right printed as they come."""
    kept = []
    for item in found:
        kept.append(item)
        if item.verdict != forms_run.RIGHT:
            print(forms_run.told(item), flush=True)
    return kept


if __name__ == "__main__":
    sys.exit(main())
