"""The results of tuning on disk, shared by jobs and workers. Does not import tvm.

A file of lines "<CRC-32 of the rest, 8 hex digits> <an Entry as JSON>", append-only. A line that is incomplete,
damaged or from another version is ignored; of several for one product the last one counts.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from neo_compiler import passes
from neo_compiler.lowering import cpu
from neo_compiler.runtime import cpu_info
from neo_targets.spec import TargetSpec

FILE = "tuning.jsonl"
MAX_BYTES = 64 << 20
"""Maximum size of the file that is read; nothing is appended beyond it."""


@dataclass(frozen=True)
class Entry:
    """The result of tuning one product."""

    product: str  # its name
    machine: str  # target of the code
    templates: str  # digest of the code generator
    tile: str  # text of the fastest tile
    chosen: str  # text of the cost model's tile; the same if no other was faster
    seconds: float  # with `tile`
    chosen_seconds: float
    cpu: str  # CPU of the measurement

    @property
    def won(self) -> bool:
        """Whether a tile other than the cost model's is used."""
        return self.tile != self.chosen


class Database:
    """The entries of one machine and of this version's templates."""

    def __init__(self, folder: Path | None, spec: TargetSpec) -> None:
        """With `folder` None nothing is stored."""
        self.path = folder / FILE if folder else None
        self.machine = json.dumps(spec.tvm_host(), sort_keys=True)
        self.entries: dict[str, Entry] = {}  # last read or added
        self.added: list[Entry] = []

    def read(self) -> None:
        """Reads the file's current entries. An unreadable file counts as empty."""
        self.entries = {}
        if self.path is None:
            return
        with suppress(OSError), self.path.open("rb") as file:
            for line in file.read(MAX_BYTES).splitlines():
                entry = _parsed(line)
                if entry and (entry.machine, entry.templates) == (self.machine, templates()):
                    self.entries[entry.product] = entry

    def add(self, product: str, tile: str, chosen: str, seconds: float, chosen_seconds: float) -> Entry:
        """Adds an entry and writes it to disk. Raises OSError; the entry is then used for this job only."""
        entry = Entry(product, self.machine, templates(), tile, chosen, seconds, chosen_seconds, cpu_name())
        self.entries[product] = entry
        self.added.append(entry)
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _append(self.path, _line(entry))
        return entry

    def copy_to(self, folder: Path) -> None:
        """Writes the entries, as they were read last, as the database of a new folder. Raises OSError."""
        with (folder / FILE).open("xb") as file:
            file.writelines(map(_line, self.entries.values()))

    @property
    def tiles(self) -> dict[str, str]:
        """The tiles to use: name of the product -> text of the tile."""
        return {name: entry.tile for name, entry in self.entries.items() if entry.won}

    @property
    def digest(self) -> str:
        """A digest of `tiles`, "" if there are none."""
        return digest(self.tiles)


def digest(tiles: Mapping[str, str]) -> str:
    """A digest of the tiles, 32 hex digits, "" if there are none."""
    if not tiles:
        return ""
    return hashlib.blake2b(json.dumps(sorted(tiles.items())).encode(), digest_size=16).hexdigest()


@lru_cache(maxsize=1)
def templates() -> str:
    """A digest of the code generator: the CPU compiler's sources, and TVM's version."""
    result = hashlib.blake2b(metadata.version("apache-tvm").encode(), digest_size=8)
    folders = (Path(str(package.__file__)).parent for package in (passes, cpu))
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        result.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return result.hexdigest()


@lru_cache(maxsize=1)
def cpu_name() -> str:
    """The name of this machine's CPU in /proc/cpuinfo."""
    return next(iter(cpu_info.values("model name")), os.uname().machine)


def _append(path: Path, line: bytes) -> None:
    """Appends a line in one write, on a new line if the last one is incomplete. Raises OSError."""
    with path.open("a+b", buffering=0) as file:
        with suppress(OSError):  # some network file systems have no locks; readers skip damaged lines
            fcntl.flock(file, fcntl.LOCK_EX)
        size = os.fstat(file.fileno()).st_size
        if size + len(line) > MAX_BYTES:
            raise OSError(f"{path} is full; it may be deleted")
        torn = size > 0 and os.pread(file.fileno(), 1, size - 1) != b"\n"
        os.write(file.fileno(), b"\n" + line if torn else line)
        os.fsync(file.fileno())


def _line(entry: Entry) -> bytes:
    text = json.dumps(asdict(entry), separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _parsed(line: bytes) -> Entry | None:
    check, _, text = line.partition(b" ")
    try:
        if int(check, 16) != zlib.crc32(text):
            return None
        return Entry(**json.loads(text))
    except (ValueError, TypeError):
        return None
