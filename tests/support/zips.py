"""Zip files that parsers read differently, made byte by byte."""

import random
import struct
import zlib
from dataclasses import dataclass, field, replace

LOCAL, CENTRAL, END = struct.Struct("<4s5H3L2H"), struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s4H2LH")


@dataclass(frozen=True)
class Entry:
    """A member: `name` in the central directory, `local` in its own header (the same unless given)."""

    name: bytes
    data: bytes
    local: bytes | None = None
    deflate: bool = False
    flags: int = 0
    sizes: tuple[int, int, int] | None = None  # CRC, packed and unpacked size in the local header
    unlisted: bool = False  # not in the central directory


@dataclass(frozen=True)
class Zip:
    """A whole file; `order` of the central directory, `before` and `behind` are bytes around the zip."""

    entries: tuple[Entry, ...]
    order: tuple[int, ...] | None = None
    before: bytes = b""
    behind: bytes = b""
    comment: bytes = b""
    count: int | None = None
    places: dict[int, int] = field(default_factory=dict)  # the member whose data another entry claims

    def __bytes__(self) -> bytes:
        out, rows = bytearray(self.before), []
        for entry in self.entries:
            packed = _deflated(entry.data) if entry.deflate else entry.data
            sizes = (zlib.crc32(entry.data), len(packed), len(entry.data))
            name = entry.name if entry.local is None else entry.local
            method = 8 if entry.deflate else 0
            rows.append((entry, len(out), method, sizes))
            out += LOCAL.pack(b"PK\x03\x04", 20, entry.flags, method, 0, 0x21, *(entry.sizes or sizes), len(name), 0)
            out += name + packed
        start, listed = len(out), 0
        for index in self.order or range(len(rows)):
            entry, _, method, sizes = rows[index]
            if entry.unlisted:
                continue
            place = rows[self.places.get(index, index)][1]
            out += CENTRAL.pack(
                *(b"PK\x01\x02", 20, 20, entry.flags, method, 0, 0x21, *sizes, len(entry.name), 0, 0, 0, 0, 0, place)
            )
            out += entry.name
            listed += 1
        count = listed if self.count is None else self.count
        out += END.pack(b"PK\x05\x06", 0, 0, count, count, len(out) - start, start, len(self.comment)) + self.comment
        return bytes(out + self.behind)


def _deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def plain(entries: dict[str, bytes]) -> Zip:
    """A zip that every parser reads alike."""
    return Zip(tuple(Entry(name.encode(), data) for name, data in entries.items()))


def differential(base: Zip, source: random.Random) -> Zip:
    """`base` with one to three of the differences that were ever found between parsers."""
    made = base
    for _ in range(source.randint(1, 3)):
        made = source.choice(MUTATIONS)(made, source)
    return made


def _changed(made: Zip, source: random.Random, **values: object) -> Zip:
    index = source.randrange(len(made.entries))
    entries = list(made.entries)
    entries[index] = replace(entries[index], **values)  # type: ignore[arg-type]
    return replace(made, entries=tuple(entries))


def _some(made: Zip, source: random.Random) -> Entry:
    return source.choice(made.entries)


def _case(name: bytes, source: random.Random) -> bytes:
    return bytes(source.choice((each, ord(chr(each).swapcase()))) if each < 128 else each for each in name)


def _twice(made: Zip, source: random.Random) -> Zip:
    name = _some(made, source).name
    where = source.randint(0, len(made.entries))
    changes = (name, name.swapcase(), name + b"/", name + b"\0x", b"./" + name, name.replace(b"/", b"\\"))
    added = Entry(source.choice(changes), b"another", deflate=source.random() < 0.5)
    return replace(made, entries=(*made.entries[:where], added, *made.entries[where:]), order=None, places={})


def _names(made: Zip, source: random.Random) -> Zip:
    name = _some(made, source).name
    other = source.choice(
        (_case(name, source), name + b"\xe9", name + b"\xc3\xa9", b"/" + name, b"../" + name, b"a:" + name)
    )
    return _changed(made, source, name=other, flags=source.choice((0, 1 << 11)))


def _headers(made: Zip, source: random.Random) -> Zip:
    name = _some(made, source).name
    return source.choice(
        (
            lambda: _changed(made, source, local=_case(name, source)),
            lambda: _changed(made, source, local=source.choice((b"x", b"", name + b"\0"))),
            lambda: _changed(
                made, source, sizes=(source.randrange(1 << 32), source.randrange(99), source.randrange(99))
            ),
            lambda: _changed(made, source, sizes=(0, 0, 0)),
            lambda: _changed(made, source, sizes=(0, 0, 0), flags=1 << 3),
            lambda: _changed(made, source, flags=source.choice((1, 1 << 5, 1 << 6, 1 << 13))),
            lambda: _changed(made, source, unlisted=True),
        )
    )()


def _layout(made: Zip, source: random.Random) -> Zip:
    total = len(made.entries)
    order = list(range(total))
    source.shuffle(order)
    return source.choice(
        (
            lambda: replace(made, order=tuple(order)),
            lambda: replace(made, before=source.choice((b"#!", bytes(plain({"a/data.pkl": b"x"}))))),
            lambda: replace(made, behind=source.choice((b"\n", bytes(plain({"a/data.pkl": b"x"}))))),
            lambda: replace(made, comment=source.choice((b"c", bytes(plain({"a/data.pkl": b"x"}))))),
            lambda: replace(made, count=source.choice((0, total - 1, total + 1))),
            lambda: replace(made, places={source.randrange(total): source.randrange(total)}),
        )
    )()


MUTATIONS = (_twice, _names, _headers, _layout)
