import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from neo_targets import elf
from neo_targets.registry import DEVICES
from neo_targets.runtime import RUNTIMES, SOURCES, built_from, source_hash
from neo_targets.runtime.build import build, command
from neo_targets.spec import ARCHITECTURES

ZIG = "0.17.1"
"""The zig that prebuilt/ was made with."""


@pytest.mark.parametrize("name", sorted(RUNTIMES))
def test_prebuilt_is_of_these_sources(name: str) -> None:
    """Fails after a change in src/ without `python -m neo_targets.runtime.build`."""
    assert built_from(RUNTIMES[name].path.read_bytes()) == source_hash()


@pytest.mark.parametrize("arch", sorted(ARCHITECTURES))
def test_prebuilt_is_for_the_machine(arch: str) -> None:
    row = ARCHITECTURES[arch]
    data = RUNTIMES[row.runtime].path.read_bytes()
    head = elf.header(data)
    assert (head.elf_class, head.machine, head.float_abi) == (row.elf_class, row.elf_machine, row.float_abi)
    assert not {
        name for name in elf.needed(data) if not name.startswith(("libc.", "libpthread.", "libdl.", "ld-linux"))
    }


@pytest.mark.skipif(importlib.metadata.version("ziglang") != ZIG, reason=f"the bytes are those of zig {ZIG}")
def test_a_build_gives_the_same_bytes(tmp_path: Path) -> None:
    build(RUNTIMES["x86_64-linux"], tmp_path / "libdlr.so")
    assert (tmp_path / "libdlr.so").read_bytes() == RUNTIMES["x86_64-linux"].path.read_bytes()


def test_no_runtime_names_nothing() -> None:
    assert built_from(b"") == ""


def test_sources_stay_small() -> None:
    assert max(len(path.read_text().splitlines()) for path in SOURCES.iterdir()) < 300


def test_warnings_are_errors(tmp_path: Path) -> None:
    argv = command(RUNTIMES["x86_64-linux"], tmp_path / "out.so")
    (tmp_path / "bad.c").write_text("static int unused(void) { return 0; }\n")
    bad = [item for item in argv if not item.endswith(".c")]
    done = subprocess.run([*bad, str(tmp_path / "bad.c")], capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "unused" in done.stderr


def test_every_device_has_one() -> None:
    assert all(row.runtime.path.is_file() for row in DEVICES.values())
    assert sys.executable in command(RUNTIMES["armel-linux"], Path("x"))
