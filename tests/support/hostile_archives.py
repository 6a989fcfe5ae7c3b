"""Archives that nobody should unpack, made by code. Each case: bytes of a file that a user uploads as model.tar.gz."""

import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import PurePosixPath

KIB, MIB = 1 << 10, 1 << 20
MAX_BYTES, MAX_FILES = 4 * MIB, 100
"""The limits that the cases are made for."""


def info(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, link, size
    return made


def tar(*members: tarfile.TarInfo | tuple[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    """A plain tar of headers alone, or of (name, content)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                archive.addfile(info(member[0], size=len(member[1])), io.BytesIO(member[1]))
    return out.getvalue()


def gz(data: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0)


def packed(*members: tarfile.TarInfo | tuple[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    return gz(tar(*members, form=form))


def header(
    name: str = "x", kind: bytes = tarfile.REGTYPE, size: bytes = b"00000000000", magic: bytes = b"ustar\x0000"
) -> bytes:
    """One header block with a raw size field and a right checksum."""
    block = bytearray(512)
    block[:100] = name.encode().ljust(100, b"\0")[:100]
    block[100:108] = b"0000644\0"
    block[108:116] = block[116:124] = b"0000000\0"
    block[124:136] = size.ljust(12, b"\0")[:12]
    block[136:148] = b"00000000000\0"
    block[156:157] = kind
    block[257:265] = magic
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def octal(size: int) -> bytes:
    return b"%011o\0" % size


def pax(records: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    return header("pax", kind, octal(len(records))) + records + bytes(-len(records) % 512)


def record(key: str, value: str) -> bytes:
    text = f" {key}={value}\n".encode()
    length = len(text) + 1
    while len(str(length)) + len(text) != length:
        length += 1
    return str(length).encode() + text


def zip_of(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def nested_gzip(levels: int) -> bytes:
    data = bytes(MIB)
    for _ in range(levels):
        data = gz(data)
    return data


def truncated(part: float) -> bytes:
    whole = packed(("model.onnx", os.urandom(100 * KIB)))
    return whole[: int(len(whole) * part)]


def flipped() -> bytes:
    whole = bytearray(packed(("model.onnx", bytes(range(256)) * 400)))
    whole[len(whole) // 2] ^= 0xFF
    return bytes(whole)


def wrong_checksum() -> bytes:
    block = bytearray(header("model.onnx"))
    block[148:156] = b"0000001\0"
    return gz(bytes(block) + bytes(1024))


END = bytes(1024)
NEGATIVE = b"\xff" * 11 + b"\x00"  # base 256, as GNU tar writes what has no room

REFUSED: dict[str, Callable[[], bytes]] = {
    # paths
    "parent": lambda: packed(("../evil", b"1")),
    "far parent": lambda: packed(("../" * 40 + "etc/evil", b"1")),
    "parent behind a folder": lambda: packed(("a/b/../../../evil", b"1")),
    "folder above": lambda: packed(info("../evil", tarfile.DIRTYPE)),
    "parent in a pax path": lambda: gz(pax(record("path", "../evil")) + header("fine") + END),
    "parent in a gnu long name": lambda: packed(("../" + "e" * 200, b"1"), form=tarfile.GNU_FORMAT),
    "name too long for a file": lambda: packed(("n" * 300, b"1")),
    "path too long": lambda: packed(("/".join(["d" * 200] * 40), b"1")),
    "path too deep": lambda: packed(("d/" * 2000 + "x", b"1")),
    "nul in a pax path": lambda: gz(pax(record("path", "a\0b")) + header("fine") + END),
    "file as a folder": lambda: packed(("a", b"1"), ("a/b", b"2")),
    "folder as a file": lambda: packed(info("a/b", tarfile.DIRTYPE), ("a", b"1")),
    # what is no file
    "symlink": lambda: packed(info("link", tarfile.SYMTYPE, "/etc/passwd")),
    "symlink inside": lambda: packed(("a", b"1"), info("link", tarfile.SYMTYPE, "a")),
    "file through a symlink": lambda: packed(info("link", tarfile.SYMTYPE, ".."), ("link/evil", b"1")),
    "hard link": lambda: packed(info("link", tarfile.LNKTYPE, "/etc/passwd")),
    "hard link inside": lambda: packed(("a", b"1"), info("link", tarfile.LNKTYPE, "a")),
    "fifo": lambda: packed(info("pipe", tarfile.FIFOTYPE)),
    "character device": lambda: packed(info("null", tarfile.CHRTYPE)),
    "block device": lambda: packed(info("sda", tarfile.BLKTYPE)),
    # bombs
    "declared size": lambda: gz(header(size=octal(1 << 32)) + END),
    "declared sum": lambda: packed(*((f"f{i}", bytes(MIB)) for i in range(5))),
    "real size": lambda: packed(("zeros", bytes(64 * MIB))),
    "huge base-256 size": lambda: gz(header(size=b"\x80" + b"\x7f" * 11) + END),
    "negative size": lambda: gz(header(size=NEGATIVE) + header("y") + END),
    "negative pax size": lambda: gz(pax(record("size", "-1024")) + header() + END),
    "huge pax size": lambda: gz(pax(record("size", "9" * 30)) + header() + END),
    "sparse": lambda: gz(
        pax(record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0") + record("GNU.sparse.realsize", "9" * 15))
        + header(size=octal(512))
        + b"1\n0\n1\n".ljust(512, b"\0")
        + END
    ),
    "long name of 64 MiB": lambda: gz(header(kind=tarfile.GNUTYPE_LONGNAME, size=octal(64 * MIB)) + bytes(64 * MIB)),
    "long name of 3 MiB": lambda: gz(header(kind=tarfile.GNUTYPE_LONGNAME, size=octal(3 * MIB)) + b"a" * (3 * MIB)),
    "pax header of 3 MiB": lambda: gz(pax(record("comment", "c" * (3 * MIB))) + header() + END),
    "pax header of digits": lambda: gz(pax(b"9" * (512 * KIB)) + header() + END),
    "endless pax headers": lambda: gz(pax(record("a", "b")) * 5000 + header() + END),
    "endless global headers": lambda: gz(pax(record("a", "b"), tarfile.XGLTYPE) * 5000 + header() + END),
    "endless long names": lambda: gz((header(kind=b"L", size=octal(2)) + b"a\0".ljust(512, b"\0")) * 5000 + END),
    "very many members": lambda: gz(header("f") * 200_000 + END),
    "very many folders": lambda: gz(b"".join(header(f"d{i}", tarfile.DIRTYPE) for i in range(500)) + END),
    # broken and mixed
    "empty": lambda: b"",
    "one byte": lambda: b"\x1f",
    "gzip header alone": lambda: gz(b"")[:10],
    "gzip of nothing": lambda: gz(b""),
    "gzip of text": lambda: gz(b"#!/bin/sh\nrm -rf /\n" * 100),
    "gzip in gzip in gzip": lambda: nested_gzip(3),
    "plain tar": lambda: tar(("model.onnx", b"1")),
    "zip": lambda: zip_of("model.onnx", b"1"),
    "tar in a zip": lambda: zip_of("model.tar.gz", packed(("model.onnx", b"1"))),
    "zip behind a gzip header": lambda: b"\x1f\x8b\x08" + zip_of("model.onnx", b"1"),
    "shell script": lambda: b"#!/bin/sh\ntouch evil\n",
    "elf": lambda: b"\x7fELF" + bytes(1000),
    "pickle": lambda: b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0atouch evil\x85R.",
    "cut at half": lambda: truncated(0.5),
    "cut at the end": lambda: truncated(0.98),
    "cut in the first block": lambda: gz(tar(("model.onnx", b"1"))[:300]),
    "content cut short": lambda: gz(header("model.onnx", size=octal(1000)) + b"only this"),
    "flipped bit": flipped,
    "bytes behind the end": lambda: packed(("a", b"1")) + os.urandom(1000),
    "zip behind the end": lambda: packed(("a", b"1")) + zip_of("../evil", b"1"),
    "wrong checksum": wrong_checksum,
    "size is no number": lambda: gz(header(size=b"zzzzzzzzzzz") + END),
    "name is no text": lambda: gz(
        pax(record("path", "../\udcff\udcfe".encode("utf-8", "surrogateescape").decode("latin-1"))) + header() + END
    ),
}

HARMLESS: dict[str, tuple[Callable[[], bytes], list[str]]] = {
    "absolute path": (lambda: packed(("/etc/evil", b"1")), ["etc/evil"]),
    "many slashes": (lambda: packed(("//etc//evil", b"1")), ["etc/evil"]),
    "dots": (lambda: packed(("./a/./b", b"1")), ["a/b"]),
    "the same name twice": (lambda: packed(("a", b"1"), ("a", b"2")), ["a"]),
    "setuid": (lambda: packed(_setuid()), ["s"]),
    "two gzip streams": (lambda: packed(("a", b"1")) + packed(("../evil", b"1")), ["a"]),
    "backslashes": (lambda: packed(("..\\evil", b"1")), ["..\\evil"]),
    "pickles": (lambda: packed(("model.pkl", REFUSED["pickle"]()), ("m.pt", b"\x80\x02.")), ["m.pt", "model.pkl"]),
    "a name that is no UTF-8": (lambda: gz(_latin() + END), ["\udce9.onnx"]),
}
"""These are unpacked, into the folder and nowhere else."""


def _setuid() -> tarfile.TarInfo:
    made = info("s")
    made.mode, made.uid, made.uname = 0o6777, 0, "root"
    return made


def _latin() -> bytes:
    block = bytearray(header("?.onnx"))
    block[0] = 0xE9
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def inside(path: PurePosixPath, folder: PurePosixPath) -> bool:
    return path.is_relative_to(folder) and ".." not in path.relative_to(folder).parts
