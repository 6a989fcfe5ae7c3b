"""Tests wait for states, through support/waiting.py; none asserts how long something took."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
WAITING = TESTS / "support" / "waiting.py"
CLOCKS = {"monotonic", "perf_counter", "process_time", "thread_time", "time", "time_ns", "monotonic_ns", "now"}
FILES = sorted(path for path in TESTS.rglob("*.py") if path != WAITING and TESTS / "bench" not in path.parents)


def called(node: ast.AST) -> str:
    """The last part of the name that a call calls, "" for what is not a call."""
    function = node.func if isinstance(node, ast.Call) else None
    return getattr(function, "attr", getattr(function, "id", ""))


def is_duration(node: ast.AST) -> bool:
    """Whether a difference to another moment is taken of a clock's reading somewhere in `node`."""
    for each in ast.walk(node):
        if isinstance(each, ast.BinOp) and isinstance(each.op, ast.Sub):
            is_moment = isinstance(each.right, ast.Constant) or called(each.right) == "timedelta"
            if not is_moment and CLOCKS & {called(below) for below in ast.walk(each)}:
                return True
    return False


def sleeps(tree: ast.AST) -> list[int]:
    """Lines that sleep."""
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Call) and called(node) == "sleep"]


def timed(tree: ast.AST) -> list[int]:
    """Lines of assertions about a duration, be it measured there or kept in a name before."""
    durations = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and is_duration(node.value)
        for target in ast.walk(ast.Tuple(node.targets))
        if isinstance(target, ast.Name)
    }
    found = []
    for node in (node for node in ast.walk(tree) if isinstance(node, ast.Assert)):
        used = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        if is_duration(node.test) or used & durations:
            found.append(node.lineno)
    return found


@pytest.mark.parametrize(("find", "instead"), [(sleeps, "until, stays, takes or hangs"), (timed, "a state or a count")])
def test_nobody_waits_for_a_time(find: Callable[[ast.AST], list[int]], instead: str) -> None:
    found = [
        f"{path.relative_to(TESTS)}:{line}"
        for path in FILES
        for line in find(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == [], f"use {instead}: see support/waiting.py"


@pytest.mark.parametrize(
    "code",
    [
        "assert time.monotonic() - begun < 5",
        "took = perf_counter() - begun\nassert took < 5",
        "taken, other = time.time() - begun, 1\nassert other and taken / 2 < 1",
        "assert (datetime.now(UTC) - begun).total_seconds() < 3",
    ],
)
def test_a_timed_assertion_is_found(code: str) -> None:
    assert timed(ast.parse(code)) == [code.count("\n") + 1]


def test_a_sleep_is_found_and_a_clock_that_only_orders_is_not() -> None:
    assert sleeps(ast.parse("import time\ntime.sleep(1)")) == [2]
    assert sleeps(ast.parse("from time import sleep\nsleep(1)")) == [2]
    assert timed(ast.parse("before = time.time() - 1\nassert before <= created <= time.time()")) == []
