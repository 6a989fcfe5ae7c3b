import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from neo_targets.architectures import ARCHITECTURES
from neo_targets.binary import elf
from neo_targets.registry import DEVICES
from neo_targets.runtime import RUNTIMES, SOURCES, built_from, source_hash
from neo_targets.runtime.android import API_LEVEL, BIONIC
from neo_targets.runtime.build import build, command

ZIG = "0.17.1"
"""The zig that prebuilt/ was made with."""


@pytest.mark.parametrize("name", sorted(RUNTIMES))
def test_prebuilt_is_of_these_sources(name: str) -> None:
    """Fails after a change in src/ without `python -m neo_targets.runtime.build`."""
    assert built_from(RUNTIMES[name].path.read_bytes()) == source_hash()


@pytest.mark.parametrize(
    "arch", [arch for arch in sorted(ARCHITECTURES) if ARCHITECTURES[arch].elf_class], ids="-".join
)
def test_prebuilt_is_for_the_machine(arch: tuple[str, str]) -> None:
    row = ARCHITECTURES[arch]
    data = RUNTIMES[row.runtime].path.read_bytes()
    head = elf.header(data)
    assert (head.elf_class, head.machine, head.float_abi) == (row.elf_class, row.elf_machine, row.float_abi)
    assert not {
        name for name in elf.needed(data) if not name.startswith(("libc.", "libpthread.", "libdl.", "ld-linux"))
    }


@pytest.mark.timeout(900)
@pytest.mark.skipif(importlib.metadata.version("ziglang") != ZIG, reason=f"the bytes are those of zig {ZIG}")
@pytest.mark.parametrize("name", sorted(RUNTIMES))
def test_a_build_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    if name.endswith("-windows") and not os.environ.get("TEST_LIBDLR"):
        pytest.skip("zig builds the Windows C library first, for minutes: make test-libdlr and CI do it")
    build(RUNTIMES[name], tmp_path / RUNTIMES[name].path.name)
    assert (tmp_path / RUNTIMES[name].path.name).read_bytes() == RUNTIMES[name].path.read_bytes()


@pytest.mark.parametrize("name", [name for name in sorted(RUNTIMES) if name.endswith("-android")])
def test_android_builds_ask_for_what_is_declared_and_no_more(name: str) -> None:
    with RUNTIMES[name].path.open("rb") as file:
        symbols = ELFFile(file).get_section_by_name(".dynsym").iter_symbols()
        asked = {symbol.name for symbol in symbols if symbol["st_shndx"] == "SHN_UNDEF" and symbol.name}
    words = set(re.findall(r"\w+", (BIONIC / "bionic.h").read_text()))
    assert asked and asked <= words
    assert elf.android_api_level(RUNTIMES[name].path.read_bytes()) == API_LEVEL


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
    assert all(row.runtime.path.is_file() for row in DEVICES.values() if not row.coreml)
    assert sys.executable in command(RUNTIMES["armel-linux"], Path("x"))
