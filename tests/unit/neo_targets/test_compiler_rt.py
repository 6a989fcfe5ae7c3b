"""The built helpers are those of the source, and the tables name them. tests/runtime/test_helpers.py runs them."""

import importlib.metadata
from pathlib import Path

import pytest

from neo_targets.architectures import ARCHITECTURES
from neo_targets.compiler_rt import FOLDER, HELPERS, build

ZIG = "0.17.1"
"""The zig that prebuilt/ was made with."""


@pytest.mark.skipif(importlib.metadata.version("ziglang") != ZIG, reason=f"the bytes are those of zig {ZIG}")
@pytest.mark.parametrize("name", sorted(HELPERS))
def test_prebuilt_is_of_this_source(name: str, tmp_path: Path) -> None:
    """Fails after a change in helpers.c without `python -m neo_targets.compiler_rt`."""
    build(HELPERS[name], tmp_path / "helpers.o")
    assert (tmp_path / "helpers.o").read_bytes() == HELPERS[name].path.read_bytes()


def test_every_build_is_used_and_every_name_is_built() -> None:
    assert {arch.helpers for arch in ARCHITECTURES.values() if arch.helpers} == set(HELPERS)
    assert {path.stem for path in (FOLDER / "prebuilt").iterdir()} == set(HELPERS)
