"""Unpacks tar.gz safely, and packs it reproducibly."""

from __future__ import annotations

import errno
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, cast

from isal import igzip

from neo_compiler.errors import InputConfigurationError

UNTAR_FAILED = "Unable to untar input model.Please confirm the model is a tar.gz file"
"""Neo's text, with its missing space. Source: a recording of 2024-04-16."""

GZIP_LEVEL = 2  # isal: 138 MB/s on weights, as small as zlib's -1
MAX_HEADER_BYTES = 16 << 10
"""Maximum size of a member's headers, which tarfile keeps in memory (in quadratic time before Python 3.11.10)."""

MAX_DEPTH = 100
"""Maximum depth of a member: Python's library handles folders recursively."""

READ_AHEAD_BYTES = tarfile.RECORDSIZE + 2 * tarfile.BLOCKSIZE
_MODE = 0o644
_FILTER: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
"""Python before 3.11.4 (Debian 12: 3.11.2) has no filters; there only `_check_member` and `_check_place` protect."""


class _CappedReader:
    """Reads a gzip stream; refuses to inflate more than `max_bytes` in total and than granted at each step."""

    def __init__(self, stream: BinaryIO, max_bytes: int, overhead_bytes: int) -> None:
        self._stream = stream
        self._left = max_bytes + overhead_bytes
        self._max_bytes = max_bytes
        self._room = 0

    def grant(self, room_bytes: int) -> None:
        """Sets how many bytes may be read until the next grant."""
        self._room = room_bytes + READ_AHEAD_BYTES

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        self._room -= len(data)
        if self._left < 0:
            raise _too_big(self._max_bytes)
        if self._room < 0:
            raise InputConfigurationError(f"{UNTAR_FAILED}: a header is larger than {MAX_HEADER_BYTES} bytes")
        return data


def unpack(archive: Path, folder: Path, max_bytes: int, max_files: int) -> list[Path]:
    """Extracts regular files and folders. Returns the files, sorted.

    Refuses links, devices, paths out of `folder`, headers larger than MAX_HEADER_BYTES, more than `max_files` members,
    and more than `max_bytes`, both declared and inflated. Raises InputConfigurationError.
    """
    try:
        with igzip.open(archive, "rb") as stream:
            # a member has up to 1.5 KiB of headers and padding, the end of the archive 10 KiB
            reader = _CappedReader(cast(BinaryIO, stream), max_bytes, max_files * 1536 + 10240)
            return _extract(reader, folder, max_bytes, max_files)
    except (tarfile.TarError, EOFError, zlib.error, igzip.BadGzipFile, igzip.isal_zlib.error) as error:
        raise InputConfigurationError(f"{UNTAR_FAILED}: {error}") from error
    except RecursionError as error:  # tarfile and makedirs recurse for each header and folder
        raise InputConfigurationError(f"{UNTAR_FAILED}: its headers or folders are nested too deep") from error
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EFBIG, errno.EMFILE):
            raise
        raise InputConfigurationError(f"{UNTAR_FAILED}: {type(error).__name__}: {error}") from error


def _extract(reader: _CappedReader, folder: Path, max_bytes: int, max_files: int) -> list[Path]:
    files: list[Path] = []
    declared = 0
    reader.grant(MAX_HEADER_BYTES)
    with tarfile.open(fileobj=cast(BinaryIO, reader), mode="r|") as tar:
        for count, member in enumerate(tar, start=1):
            _check_member(member, count, max_files)
            declared += member.size
            if declared > max_bytes:
                raise _too_big(max_bytes)
            reader.grant(member.size)
            _check_place(member, folder)
            tar.extract(member, folder, set_attrs=False, **_FILTER)
            if member.isreg():
                files.append(folder / member.name.lstrip("/"))
            reader.grant(MAX_HEADER_BYTES)
    return sorted(set(files))


def pack(files: Iterable[Path], archive: Path) -> None:
    """Writes a tar.gz of `files` without their folders, sorted; equal files give equal bytes."""
    with archive.open("wb") as raw:
        stream = igzip.IGzipFile(filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=raw, mtime=0)
        with stream, tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for path in sorted(files, key=lambda path: path.name):
                member = tarfile.TarInfo(path.name)
                member.size = path.stat().st_size
                member.mode = _MODE
                with path.open("rb") as file:
                    tar.addfile(member, file)


def _check_member(member: tarfile.TarInfo, count: int, max_files: int) -> None:
    if count > max_files:
        raise InputConfigurationError(f"{UNTAR_FAILED}: it has more than {max_files} members")
    if member.size < 0:
        raise InputConfigurationError(f"{UNTAR_FAILED}: {member.name} has a negative size")
    if member.name.count("/") > MAX_DEPTH:
        raise InputConfigurationError(f"{UNTAR_FAILED}: {member.name[:80]}... is more than {MAX_DEPTH} folders deep")
    if not (member.isreg() or member.isdir()):
        raise InputConfigurationError(f"{UNTAR_FAILED}: {member.name} is neither a file nor a folder")


def _check_place(member: tarfile.TarInfo, folder: Path) -> None:
    """Raises TarError for a member outside `folder`; links have been refused already."""
    member.name = member.name.lstrip("/")
    if not (folder / member.name).resolve().is_relative_to(folder.resolve()):
        raise tarfile.TarError(f"{member.name!r} would be extracted outside the archive's folder")


def _too_big(max_bytes: int) -> InputConfigurationError:
    return InputConfigurationError(f"{UNTAR_FAILED}: it unpacks to more than {max_bytes} bytes")
