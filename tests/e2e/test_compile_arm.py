"""Arm: the artifact's own library is loaded under qemu-user and every kernel compared with this host's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from e2e.compiling import compile_case
from e2e.emulation import worst_difference
from e2e.models import CASES

from neo_targets import elf
from neo_targets.registry import DEVICES

MAX_ERROR = 1e-4
ARM = sorted(name for name, row in DEVICES.items() if row.arch.startswith("ARM") and row.device is None)


@pytest.mark.parametrize("model", sorted(CASES))
@pytest.mark.parametrize("device", ["ml_m6g", "rasp3b"])
def test_kernels_compute_the_same(device: str, model: str, harness: Callable[[str], Path], tmp_path: Path) -> None:
    built = harness(DEVICES[device].arch)
    count, error = worst_difference(CASES[model](), device, built, tmp_path)
    print(f"{device} {model}: {count} kernels, largest difference {error:.1e}")
    assert count >= 7
    assert error < MAX_ERROR


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
