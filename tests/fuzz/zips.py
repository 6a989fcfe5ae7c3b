"""Zip files that parsers may read differently: what we accept, torch's parser and Python's must read alike.

`make fuzz`: python -m fuzz.zips COUNT [SEED]. Source of the differences: tests/support/zips.py.
"""

import importlib
import random
import sys
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from support import zips

from neo_compiler.storage import zip_members
from neo_compiler.storage.zip_members import AmbiguousZip

TORCH = find_spec("torch") is not None
BASES = (
    {"m/data.pkl": b"pickle", "m/code/__torch__.py": b"code", "m/constants.pkl": b"none", "m/version": b"3\n"},
    {"m/models/model.json": b"{}", "m/data/weights/w": b"w" * 99, "m/version": b"3\n", "m/archive_format": b"pt2"},
    {"config.json": b"{}", "metadata.json": b"{}", "model.weights.h5": b"h5" * 50},
    {"schema.json": b"{}", "1.npy": b"numpy", "2.npy": b"numbers"},
)


def torch_reads(path: Path, names: list[str]) -> dict[str, bytes | None] | None:
    """What torch's parser finds under these names, None where it refuses the file or is not installed."""
    if not TORCH:
        return None
    torch: Any = importlib.import_module("torch")
    try:
        reader = torch._C.PyTorchFileReader(str(path))
        root = names[0].partition("/")[0]
        found: dict[str, bytes | None] = {}
        for name in names:
            inner = name.removeprefix(f"{root}/")
            found[name] = bytes(reader.get_record(inner)) if reader.has_record(inner) else None
        assert sorted(f"{root}/{each}" for each in reader.get_all_records()) == sorted(names)
        return found
    except RuntimeError:
        return None


def check(data: bytes, folder: Path) -> bool:
    """Whether the file is accepted. Raises AssertionError where two parsers then read it differently."""
    path = folder / "made.zip"
    path.write_bytes(data)
    try:
        members = zip_members.members(path)
    except AmbiguousZip:
        return False
    names = [member.name for member in members]
    assert len({name.casefold() for name in names}) == len(names), names
    with zipfile.ZipFile(path) as archive:
        mine = {name: archive.read(name) for name in names}
    assert [len(mine[member.name]) for member in members] == [member.size for member in members]
    if names and all("/" in name for name in names) and len({name.partition("/")[0] for name in names}) == 1:
        theirs = torch_reads(path, names)
        assert theirs is None or theirs == mine, names
    return True


def main(count: int, seed: int = 0) -> int:
    """How many of `count` files were accepted."""
    source, accepted = random.Random(seed), 0
    with tempfile.TemporaryDirectory(prefix="neo-fuzz-") as folder:
        for number in range(count):
            made = zips.differential(zips.plain(source.choice(BASES)), source)
            try:
                accepted += check(bytes(made), Path(folder))
            except Exception as error:
                raise AssertionError(f"number {number} of seed {seed}: {made}") from error
    return accepted


if __name__ == "__main__":
    tried = int(sys.argv[1])
    whom = "torch and Python" if TORCH else "Python alone (torch is not installed)"
    print(f"{tried} zip files, {main(tried, *map(int, sys.argv[2:]))} accepted, read alike by {whom}")
