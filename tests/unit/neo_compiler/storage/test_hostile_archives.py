"""The corpus of hostile archives: refused in words or harmless, in little memory, all inside."""

import os
import tracemalloc
from pathlib import Path

import pytest
from support import hostile_archives as corpus
from support.hostile_archives import HARMLESS, MAX_BYTES, MAX_FILES, MIB, REFUSED
from support.waiting import ends

from neo_compiler.errors import InputConfigurationError
from neo_compiler.storage.archive import UNTAR_FAILED, unpack

PEAK_BYTES = 24 * MIB


def outside(root: Path) -> list[str]:
    """What lies under `root` but not in the folder to unpack to."""
    return sorted(str(path) for path in root.rglob("*") if not path.is_relative_to(root / "a/b/out"))


def put(data: bytes, root: Path) -> tuple[Path, Path]:
    folder = root / "a/b/out"
    folder.parent.mkdir(parents=True)
    (root / "model.tar.gz").write_bytes(data)
    return root / "model.tar.gz", folder


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, tmp_path: Path) -> None:
    archive, folder = put(REFUSED[case](), tmp_path)
    before = outside(tmp_path)
    tracemalloc.start()
    try:
        with pytest.raises(InputConfigurationError) as refused, ends():
            unpack(archive, folder, MAX_BYTES, MAX_FILES)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert str(refused.value).startswith(UNTAR_FAILED)
    assert refused.value.reason.encode()  # can be stored and sent
    assert len(refused.value.reason) <= 1024
    assert outside(tmp_path) == before
    assert peak < PEAK_BYTES
    unpacked = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) if folder.exists() else 0
    assert unpacked <= MAX_BYTES


@pytest.mark.parametrize("case", HARMLESS)
def test_harmless(case: str, tmp_path: Path) -> None:
    make, names = HARMLESS[case]
    archive, folder = put(make(), tmp_path)
    before = outside(tmp_path)
    files = unpack(archive, folder, MAX_BYTES, MAX_FILES)
    assert outside(tmp_path) == before
    assert [os.path.normpath(path.relative_to(folder)) for path in files] == names
    for path in files:
        assert corpus.inside(path, folder)
        assert path.is_file()
        assert not path.stat().st_mode & 0o7111


@pytest.mark.parametrize("case", REFUSED)
def test_refused_by_a_python_without_filters(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neo_compiler.storage.archive._FILTER", {})  # Python 3.11.2, Debian 12's
    archive, folder = put(REFUSED[case](), tmp_path)
    before = outside(tmp_path)
    with pytest.raises(InputConfigurationError):
        unpack(archive, folder, MAX_BYTES, MAX_FILES)
    assert outside(tmp_path) == before
