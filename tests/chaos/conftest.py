"""A stack per test process, and the report. `make chaos` runs all, NEO_CHAOS_TRIALS times; `make test` quick ones."""

import contextlib
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chaos import invariants
from chaos.faults import TABLE
from chaos.invariants import REPORT, Outcome
from chaos.stack import Stack
from support.waiting import GENEROUS_SECONDS

LONG = os.environ.get("NEO_CHAOS") == "1"
TRIALS = int(os.environ.get("NEO_CHAOS_TRIALS", "1"))
Settle = Callable[..., Outcome]

_RESULTS: dict[str, list[Outcome]] = defaultdict(list)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: only with NEO_CHAOS=1, as `make chaos` sets it")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # connections break on purpose, and whoever held one drops it as it is
        item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))
        if not LONG and item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="long: run by `make chaos`"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "trial" in metafunc.fixturenames:
        metafunc.parametrize("trial", range(TRIALS))


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("chaos")) as stack:
        invariants.prepare(stack)
        yield stack


@pytest.fixture
def stack(whole: Stack, trial: int) -> Stack:
    """Valkey, the API and two workers of two slots, well and with a model in S3."""
    whole.heal()
    invariants.prepare(whole)
    return whole


@pytest.fixture
def settle(request: pytest.FixtureRequest) -> Settle:
    """invariants.settle, which must find nothing wrong; its outcomes go into the report."""
    test = request.node.originalname

    def run(stack: Stack, names: list[str], seconds: float = GENEROUS_SECONDS, begun: float | None = None) -> Outcome:
        outcome = invariants.settle(stack, names, seconds, begun)
        _RESULTS[test].append(outcome)
        broken = (outcome.stuck, outcome.lost, outcome.doubled, outcome.wrong)
        assert broken == ([], [], [], []), "stuck, lost, doubled, wrong"
        return outcome

    return run


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not LONG:
        return
    write = terminalreporter.write_line
    lines = ["| # | fault | how | trials | jobs | lost | double commits | stuck | slowest recovery |"]
    lines.append("|---|---|---|---|---|---|---|---|---|")
    for fault in TABLE:
        outcomes = _RESULTS.get(fault.test, [])
        passed = [item for item in terminalreporter.stats.get("passed", []) if f"::{fault.test}" in item.nodeid]
        counts = (len(outcomes) or len(passed), sum(len(o.statuses) + len(o.stuck) + len(o.lost) for o in outcomes))
        bad = (sum(len(getattr(o, kind)) for o in outcomes) for kind in ("lost", "doubled", "stuck"))
        untimed = "passed, not timed" if passed else "not run"
        slowest = f"{max(o.seconds for o in outcomes):.1f} s" if outcomes else untimed
        cells = (fault.row, fault.what, fault.how, *counts, *bad, slowest)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    lines += ["", *REPORT]
    for line in ["", "faults survived", *lines]:
        write(line)
    if report := os.environ.get("NEO_CHAOS_REPORT"):
        with contextlib.suppress(OSError):
            Path(report).write_text(f"{time.strftime('%Y-%m-%d')}\n\n" + "\n".join(lines) + "\n", encoding="utf-8")
