import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

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
    with subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(0.6)"], pass_fds=[lock]):
        os.close(lock)
        with pytest.raises(FolderInUse):
            claim(tmp_path, patience_seconds=0)
        begun = time.monotonic()
        os.close(claim(tmp_path, patience_seconds=5))
        assert time.monotonic() - begun > 0.1


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(OSError, match="x"):
        claim(tmp_path / "x")
