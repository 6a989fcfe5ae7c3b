import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from neo_workers.sandbox import limits, process_tree
from neo_workers.sandbox.limits import Watch, folder_bytes, memory_bytes
from neo_workers.settings import Settings


def test_memory_is_three_quarters_of_the_machine_unless_set() -> None:
    assert 0 < memory_bytes(Settings()) <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert memory_bytes(Settings(max_memory_bytes=5)) == 5


def test_a_process_gets_its_own_limits() -> None:
    code = """
import resource
from neo_workers.sandbox import limits
from neo_workers.settings import Settings
limits.apply(Settings(max_cpu_seconds=7, max_file_bytes=1 << 20, max_open_files=99, max_memory_bytes=1 << 30))
names = "CPU", "FSIZE", "NOFILE", "DATA", "CORE"
print(*(resource.getrlimit(getattr(resource, "RLIMIT_" + name))[0] for name in names))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["7", str(1 << 20), "99", str(2 << 30), "0"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY  # not ours


@pytest.mark.parametrize(
    ("usage", "setting"),
    [
        (process_tree.Usage(1, 0.0, 0), None),
        (process_tree.Usage(9, 0.0, 0), "NEO_EMULATOR_MAX_PROCESSES"),
        (process_tree.Usage(1, 4.0, 0), "NEO_EMULATOR_MAX_CPU_SECONDS"),
        (process_tree.Usage(1, 0.0, 2000), "NEO_EMULATOR_MAX_MEMORY_BYTES"),
    ],
)
def test_a_breach_names_its_setting(
    usage: process_tree.Usage, setting: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process_tree, "usage", lambda pid, age: usage)
    monkeypatch.setattr(process_tree, "own_bytes", lambda pid: usage.resident_bytes)
    settings = Settings(max_processes=8, max_cpu_seconds=3, max_memory_bytes=1000)
    breach = Watch(settings, tmp_path).breach(1)
    assert (breach is None) if setting is None else (setting in str(breach))


def test_shared_pages_are_no_breach(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(process_tree, "usage", lambda pid, age: process_tree.Usage(1, 0.0, 2000))
    monkeypatch.setattr(process_tree, "own_bytes", lambda pid: 900)
    assert Watch(Settings(max_memory_bytes=1000), tmp_path).breach(1) is None


def test_the_work_folder_is_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/file").write_bytes(b"1" * 100_000)
    (tmp_path / "loop").symlink_to(tmp_path)
    assert 100_000 <= folder_bytes(tmp_path) < 200_000
    watch = Watch(Settings(max_work_bytes=50_000), tmp_path)
    assert watch.breach(os.getpid()) is None  # not within the first second
    monkeypatch.setattr(watch, "_measure_at", 0.0)
    assert "NEO_EMULATOR_MAX_WORK_BYTES" in str(watch.breach(os.getpid()))
    assert folder_bytes(tmp_path / "gone") == 0


def test_hints_of_exit_codes() -> None:
    assert "NEO_EMULATOR_MAX_MEMORY_BYTES" in limits.exit_hint(-9)
    assert limits.exit_hint(-11) == limits.exit_hint(1) == ""
