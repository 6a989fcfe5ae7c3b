"""The members of a zip file, if all parsers read it in the same way; other files are refused.

Frameworks have zip parsers of their own (torch uses miniz); our checks use Python's. They differ in which of two equal
names they return, in whether they ignore case, and in whether they read the local or the central headers.
Source: PKWARE's APPNOTE.TXT; miniz; Python's zipfile.
"""

from __future__ import annotations

import re
import struct
import unicodedata
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_LOCAL, _END, _LOCATOR = b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x07"
_LOCAL_HEADER, _END_RECORD = struct.Struct("<4s5H3L2H"), struct.Struct("<4s4H2LH")
_DEFLATE_LEVEL, _SIZES_BEHIND, _UTF8 = 0b110, 1 << 3, 1 << 11
_KNOWN_FLAGS = _DEFLATE_LEVEL | _SIZES_BEHIND | _UTF8
_DESCRIPTORS = (12, 16, 20, 24)
"""Bytes of the sizes behind a member's data: with or without a signature, of 32 or 64 bits."""
_IN_ZIP64 = 0xFFFFFFFF
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Compressions that every reader has."""
MAX_MEMBERS = 100_000
_PARTS = re.compile(r"(?:^|/)\.{0,2}(?:/|$)")  # empty, "." and ".." between slashes


class AmbiguousZip(ValueError):  # noqa: N818 - it says what the file is
    """A zip file that readers may read differently; the text says why."""


@dataclass(frozen=True)
class Member:
    """One file in a zip."""

    name: str
    size: int  # unpacked, in bytes


def members(path: Path) -> tuple[Member, ...]:
    """The files in a zip, in the order of its central directory. Raises AmbiguousZip, also if it is no zip file."""
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file:
            entries = archive.infolist()
            if archive.comment or len(entries) > MAX_MEMBERS:
                raise AmbiguousZip("it has a comment, or too many members")
            _check_end(file, len(entries))
            _check_places(file, entries, archive.start_dir)
    except (zipfile.BadZipFile, NotImplementedError, struct.error, UnicodeDecodeError, OSError) as error:
        raise AmbiguousZip(f"it is no zip file: {error}") from error
    found = [Member(entry.filename, entry.file_size) for entry in entries if not entry.is_dir()]
    _check_names([entry.orig_filename for entry in entries])
    return tuple(found)


def _check_names(names: list[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        if not name.isprintable() or "\\" in name or ":" in name or _PARTS.search(name.removesuffix("/")):
            raise AmbiguousZip(f"the name {name[:80]!r} may mean another file")
        folded = unicodedata.normalize("NFKC", name).casefold().rstrip("/")
        if folded in seen:
            raise AmbiguousZip(f"the names {seen[folded][:80]!r} and {name[:80]!r} are one to some readers")
        seen[folded] = name


def _check_end(file: BinaryIO, count: int) -> None:
    """The directory's end must be the file's, and say how many members there are."""
    file.seek(0, 2)
    end = file.tell()
    file.seek(max(0, end - _END_RECORD.size))
    record = file.read(_END_RECORD.size)
    signature, disk, first, here, total, *_ = _END_RECORD.unpack(record)
    if signature != _END or disk or first or here != total or (total != count and total != 0xFFFF):
        raise AmbiguousZip("its directory is not at its end, or counts other members")


def _check_places(file: BinaryIO, entries: list[zipfile.ZipInfo], directory: int) -> None:
    """Members must fill the file from its first byte to the directory, their own headers as the directory has them."""
    at = 0
    behind: tuple[int, ...] = (0,)
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset - at not in behind:
            raise AmbiguousZip(f"{entry.filename[:80]!r} overlaps another member, or other data come before it")
        at = _end_of(file, entry)
        behind = _DESCRIPTORS if entry.flag_bits & _SIZES_BEHIND else (0,)
        if entry.is_dir() and entry.file_size:
            raise AmbiguousZip(f"{entry.filename[:80]!r} is a folder with contents")
    if directory - at not in behind:
        raise AmbiguousZip("other data lie between the members and the directory")


def _end_of(file: BinaryIO, entry: zipfile.ZipInfo) -> int:
    """Where a member's data end. Raises AmbiguousZip where its own header differs from the directory's."""
    file.seek(entry.header_offset)
    fields = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    signature, _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = fields
    name_bytes, extra_bytes = int(name_bytes), int(extra_bytes)
    name = file.read(name_bytes)
    told = (signature, flags, method, name.decode("utf-8" if flags & _UTF8 else "cp437"))
    if told != (_LOCAL, entry.flag_bits, entry.compress_type, entry.orig_filename):
        raise AmbiguousZip(f"{entry.filename[:80]!r} is another member by its own header")
    if not flags & _UTF8 and not name.isascii():
        raise AmbiguousZip(f"the name {entry.filename[:80]!r} has no known encoding")
    if flags & ~_KNOWN_FLAGS or method not in METHODS:
        raise AmbiguousZip(f"{entry.filename[:80]!r} is encrypted, or packed in a way that few readers know")
    sizes = ((crc, entry.CRC), (packed, entry.compress_size), (size, entry.file_size))
    if any(own != known and not (own in (0, _IN_ZIP64) and _may_differ(flags, own)) for own, known in sizes):
        raise AmbiguousZip(f"{entry.filename[:80]!r} has another size by its own header")
    if method == zipfile.ZIP_STORED and entry.compress_size != entry.file_size:
        raise AmbiguousZip(f"{entry.filename[:80]!r} has two sizes")
    return entry.header_offset + _LOCAL_HEADER.size + name_bytes + extra_bytes + entry.compress_size


def _may_differ(flags: int, value: int) -> bool:
    return value == _IN_ZIP64 or bool(flags & _SIZES_BEHIND)
