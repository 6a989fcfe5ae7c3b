"""Scripts and buckets from the start."""

import threading
from pathlib import Path

import pytest
from support.waiting import until

from neo_emulator.control.init_hooks import InitHooks
from neo_workers.settings import Settings


def run(settings: Settings) -> InitHooks:
    hooks = InitHooks()
    hooks.plan(settings)
    hooks.start(settings, "http://127.0.0.1:1", threading.Event())
    until(lambda: hooks.state != "running")
    return hooks


def test_nothing_to_do() -> None:
    assert run(Settings()).describe() == {"state": "none", "buckets": [], "scripts": [], "error": ""}


def test_scripts_by_name(tmp_path: Path) -> None:
    (tmp_path / "20-two.py").write_text("import os; print(os.environ['AWS_ENDPOINT_URL'], os.getcwd())")
    (tmp_path / "10-one.sh").write_text("touch made; echo $AWS_ACCESS_KEY_ID")
    (tmp_path / "notes.txt").write_text("not a script")
    hooks = run(Settings(ready_dir=tmp_path))
    assert hooks.state == "done"
    assert [(s.name, s.state, s.exit_status) for s in hooks.scripts] == [
        ("10-one.sh", "done", 0),
        ("20-two.py", "done", 0),
    ]
    assert hooks.scripts[0].output == "test\n"
    assert hooks.scripts[1].output == f"http://127.0.0.1:1 {tmp_path}\n"
    assert (tmp_path / "made").exists()


def test_a_script_that_fails_does_not_stop_the_next(tmp_path: Path) -> None:
    (tmp_path / "1.sh").write_text("echo no >&2; exit 3")
    (tmp_path / "2.sh").write_text("true")
    hooks = run(Settings(ready_dir=tmp_path))
    assert hooks.state == "failed"
    assert [(s.state, s.exit_status, s.output) for s in hooks.scripts] == [("failed", 3, "no\n"), ("done", 0, "")]


def test_a_script_ends_with_the_server(tmp_path: Path) -> None:
    (tmp_path / "1.py").write_text("import time; time.sleep(600)")
    hooks, stop = InitHooks(), threading.Event()
    settings = Settings(ready_dir=tmp_path)
    hooks.plan(settings)
    hooks.start(settings, "http://127.0.0.1:1", stop)
    until(lambda: hooks.scripts[0].state == "running")
    stop.set()
    until(lambda: hooks.state != "running")
    assert hooks.scripts[0].exit_status != 0


def test_a_ready_dir_must_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a folder"):
        InitHooks().plan(Settings(ready_dir=tmp_path / "nowhere"))
