"""libdlr's C under sanitizers and valgrind: its own checks, and some hundred broken plans."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from runtime.artifacts import Artifacts

from neo_targets.runtime import SOURCES, sources
from neo_targets.runtime.build import WARNINGS

SELFTEST = Path(__file__).with_name("selftest.c")
PLANS = 400
TRAP = "-fsanitize-trap=undefined"  # without it zig builds a runtime of its own, for a minute
ZIG = (sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-linux-gnu.2.17", "-fsanitize=undefined", TRAP)
COMPILERS = {
    "zig undefined": ZIG,
    "gcc address": ("gcc", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
    "gcc thread": ("gcc", "-fsanitize=thread"),
}


def selftest(compiler: str, folder: Path) -> Path:
    """The selftest with libdlr's sources in it; skips the test when there is no such compiler."""
    command = COMPILERS[compiler]
    if not shutil.which(command[0]):
        pytest.skip(f"no {command[0]}: apt-get install {command[0]} libc6-dev")
    output = folder / "selftest"
    files = [str(path) for path in sources() if path.suffix == ".c"]
    flags = ["-std=c11", "-g", "-O1", *WARNINGS, f"-I{SOURCES}", "-o", str(output)]
    subprocess.run([*command, *flags, str(SELFTEST), *files, "-lm", "-lpthread", "-ldl"], check=True, timeout=200)
    return output


def run(*command: str | Path) -> str:
    environment = {**os.environ, "TSAN_OPTIONS": "halt_on_error=1", "TVM_NUM_THREADS": "2"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("compiler", sorted(COMPILERS))
def test_selftest(compiler: str, tmp_path: Path) -> None:
    assert run(selftest(compiler, tmp_path)) == "ok\n"


@pytest.mark.parametrize("compiler", ["zig undefined", "gcc address"])
def test_broken_plans_are_refused(compiler: str, artifacts: Artifacts, tmp_path: Path) -> None:
    good = artifacts.get("conv").folder
    program = selftest(compiler, tmp_path)
    text = (good / "compiled_model.json").read_bytes()
    source = random.Random(5)
    for number in range(PLANS):
        folder = tmp_path / "plans" / str(number)
        folder.mkdir(parents=True)
        for name in ("compiled.so", "compiled.params"):
            (folder / name).symlink_to(good / name)
        (folder / "compiled_model.json").write_bytes(text if number == 0 else broken(text, source))
    taken = int(run(program, tmp_path / "plans"))
    print(f"{taken} of {PLANS} plans taken")
    assert 1 <= taken < PLANS / 2  # the untouched one at least


def broken(text: bytes, source: random.Random) -> bytes:
    """A plan with one to three changes: bytes, numbers, cuts, copies."""
    data = bytearray(text)
    for _ in range(source.randint(1, 3)):
        at = source.randrange(len(data))
        digits = [index for index, byte in enumerate(data) if chr(byte).isdigit()]
        match source.randrange(5):
            case 0:
                data[at] = source.randrange(256)
            case 1:
                del data[at : at + source.randint(1, 9)]
            case 2:
                data[at:at] = data[at : at + source.randint(1, 30)]
            case 3:
                where = source.choice(digits)
                data[where : where + 1] = source.choice((b"-1", b"99999999999999999999", b"4611686018427387904", b"0"))
            case 4:
                del data[source.randrange(len(data) // 2, len(data)) :]
    return bytes(data)


@pytest.mark.skipif(not shutil.which("valgrind"), reason="no valgrind: apt-get install valgrind libc6-dbg")
def test_valgrind_finds_nothing(artifacts: Artifacts, tmp_path: Path) -> None:
    from runtime.runners import driver

    built = artifacts.get("conv")
    built.case.inputs["data"].tofile(tmp_path / "array.in0")
    program = driver("x86_64-linux", str(tmp_path))
    arguments = (program, built.folder, "libdlr.so", "2", tmp_path / "array")
    run(
        "valgrind", "--quiet", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite", *arguments
    )
