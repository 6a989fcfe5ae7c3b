from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from neo_targets import symbols
from neo_targets.runtime import RUNTIMES


@pytest.mark.parametrize("name", [name for name, row in RUNTIMES.items() if row.library.endswith(".so")])
def test_undefined_reads_32_and_64_bits(name: str) -> None:
    found = symbols.undefined(RUNTIMES[name].path.read_bytes())
    assert {"dlopen", "malloc", "pthread_create"} <= set(found)
    assert "CreateDLRModel" not in found and "" not in found


def test_missing_names_what_no_device_has(tmp_path: Path) -> None:
    source = tmp_path / "k.c"
    source.write_text(
        "float expf(float); float frob(float); __attribute__((weak)) void maybe(void);"
        "float kernel(float x) { if (maybe) maybe(); return frob(expf(x)); }"
    )
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-linux-gnu.2.17", "-shared", "-nostdlib", "-fPIC"]
    subprocess.run([*zig, str(source), "-o", str(tmp_path / "k.so")], check=True, timeout=200)
    assert symbols.missing((tmp_path / "k.so").read_bytes()) == ["frob"]


@pytest.mark.parametrize("name", ["__aeabi_ldivmod", "__floatdisf", "__fixunssfdi", "__truncdfhf2", "__udivdi3"])
def test_what_compilers_call_is_there(name: str) -> None:
    assert symbols.COMPILER.fullmatch(name)


@pytest.mark.parametrize("name", ["TVMBackendGetFuncFromEnv", "__TVMFFIFunctionCall", "cblas_sgemm", "__divdi3x"])
def test_what_nobody_has_is_missing(name: str) -> None:
    assert name not in symbols.C_LIBRARY and not symbols.COMPILER.fullmatch(name)
