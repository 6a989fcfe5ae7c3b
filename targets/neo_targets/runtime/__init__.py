"""libdlr: the C library in every CPU artifact, which the `dlr` package loads. Prebuilt, one file per triple.

`python -m neo_targets.runtime.build` builds them all from src/ with zig; a test fails if a build is older
than its sources.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
SOURCES = FOLDER / "src"
HEADER = SOURCES / "dlr.h"
MARK = b"neo-emulator libdlr "
"""Prefix of NeoEmulatorLibdlr()'s text; the version, licence and hash of the sources follow."""


@dataclass(frozen=True)
class Runtime:
    """One build of libdlr."""

    name: str  # its folder in prebuilt/
    zig_target: str  # zig cc -target; the number is the minimum glibc version
    library: str = "libdlr.so"  # the name that the dlr package looks for
    cpu: str = "baseline"  # zig cc -mcpu

    @property
    def path(self) -> Path:
        """The built library."""
        return FOLDER / "prebuilt" / self.name / self.library


RUNTIMES = {
    row.name: row
    for row in (
        Runtime("x86_64-linux", "x86_64-linux-gnu.2.17"),
        Runtime("aarch64-linux", "aarch64-linux-gnu.2.17"),
        Runtime("armhf-linux", "arm-linux-gnueabihf.2.17"),
        Runtime("armel-linux", "arm-linux-gnueabi.2.17"),
        Runtime("i686-linux", "x86-linux-gnu.2.17"),
        Runtime("x86_64-windows", "x86_64-windows-gnu", "dlr.dll"),
        Runtime("i686-windows", "x86-windows-gnu", "dlr.dll"),
        Runtime("aarch64-android", "aarch64-linux-android"),
        Runtime("arm-android", "arm-linux-androideabi", cpu="generic+v7a+vfp3d16"),
        Runtime("x86_64-android", "x86_64-linux-android", cpu="x86_64+ssse3+sse4_2+popcnt"),
        Runtime("i686-android", "x86-linux-android", cpu="i686+ssse3"),
    )
}
"""All builds by name."""


def sources() -> list[Path]:
    """The C files and headers, sorted."""
    return sorted([*SOURCES.glob("*.c"), *SOURCES.glob("*.h")])


def source_hash() -> str:
    """A hash of all source files, 16 hex digits."""
    result = hashlib.blake2b(digest_size=8)
    for path in sources():
        result.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return result.hexdigest()


def built_from(library: bytes) -> str:
    """The source hash in a built libdlr, "" if it has none."""
    start = library.find(MARK)
    text = library[start : library.find(b"\0", start)].decode("ascii", "replace") if start >= 0 else ""
    return text.rpartition("sources ")[2]
