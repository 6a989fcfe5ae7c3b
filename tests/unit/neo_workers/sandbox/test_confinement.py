"""What the sandbox asks for and says; that it holds is shown by tests/e2e/test_escapes.py, from within."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from neo_workers.sandbox import confinement, landlock
from neo_workers.sandbox.confinement import SandboxError, Strength


@pytest.mark.parametrize(
    ("strength", "words"),
    [
        (Strength(7, True), []),
        (Strength(3, True), []),
        (Strength(2, True), ["no Landlock 3: a hostile model can read"]),
        (Strength(0, True), ["no Landlock: a hostile model can read"]),
        (Strength(7, False), ["no seccomp filter: a hostile model can use the network"]),
        (Strength(0, False), ["no Landlock", "accepts no seccomp filter"]),
    ],
)
def test_what_is_missing_is_said_and_refused(
    strength: Strength, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confinement, "strength", lambda: strength)
    said = confinement.check("auto")
    assert bool(said) == bool(words)
    assert [word for word in words if word.removeprefix("no ") not in said] == []
    assert "with all rights" in confinement.check("off")
    if not words:
        assert confinement.check("required") == ""
        return
    with pytest.raises(SandboxError, match="not supported here"):
        confinement.check("required")
    with pytest.raises(OSError, match=r"Landlock|seccomp"):
        confinement.apply(Path("/"), "required")


def test_the_environment_to_fork_from_has_nothing_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "NEO_EMULATOR_ACCESS_KEYS", "NEO_EMULATOR_REDIS_URL", "HOME", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("PYTHONPATH", "/kept")
    clean = confinement.clean_environment()
    assert "secret" not in clean.values()
    assert clean["PYTHONPATH"] == "/kept"


def test_folders_with_a_home_in_them_are_not_readable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "home/project").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), str(tmp_path / "home"), str(tmp_path / "home/project")])
    confinement.readable.cache_clear()
    try:
        paths = {str(rule.path) for rule in confinement.readable()}
    finally:
        confinement.readable.cache_clear()
    assert str(tmp_path / "home/project") in paths
    assert not {str(tmp_path), str(tmp_path / "home"), "", "."} & paths


def test_refusals_are_found_behind_other_errors() -> None:
    plain = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    try:
        try:
            raise plain
        except PermissionError as error:
            raise ValueError("no model") from error
    except ValueError as error:
        assert confinement.refused(error)
    assert confinement.refused(RuntimeError("open file failed because of errno 1: Operation not permitted"))
    assert not confinement.refused(RuntimeError("no such operator"))
    looped = ValueError("a")
    looped.__context__ = ValueError("b")
    looped.__context__.__context__ = looped
    assert not confinement.refused(looped)


THREADED = """
import threading
from pathlib import Path
from neo_workers.sandbox import confinement
threading.Thread(target=threading.Event().wait, daemon=True).start()
try:
    confinement.apply(Path("."), "auto")
except OSError as error:
    print(error)
"""


@pytest.mark.skipif(not landlock.abi(), reason="this kernel has no Landlock")
def test_a_process_with_threads_is_not_half_confined() -> None:
    done = subprocess.run([sys.executable, "-c", THREADED], capture_output=True, text=True, check=True)
    assert "other threads would stay outside" in done.stdout
