"""Files as records, records as requests."""

import io
import struct

import pytest

from neo_workers.transform.records import RECORDIO_MAGIC, InputDataError, batches, split

MOST = 100


def payloads(data: bytes, kind: str, most: int = MOST) -> list[bytes]:
    return [record.payload for record in split(io.BytesIO(data), kind, most)]


def tfrecord(data: bytes) -> bytes:
    return struct.pack("<Q", len(data)) + b"crc1" + data + b"crc2"


def recordio(data: bytes) -> bytes:
    return struct.pack("<II", RECORDIO_MAGIC, len(data)) + data + b"\0" * (-len(data) % 4)


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("None", b"a\nb\n", [b"a\nb\n"]),
        ("None", b"", [b""]),
        ("Line", b"a\r\nb\n\n  \nc", [b"a", b"b", b"c"]),
        ("Line", b"", []),
        ("TFRecord", tfrecord(b"one") + tfrecord(b""), [b"one", b""]),
        ("RecordIO", recordio(b"one") + recordio(b"four"), [b"one", b"four"]),
    ],
)
def test_a_file_is_split(kind: str, data: bytes, expected: list[bytes]) -> None:
    assert payloads(data, kind) == expected


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("None", b"x" * (MOST + 1), "Too much data for max payload size"),
        ("Line", b"a\n" + b"x" * (MOST + 1), "Too much data for max payload size"),
        ("TFRecord", tfrecord(b"x" * MOST), "Too much data for max payload size"),
        ("TFRecord", tfrecord(b"one")[:-1], "ends within a record"),
        ("TFRecord", b"short", "not in TFRecord format"),
        ("RecordIO", tfrecord(b"one"), "not in RecordIO format"),
        ("RecordIO", struct.pack("<II", RECORDIO_MAGIC, 1 << 29 | 3) + b"one\0", "several parts"),
    ],
)
def test_what_cannot_be_split(kind: str, data: bytes, said: str) -> None:
    with pytest.raises(InputDataError, match=said):
        payloads(data, kind)


def test_a_line_as_large_as_allowed() -> None:
    assert payloads(b"x" * MOST + b"\r\n", "Line") == [b"x" * MOST]


@pytest.mark.parametrize(
    ("single", "most", "expected"),
    [(False, 5, [b"aa\nbb", b"cc"]), (False, 4, [b"aa", b"bb", b"cc"]), (True, 99, [b"aa", b"bb", b"cc"])],
)
def test_records_are_sent_in_groups(single: bool, most: int, expected: list[bytes]) -> None:
    groups = batches(split(io.BytesIO(b"aa\nbb\ncc\n"), "Line", MOST), single, most, b"\n")
    assert [b"\n".join(record.framed for record in group) for group in groups] == expected
