import struct
import subprocess
from pathlib import Path

import pytest

from neo_targets.architectures import ARCHITECTURES, ARM64, ARM_EABIHF, Architecture
from neo_targets.binary import elf
from neo_targets.toolchains import stub_command

ELF = [arch for arch in ARCHITECTURES.values() if arch.elf_class]


def fake(machine: int, flags: int, wide: bool = True, os_abi: int = 0) -> bytes:
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1, 1, os_abi]) + bytes(8)
    rest = struct.pack("<HHIQQQI6H" if wide else "<HHIIIII6H", 3, machine, 1, 0, 0, 0, flags, 64, 0, 0, 0, 0, 0)
    return ident + rest


@pytest.mark.parametrize("flags, abi", [(0x5000400, "hard"), (0x5000200, "soft"), (0x5000000, "")])
def test_float_abi(flags: int, abi: str) -> None:
    assert elf.header(fake(elf.EM_ARM, flags, wide=False)).float_abi == abi


def test_float_abi_is_a_matter_of_arm_alone() -> None:
    assert elf.header(fake(183, 0x400)).float_abi == ""


@pytest.mark.parametrize("flags, sm", [(0x250525, 37), (0x480548, 72), (0x4B054B, 75)])
def test_cubin_architecture(flags: int, sm: int) -> None:
    assert elf.header(fake(elf.EM_CUDA, flags)).sm == sm
    assert elf.header(fake(62, flags)).sm == 0


def test_cubin_architecture_since_sm_100() -> None:
    assert elf.header(fake(elf.EM_CUDA, 0x6006402, os_abi=0x41)).sm == 100
    assert elf.header(fake(elf.EM_CUDA, 0x6007902, os_abi=0x41)).sm == 121


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"MZ" + bytes(80), fake(62, 0)[:60], b"\x7fELF\x02\x02" + bytes(80)])
def test_what_is_no_elf(data: bytes) -> None:
    with pytest.raises(elf.ElfError):
        elf.header(data)


def tree(cubin: bytes, size: int | None = None) -> bytes:
    length = len(cubin) if size is None else size
    return b"before" + struct.pack("<Q", 5) + b"cubin" + b"table" + struct.pack("<Q", length) + cubin + b"after"


def test_find_cubin() -> None:
    cubin = fake(elf.EM_CUDA, 75) + b"code"
    assert elf.find_cubin(tree(cubin)) == cubin


@pytest.mark.parametrize(
    "data",
    [b"", b"nothing", tree(b"no elf"), tree(fake(62, 0)), tree(fake(elf.EM_CUDA, 75), size=10_000)],
    ids=["empty", "no marker", "no elf", "another machine", "cut short"],
)
def test_find_cubin_finds_none(data: bytes) -> None:
    assert elf.find_cubin(data) is None


@pytest.mark.parametrize("arch", ELF, ids=lambda arch: f"{arch.os}-{arch.name}")
def test_reads_what_the_linker_writes(arch: Architecture, tmp_path: Path) -> None:
    subprocess.run(stub_command(arch, "libx.so", tmp_path / "stub"), check=True)
    head = elf.header((tmp_path / "stub").read_bytes())
    assert (head.elf_class, head.machine) == (arch.elf_class, arch.elf_machine)
    assert elf.needed((tmp_path / "stub").read_bytes()) == []


def test_architectures_differ() -> None:
    assert ARM64.elf_machine != ARM_EABIHF.elf_machine


def opencl(text: bytes, size: int | None = None) -> bytes:
    payload = b"\x02" + bytes(7) + b"cl" + b"table" + struct.pack("<Q", len(text) if size is None else size) + text
    return b"before\x06" + bytes(7) + b"opencl" + struct.pack("<Q", len(payload)) + payload + b"after"


def test_find_opencl() -> None:
    assert elf.find_opencl(opencl(b"// Function: k\n__kernel void k() {}")).endswith("__kernel void k() {}")


@pytest.mark.parametrize(
    "data", [b"", b"opencl", opencl(b"text"), opencl(b"// Function: k", size=7)], ids=["empty", "word", "text", "size"]
)
def test_find_opencl_finds_none(data: bytes) -> None:
    assert elf.find_opencl(data) == ""


def test_android_api_level() -> None:
    assert elf.android_api_level(b"before" + elf.ANDROID_NOTE + b"\x1d\0\0\0after") == 29
    assert elf.android_api_level(b"before") == 0
