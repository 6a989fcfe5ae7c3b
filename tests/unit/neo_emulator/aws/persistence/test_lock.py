import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.waiting import GENEROUS_SECONDS

from neo_emulator.aws.persistence.lock import FolderInUse, claim


def test_one_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "a/b"
    lock = claim(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    with pytest.raises(FolderInUse, match=f"{folder} is in use by another neo-emulator"):
        claim(folder, patience_seconds=0.1)
    os.close(lock)
    os.close(claim(folder, patience_seconds=0))


def test_the_lock_is_held_until_the_last_process_that_has_it_ends(tmp_path: Path) -> None:
    lock = claim(tmp_path)
    command = [sys.executable, "-S", "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[lock]) as process:
        assert process.stdin is not None
        os.close(lock)
        for patience_seconds in (0, 0.1):
            with pytest.raises(FolderInUse):
                claim(tmp_path, patience_seconds)
        process.stdin.close()
        os.close(claim(tmp_path, GENEROUS_SECONDS))  # it takes the process a moment to end
        assert process.wait(GENEROUS_SECONDS) == 0


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(OSError, match="x"):
        claim(tmp_path / "x")
