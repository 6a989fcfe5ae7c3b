"""Work in processes of their own, which may crash without taking the tests along."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]
MISSING = 77
"""Exit code of a process that lacks what it needs, and prints what that is; automake's for a skipped test."""


def last_line(module: str, *arguments: str, seconds: float = 280) -> str:
    """The last line that `python -m module arguments` prints. Skips the test when the process exits with MISSING."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        encoding="utf-8",
        timeout=seconds,
        check=False,
    )
    if done.returncode == MISSING:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr[-3000:]}"
    return done.stdout.splitlines()[-1]


def rows(command: Sequence[str], names: Sequence[str]) -> Iterator[tuple[str, dict[str, Any] | None, int]]:
    """For each name its row and 0, in order. `python command` reads names, a line each, and prints a row of JSON each.

    A process that dies has the name that it was at without a row, with its exit code; a new one takes the rest.
    """
    left = list(names)
    while left:
        process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdin and process.stdout
        process.stdin.write("\n".join(left))
        process.stdin.close()
        for line in process.stdout:
            if line.startswith('{"name"'):
                row = json.loads(line)
                left.remove(row["name"])
                yield row["name"], row, 0
        if process.wait() and left:
            yield left.pop(0), None, process.returncode
