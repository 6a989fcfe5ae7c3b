import gzip
import io
import tarfile
from pathlib import Path

import pytest

from neo_compiler.errors import InputConfigurationError
from neo_compiler.storage.archive import UNTAR_FAILED, pack, unpack

MIB = 1 << 20


def write(path: Path, *members: tarfile.TarInfo | tuple[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                tar.addfile(info, io.BytesIO(member[1]))
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def refuse(archive: Path, folder: Path, max_bytes: int = MIB, max_files: int = 10) -> str:
    with pytest.raises(InputConfigurationError) as error:
        unpack(archive, folder, max_bytes, max_files)
    assert str(error.value).startswith(UNTAR_FAILED)
    return str(error.value)


def test_unpack_gives_the_files_sorted(tmp_path: Path) -> None:
    archive = write(tmp_path / "a", special("sub", tarfile.DIRTYPE), ("sub/b.onnx", b"22"), ("a.txt", b"1"))
    files = unpack(archive, tmp_path / "out", MIB, 10)
    assert files == [tmp_path / "out/a.txt", tmp_path / "out/sub/b.onnx"]
    assert files[1].read_bytes() == b"22"


def test_absolute_names_land_inside(tmp_path: Path) -> None:
    archive = write(tmp_path / "a", ("/etc/model.onnx", b"1"))
    assert unpack(archive, tmp_path / "out", MIB, 10) == [tmp_path / "out/etc/model.onnx"]


@pytest.mark.parametrize(
    "member",
    [
        ("../evil", b"1"),
        special("link", tarfile.SYMTYPE, "/etc/passwd"),
        special("link", tarfile.LNKTYPE, "/etc/passwd"),
        special("pipe", tarfile.FIFOTYPE),
        special("device", tarfile.CHRTYPE),
    ],
    ids=["parent", "symlink", "hard link", "fifo", "device"],
)
def test_dangerous_members_are_refused(member: tarfile.TarInfo | tuple[str, bytes], tmp_path: Path) -> None:
    refuse(write(tmp_path / "a", member), tmp_path / "out")
    assert not (tmp_path / "evil").exists()


def test_too_many_members(tmp_path: Path) -> None:
    archive = write(tmp_path / "a", *((str(i), b"") for i in range(11)))
    assert "more than 10 members" in refuse(archive, tmp_path / "out")


def test_too_many_declared_bytes(tmp_path: Path) -> None:
    info = tarfile.TarInfo("big")
    info.size = 1 << 40
    (tmp_path / "a").write_bytes(gzip.compress(info.tobuf()))
    assert f"unpacks to more than {MIB} bytes" in refuse(tmp_path / "a", tmp_path / "out")


def test_too_many_real_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        for number in range(10):
            info = tarfile.TarInfo(str(number))
            info.size, info.pax_headers = MIB // 10, {"comment": "c" * 10_000}
            tar.addfile(info, io.BytesIO(bytes(MIB // 10)))
    assert f"unpacks to more than {MIB}" in refuse(path, tmp_path / "out")


def test_large_headers(tmp_path: Path) -> None:
    name = special("x", tarfile.GNUTYPE_LONGNAME)  # tarfile reads a long name whole, before any member shows its size
    name.size = 64 * MIB
    (tmp_path / "a").write_bytes(gzip.compress(name.tobuf() + bytes(64 * MIB), 1))
    assert "a header is larger than 16384 bytes" in refuse(tmp_path / "a", tmp_path / "out")
    long = ("d" * 100 + "/") * 30 + "model.onnx"
    (file,) = unpack(write(tmp_path / "b", (long, b"1" * 50_000)), tmp_path / "out", MIB, 10)
    assert file == tmp_path / "out" / long


@pytest.mark.parametrize(
    "data",
    [b"", b"PK\x03\x04 a zip", gzip.compress(b"not a tar" * 100), gzip.compress(b"")],
    ids=["empty", "zip", "gzip of text", "gzip of nothing"],
)
def test_what_is_no_tar_gz(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(data)
    refuse(tmp_path / "a", tmp_path / "out")


def test_cut_short(tmp_path: Path) -> None:
    path = write(tmp_path / "a", ("a", bytes(range(256)) * 1000))
    path.write_bytes(path.read_bytes()[:-200])
    refuse(path, tmp_path / "out")


def test_pack_is_deterministic(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        for name in ("b", "a"):
            (tmp_path / folder / name).write_bytes(name.encode() * 5000)
    pack([tmp_path / "one/b", tmp_path / "one/a"], tmp_path / "first.tar.gz")
    pack([tmp_path / "two/a", tmp_path / "two/b"], tmp_path / "elsewhere.tar.gz")
    assert (tmp_path / "first.tar.gz").read_bytes() == (tmp_path / "elsewhere.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "first.tar.gz") as tar:
        assert [(m.name, m.mtime, m.uid, m.gid, m.uname) for m in tar] == [("a", 0, 0, 0, ""), ("b", 0, 0, 0, "")]


def test_pack_then_unpack(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"data")
    pack([tmp_path / "a"], tmp_path / "x.tar.gz")
    (file,) = unpack(tmp_path / "x.tar.gz", tmp_path / "out", MIB, 10)
    assert file.read_bytes() == b"data"
