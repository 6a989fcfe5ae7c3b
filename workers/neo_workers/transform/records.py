"""An input file as records, and records as request bodies.

Source: API_TransformInput (SplitType: padding is removed for SingleRecord, not for MultiRecord) and
API_CreateTransformJob (BatchStrategy, MaxPayloadInMB). TFRecord: tensorflow.org/tutorials/load_data/tfrecord; RecordIO:
mxnet.apache.org, "Create a Dataset Using RecordIO". Not documented, chosen: empty lines are no records.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

MEGABYTE = 1 << 20
RECORDIO_MAGIC = 0xCED7230A
_LENGTH_BITS = 29


class InputDataError(ValueError):
    """An input file that cannot be sent to the model; the text says why."""


@dataclass(frozen=True)
class Record:
    """One record of a file."""

    framed: bytes  # with what surrounds it in the file
    payload: bytes


def split(file: BinaryIO, split_type: str, most_bytes: int) -> Iterator[Record]:
    """The file's records. Raises InputDataError for a damaged file and for a record of more than `most_bytes`."""
    return SPLITTERS[split_type](file, most_bytes)


def batches(records: Iterator[Record], single: bool, most_bytes: int, between: bytes) -> Iterator[list[Record]]:
    """Records in groups, each as long as its records, joined with `between`, fit into `most_bytes`."""
    group: list[Record] = []
    size = 0
    for record in records:
        added = len(record.framed) + (len(between) if group else 0)
        if group and (single or size + added > most_bytes):
            yield group
            group, size, added = [], 0, len(record.framed)
        group.append(record)
        size += added
    if group:
        yield group


def _too_large(most_bytes: int) -> InputDataError:
    return InputDataError(f"Too much data for max payload size: a record has more than {most_bytes} bytes")


def _whole(file: BinaryIO, most_bytes: int) -> Iterator[Record]:
    data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise _too_large(most_bytes)
    yield Record(data, data)


def _lines(file: BinaryIO, most_bytes: int) -> Iterator[Record]:
    while line := file.readline(most_bytes + 2):
        line = line.removesuffix(b"\n").removesuffix(b"\r")
        if len(line) > most_bytes:
            raise _too_large(most_bytes)
        if line.strip():
            yield Record(line, line)


def _recordio(file: BinaryIO, most_bytes: int) -> Iterator[Record]:
    """Magic, flag and length in 3 and 29 bits, data, padding to 4 bytes."""
    while head := file.read(8):
        if len(head) < 8 or struct.unpack("<II", head)[0] != RECORDIO_MAGIC:
            raise InputDataError("the file is not in RecordIO format")
        word = struct.unpack("<II", head)[1]
        flag, length = word >> _LENGTH_BITS, word & ((1 << _LENGTH_BITS) - 1)
        if flag:
            raise InputDataError("a RecordIO record in several parts is not supported")
        yield _framed(file, head, length, -length % 4, most_bytes)


def _tfrecord(file: BinaryIO, most_bytes: int) -> Iterator[Record]:
    """Length (64 bits), its masked CRC, data, the data's masked CRC."""
    while head := file.read(12):
        if len(head) < 12:
            raise InputDataError("the file is not in TFRecord format")
        yield _framed(file, head, struct.unpack("<Q", head[:8])[0], 4, most_bytes)


def _framed(file: BinaryIO, head: bytes, length: int, after: int, most_bytes: int) -> Record:
    if length + len(head) + after > most_bytes:
        raise _too_large(most_bytes)
    rest = file.read(length + after)
    if len(rest) < length + after:
        raise InputDataError("the file ends within a record")
    return Record(head + rest, rest[:length])


SPLITTERS: dict[str, Callable[[BinaryIO, int], Iterator[Record]]] = {
    "None": _whole,
    "Line": _lines,
    "RecordIO": _recordio,
    "TFRecord": _tfrecord,
}
"""By SplitType."""
TEXTS = frozenset({"None", "Line"})
"""SplitTypes whose records are text, if the content type is."""
