"""tar.gz in, safely, and tar.gz out, the same bytes for the same files."""

from __future__ import annotations

import errno
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, cast

from isal import igzip

from neo_workers.errors import InputConfigurationError

UNTAR_FAILED = "Unable to untar input model.Please confirm the model is a tar.gz file"
"""Neo's own text, without a blank. Source: a recording of 2024-04-16."""

GZIP_LEVEL = 2  # isal: 138 MB/s on weights, as small as zlib's -1
_MODE = 0o644


class _CappedReader:
    """Reads a gzip stream and refuses to inflate more than `max_bytes`."""

    def __init__(self, stream: BinaryIO, max_bytes: int, overhead_bytes: int) -> None:
        self._stream = stream
        self._left = max_bytes + overhead_bytes
        self._max_bytes = max_bytes

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise _too_big(self._max_bytes)
        return data


def unpack(archive: Path, folder: Path, max_bytes: int, max_files: int) -> list[Path]:
    """Extracts regular files and folders; gives back the files, sorted.

    Refuses links, devices, paths out of `folder`, more than `max_files` members, and more than `max_bytes` both as
    declared and as really inflated. Raises InputConfigurationError.
    """
    files: list[Path] = []
    try:
        with igzip.open(archive, "rb") as stream:
            # a member adds up to 1.5 KiB of headers and padding, the end of the archive 10 KiB
            reader = _CappedReader(cast(BinaryIO, stream), max_bytes, max_files * 1536 + 10240)
            with tarfile.open(fileobj=cast(BinaryIO, reader), mode="r|") as tar:
                declared = 0
                for count, member in enumerate(tar, start=1):
                    declared += member.size
                    _check_member(member, count, max_files)
                    if declared > max_bytes:
                        raise _too_big(max_bytes)
                    tar.extract(member, folder, set_attrs=False, filter="data")
                    if member.isreg():
                        files.append(folder / member.name.lstrip("/"))
    except (tarfile.TarError, EOFError, zlib.error, igzip.BadGzipFile, igzip.isal_zlib.error) as error:
        raise InputConfigurationError(f"{UNTAR_FAILED}: {error}") from error
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        raise InputConfigurationError(f"{UNTAR_FAILED}: {type(error).__name__}: {error}") from error
    return sorted(set(files))


def pack(files: Iterable[Path], archive: Path) -> None:
    """Writes a tar.gz with `files` by their names alone, sorted; equal files give equal bytes."""
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
    if not (member.isreg() or member.isdir()):
        raise InputConfigurationError(f"{UNTAR_FAILED}: {member.name} is neither a file nor a folder")


def _too_big(max_bytes: int) -> InputConfigurationError:
    return InputConfigurationError(f"{UNTAR_FAILED}: it unpacks to more than {max_bytes} bytes")
