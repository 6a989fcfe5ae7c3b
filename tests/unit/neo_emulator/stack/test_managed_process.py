"""A command that does not stay up, under a real guard."""

import os
import sys
from collections.abc import Callable

import pytest
from support.waiting import until

from neo_emulator.stack import managed_process
from neo_emulator.stack.managed_process import ManagedProcess


@pytest.fixture
def run() -> Callable[[str], ManagedProcess]:
    def start(code: str) -> ManagedProcess:
        process = ManagedProcess("worker", [sys.executable, "-S", "-c", code], dict(os.environ))
        process.start()
        return process

    return start


def keep(process: ManagedProcess, condition: Callable[[], bool]) -> None:
    """Keeps the process alive until the condition is true."""

    def kept() -> bool:
        if not condition():
            process.keep_alive()
        return condition()

    until(kept)


def test_why_it_does_not_stay_up_is_said(
    run: Callable[[str], ManagedProcess], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(managed_process, "FIRST_PAUSE_SECONDS", 0.01)
    process = run("import sys; print('cannot: no disk', file=sys.stderr); sys.exit(3)")
    assert process.trouble == ""
    keep(process, lambda: process.failures == 2)
    assert process.trouble == "ended with status 3: cannot: no disk (failure 2 in a row)"
    assert process.pause_seconds == pytest.approx(4 * 0.2)
    process.end()
    assert "cannot: no disk" in capfd.readouterr().err  # and the log is passed on


def test_who_stays_up_is_well_again(run: Callable[[str], ManagedProcess], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(managed_process, "STEADY_SECONDS", 0.2)
    process = run("import time; time.sleep(60)")
    process.failures, process.pause_seconds, process.last_failure = 4, 3.2, "ended"
    assert process.trouble
    keep(process, lambda: process.failures == 0)
    assert (process.trouble, process.pause_seconds) == ("", managed_process.FIRST_PAUSE_SECONDS)
    process.end()
    assert process.process is not None
    assert process.process.poll() is not None
