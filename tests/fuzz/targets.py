"""What the fuzzer calls, and tests with every seed: each takes any bytes and raises only when a promise is broken."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from neo_compiler import input_config
from neo_compiler.errors import CompileError, InputConfigurationError
from neo_compiler.storage.archive import UNTAR_FAILED, unpack
from neo_targets import options
from neo_targets.errors import TargetError

MAX_BYTES, MAX_FILES = 1 << 20, 50
MAX_REASON_BYTES = 4096


def archive(data: bytes) -> None:
    """A model archive: unpacked inside its folder within its limits, or refused in words."""
    root = Path(tempfile.mkdtemp(prefix="neo-fuzz-"))
    try:
        folder = root / "a/out"
        folder.mkdir(parents=True)
        (root / "model.tar.gz").write_bytes(data)
        try:
            files = unpack(root / "model.tar.gz", folder, MAX_BYTES, MAX_FILES)
        except InputConfigurationError as error:
            assert str(error).startswith(UNTAR_FAILED)
            _check(error)
            files = []
        assert sorted(path.name for path in root.iterdir()) == ["a", "model.tar.gz"]
        assert [path.name for path in (root / "a").iterdir()] == ["out"]
        found = list(folder.rglob("*"))
        assert all(path.is_dir() or path.is_file() for path in found)
        assert not any(path.is_symlink() for path in found)
        assert sum(path.stat().st_size for path in found if path.is_file()) <= MAX_BYTES
        assert all(path.is_file() and path.resolve().is_relative_to(folder.resolve()) for path in files)
    finally:
        shutil.rmtree(root)


def data_input_config(data: bytes) -> None:
    """DataInputConfig: shapes of legal sizes, or refused in words."""
    try:
        shapes = input_config.parse(data.decode(errors="surrogateescape"))
    except InputConfigurationError as error:
        assert "DataInputConfig" in str(error)
        _check(error)
        return
    for shape in shapes.values() if isinstance(shapes, dict) else shapes:
        assert len(shape) <= input_config.MAX_RANK
        assert all(type(size) is int and -1 <= size <= input_config.MAX_DIMENSION and size != 0 for size in shape)


def compiler_options(data: bytes) -> None:
    """CompilerOptions: known keys, or refused in words."""
    try:
        parsed = options.parse(data.decode(errors="surrogateescape"))
    except TargetError as error:
        assert "CompilerOptions" in str(error)
        return
    assert isinstance(parsed, str) or parsed.keys() <= {option.name for option in options.OPTIONS}


def _check(error: CompileError) -> None:
    assert 0 < len(error.reason.encode()) <= MAX_REASON_BYTES


TARGETS: dict[str, Callable[[bytes], None]] = {
    "archive": archive,
    "data_input_config": data_input_config,
    "compiler_options": compiler_options,
}
