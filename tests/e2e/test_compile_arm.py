"""Arm: libraries for every board. Whole models run under qemu-user in tests/runtime/test_machines.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e.compiling import compile_case
from e2e.models import CASES

from neo_targets.binary import elf
from neo_targets.registry import DEVICES

ARM = sorted(name for name, row in DEVICES.items() if row.arch.startswith("ARM") and not (row.device or row.family))


@pytest.mark.parametrize("device", ARM)
def test_elf_is_for_the_board(device: str, tmp_path: Path) -> None:
    work = compile_case(CASES["conv"](), device, tmp_path)
    assert work.library is not None
    data = work.library.read_bytes()
    head, arch = elf.header(data), work.spec.host.arch
    assert (head.elf_class, head.machine, head.float_abi) == (arch.elf_class, arch.elf_machine, arch.float_abi)
    assert tuple(elf.needed(data)) == arch.needed


@pytest.mark.parametrize("device", ["ml_m6g", "rasp3b"])
def test_real_model_compiles(device: str, tmp_path: Path) -> None:
    work = compile_case(CASES["magika"](), device, tmp_path)
    assert work.archive.stat().st_size > 1_000_000
