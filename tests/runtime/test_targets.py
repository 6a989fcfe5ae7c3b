"""A sample of what `make test-targets` does with every row, and that NEON is used where it is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e.compiling import compile_case
from e2e.models import CASES
from runtime.targets import examine, quad_operations, request

from neo_targets.listing import specs

ROWS = {spec.name: (kind, spec) for kind, spec in specs()}
SAMPLE = {
    "amba_cv2": "conv",
    "ml_inf2": "transformer",
    "LINUX_X86_NNA": "conv",
    "jetson_tx2": "conv",
    "x86_win32": "transformer",
}


@pytest.mark.parametrize("name", sorted(SAMPLE))
def test_sample(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = examine(*ROWS[name], SAMPLE[name], tmp_path, monkeypatch)
    print(name, done)
    assert done.good
    assert done.error is not None or name in ("jetson_tx2", "x86_win32")


def test_every_row_can_be_asked_for() -> None:
    for kind, spec in ROWS.values():
        target, options = request(kind, spec)
        assert (options is not None) == (kind == "TargetPlatform" and spec.accelerator == "NVIDIA")
        assert target == spec.name or isinstance(target, dict)


def test_neon_is_used_where_it_is_asked_for(tmp_path: Path) -> None:
    platform = {"Os": "LINUX", "Arch": "ARM_EABIHF"}
    plain = compile_case(CASES["conv"](), platform, tmp_path / "plain")
    neon = compile_case(CASES["conv"](), platform, tmp_path / "neon", "{'mattr': ['+neon']}")
    assert plain.library is not None and neon.library is not None
    assert quad_operations(plain.library) == 0
    assert quad_operations(neon.library) > 20
