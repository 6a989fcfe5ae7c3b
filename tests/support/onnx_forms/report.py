"""What the forms of operators say, as a part of docs/onnx-operators.md."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from support.onnx_forms.run import CPU, INVALID, NO_REFERENCE, REFUSED, RIGHT, SCHEDULED, UNNAMED, WRONG, Outcome
from support.onnx_forms.table import versions

HEAD = """
## Forms of operators

Each operator that is imported, at every opset in which its schema changed, with the values of its attributes, the types
of its inputs and odd sizes: models of one operator, made from the tables in `tests/support/onnx_forms`, their numbers
compared with ONNX Runtime's, or with those of ONNX's evaluator where ONNX Runtime does not run the form.

**{tried} forms tried: {right} right, {refused} refused by name, {wrong} wrong.** {without} more run in no reference.
In {differ} forms the references differ from each other. By the product's own passes and schedules for {cpu}, which
{operators} operators have: {scheduled} forms, {scheduled_right} right, {scheduled_refused} refused by name,
{scheduled_wrong} wrong.

| operator | opsets | forms | right | what is refused |
|---|---|---|---|---|
"""
MAX_REASONS, MAX_REASON = 3, 100


def section(outcomes: Iterable[Outcome], scheduled: Iterable[Outcome]) -> str:
    """The counts, and a row per operator; `scheduled` are compiled by the product's own passes and schedules."""
    by_operator: dict[str, list[Outcome]] = defaultdict(list)
    for item in outcomes:
        by_operator[item.operator].append(item)
    counts = Counter(item.verdict for items in by_operator.values() for item in items)
    again = Counter(item.verdict for item in scheduled)
    head = HEAD.format(
        tried=counts.total() - counts[NO_REFERENCE],
        right=counts[RIGHT],
        refused=counts[REFUSED],
        wrong=_wrong(counts),
        without=counts[NO_REFERENCE],
        cpu=CPU,
        operators=len(SCHEDULED),
        scheduled=again.total() - again[NO_REFERENCE],
        scheduled_right=again[RIGHT],
        scheduled_refused=again[REFUSED],
        scheduled_wrong=_wrong(again),
        differ=sum(bool(item.note) for items in by_operator.values() for item in items),
    )
    return head + "".join(_row(name, items) for name, items in sorted(by_operator.items()))


def _wrong(counts: Counter[str]) -> int:
    return counts[WRONG] + counts[UNNAMED] + counts[INVALID]


def _row(operator: str, outcomes: Sequence[Outcome]) -> str:
    tried = [item for item in outcomes if item.verdict != NO_REFERENCE]
    right = sum(item.verdict == RIGHT for item in tried)
    since = ", ".join(map(str, versions(operator)))
    return f"| {operator} | {since} | {len(tried)} | {right} | {'; '.join(reasons(tried))} |\n"


def reasons(outcomes: Iterable[Outcome]) -> list[str]:
    """What is refused, or wrong, the commonest first; the operator's and the node's name left out."""
    counts: Counter[str] = Counter()
    for item in outcomes:
        if item.verdict != RIGHT:
            counts[("" if item.verdict == REFUSED else f"{item.verdict}: ") + _plain(item)] += 1
    return [f"{text} ({count})" for text, count in counts.most_common(MAX_REASONS)]


def _plain(item: Outcome) -> str:
    text = re.sub(rf"^{item.operator} \(node [^)]*\): ", "", item.reason)
    text = " ".join(re.sub(r"\by\d/|\bx\d\b", "", text).replace("|", "/").split())
    return text if len(text) <= MAX_REASON else f"{text[:MAX_REASON]}..."
