"""Which zip files are read, and which are refused because parsers read them differently."""

import io
import zipfile
from pathlib import Path

import pytest
from fuzz import zips as fuzz_zips
from support.zips import Entry, Zip, plain

from neo_compiler.storage.zip_members import AmbiguousZip, members

GOOD = {"m/data.pkl": b"pickle", "m/code/a.py": b"code" * 99}
ONE = Entry(b"m/a", b"first")
REFUSED = {
    "two members of one name": (Zip((ONE, Entry(b"m/a", b"second"))), "are one to some readers"),
    "names that differ in case": (Zip((ONE, Entry(b"m/A", b"second"))), "are one to some readers"),
    "a folder of the same name": (Zip((ONE, Entry(b"m/a/", b""))), "are one to some readers"),
    "names alike in Unicode": (
        Zip((Entry("m/é".encode(), b"1", flags=1 << 11), Entry("m/é".encode(), b"2", flags=1 << 11))),
        "are one to some readers",
    ),
    "another name in its own header": (Zip((Entry(b"m/a", b"x", local=b"m/b"),)), "another member by its own header"),
    "another case in its own header": (Zip((Entry(b"m/a", b"x", local=b"m/A"),)), "another member by its own header"),
    "other sizes in its own header": (Zip((Entry(b"m/a", b"x", sizes=(1, 2, 3)),)), "another size"),
    "no sizes, and none behind": (Zip((Entry(b"m/a", b"x", sizes=(0, 0, 0)),)), "another size"),
    "encrypted": (Zip((Entry(b"m/a", b"x", flags=1),)), "encrypted"),
    "no encoding": (Zip((Entry(b"m/\xe9", b"x"),)), "no known encoding"),
    "a NUL": (Zip((Entry(b"m/a\0.py", b"x"),)), "another file"),
    "a backslash": (Zip((Entry(b"m\\a", b"x"),)), "another file"),
    "up": (Zip((Entry(b"m/../a", b"x"),)), "another file"),
    "here": (Zip((Entry(b"m/./a", b"x"),)), "another file"),
    "absolute": (Zip((Entry(b"/m/a", b"x"),)), "another file"),
    "a folder with contents": (Zip((ONE, Entry(b"m/b/", b"x"))), "a folder with contents"),
    "a member that is not listed": (Zip((ONE, Entry(b"m/b", b"x", unlisted=True))), "between the members"),
    "data before it": (Zip((ONE,), before=b"#!"), "other data come before it"),
    "data behind it": (Zip((ONE,), behind=bytes(plain({"m/b": b"x"}))[:40]), "directory|no zip file"),
    "another zip before it": (Zip((ONE,), before=bytes(plain({"m/b": b"x"}))), "other data come before it"),
    "a comment": (Zip((ONE,), comment=b"c"), "comment"),
    "members on one place": (Zip((ONE, Entry(b"m/b", b"first")), places={1: 0}), "overlaps|own header"),
    "too many counted": (Zip((ONE,), count=7), "counts other members|no zip file"),
}


def test_what_every_parser_reads_alike(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(bytes(plain(GOOD)))
    assert {member.name: member.size for member in members(path)} == {name: len(data) for name, data in GOOD.items()}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("stream", [False, True], ids=["file", "stream"])
def test_zips_of_python_are_read(method: int, stream: bool, tmp_path: Path) -> None:
    class Unseekable(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation

        tell = seek  # type: ignore[assignment]

    raw = Unseekable() if stream else io.BytesIO()
    with zipfile.ZipFile(raw, "w", method) as archive:
        archive.mkdir("m") if hasattr(archive, "mkdir") else None
        for name, data in GOOD.items():
            archive.writestr(name, data)
        archive.writestr("m/größe", b"x")
    (tmp_path / "a.zip").write_bytes(raw.getvalue())
    assert [member.name for member in members(tmp_path / "a.zip")] == [*GOOD, "m/größe"]


@pytest.mark.parametrize("name", REFUSED)
def test_what_parsers_read_differently_is_refused(name: str, tmp_path: Path) -> None:
    made, words = REFUSED[name]
    (tmp_path / "a.zip").write_bytes(bytes(made))
    with pytest.raises(AmbiguousZip, match=words):
        members(tmp_path / "a.zip")


def test_no_zip(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 99)
    with pytest.raises(AmbiguousZip, match="no zip file"):
        members(tmp_path / "a")


def test_made_differences_are_read_alike_or_refused() -> None:
    pytest.importorskip("torch")
    accepted = fuzz_zips.main(400, seed=1)
    assert 0 < accepted < 200
