"""Runs whole artifacts by a small C program: on this machine, under qemu-user, or under wine."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from runtime.artifacts import Built

from neo_compiler.artifact.bundle import read_meta
from neo_targets.runtime import HEADER, RUNTIMES, SOURCES

DRIVER = Path(__file__).with_name("driver.c")
BIONIC = {"libc.so": "libc.so.6", "libm.so": "libm.so.6", "libdl.so": "libdl.so.2"}
WINE, WINE32 = "/usr/lib/wine/wine64", "/usr/lib/wine/wine"


@dataclass(frozen=True)
class Runner:
    """A way to run the programs of one of RUNTIMES."""

    runtime: str  # name in RUNTIMES
    kind: str  # native, qemu or wine
    command: tuple[str, ...]  # what stands before the program
    files: tuple[str, ...]  # that its programs need
    packages: str  # Debian's
    driver: str = ""  # the runtime whose programs it runs, if not `runtime`
    libraries: str = ""  # folder of glibc: its libraries stand in for bionic's

    def missing(self) -> str | None:
        """What is not installed, None when everything is."""
        there = not self.command or shutil.which(self.command[0])
        if there and all(Path(name).exists() for name in self.files):
            return None
        return f"{self.kind} cannot run {self.runtime}: apt-get install {self.packages}"


def _qemu(runtime: str, qemu: str, cpu: str, root: str, loader: str, packages: str) -> Runner:
    command = (qemu, "-cpu", cpu, "-L", root)
    files = f"{root}/lib/{loader}", f"{root}/lib/libgcc_s.so.1"
    return Runner(runtime, "qemu", command, files, f"qemu-user-static {packages}")


_LINUX = {
    row.runtime: row
    for row in (
        Runner("x86_64-linux", "native", (), ("/lib64/ld-linux-x86-64.so.2",), "libc6"),
        Runner(
            "i686-linux", "native", (), ("/lib/ld-linux.so.2", "/usr/lib32/libgcc_s.so.1"), "libc6-i386 lib32gcc-s1"
        ),
        _qemu(
            *("aarch64-linux", "qemu-aarch64-static", "neoverse-n1", "/usr/aarch64-linux-gnu"),
            *("ld-linux-aarch64.so.1", "libc6-arm64-cross libgcc-s1-arm64-cross"),
        ),
        _qemu(
            *("armhf-linux", "qemu-arm-static", "max", "/usr/arm-linux-gnueabihf"),
            *("ld-linux-armhf.so.3", "libc6-armhf-cross libgcc-s1-armhf-cross"),
        ),
        _qemu(
            *("armel-linux", "qemu-arm-static", "max", "/usr/arm-linux-gnueabi"),
            *("ld-linux.so.3", "libc6-armel-cross libgcc-s1-armel-cross"),
        ),
        Runner("x86_64-windows", "wine", (WINE,), (WINE,), "wine64"),
        Runner("i686-windows", "wine", (WINE32,), (WINE32,), "wine32:i386 (after dpkg --add-architecture i386)"),
    )
}


def _android(runtime: str, linux: str, libraries: str) -> Runner:
    """Android's libraries, libdlr too, in a program of Linux: glibc stands in for bionic."""
    row = _LINUX[linux]
    return replace(row, runtime=runtime, driver=linux, libraries=libraries)


_ANDROID = (
    _android("x86_64-android", "x86_64-linux", "/lib/x86_64-linux-gnu"),
    _android("i686-android", "i686-linux", "/lib32"),
    _android("aarch64-android", "aarch64-linux", "/usr/aarch64-linux-gnu/lib"),
    _android("arm-android", "armel-linux", "/usr/arm-linux-gnueabi/lib"),
)
RUNNERS = {**_LINUX, **{row.runtime: row for row in _ANDROID}}


@dataclass(frozen=True)
class Result:
    """One artifact, run."""

    runner: str  # native, qemu or wine
    error: float  # the largest absolute difference from ONNX Runtime
    load_ms: float
    run_ms: float  # the fastest run


def run(built: Built, folder: Path, repeat: int = 1) -> Result:
    """Runs an artifact; skips the test when its machine is neither here nor emulated."""
    runner = RUNNERS[built.work.spec.runtime.name]
    if missing := runner.missing():
        pytest.skip(missing)
    meta, prefix = read_meta(built.folder), folder / "array"
    for index, item in enumerate(meta.inputs):
        built.case.inputs[item.name].tofile(f"{prefix}.in{index}")
    program = driver(runner.driver or runner.runtime, os.fspath(folder.parent))
    arguments = [str(built.folder), built.work.spec.runtime.library, str(repeat), str(prefix)]
    done = subprocess.run(
        [*runner.command, *_bionic(runner, folder), str(program), *arguments],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env={**os.environ, "WINEDEBUG": "-all", "WINEPREFIX": str(folder.parent / runner.runtime)},
    )
    assert done.returncode == 0, done.stderr
    words = done.stdout.split()
    outputs = {
        item.name: np.fromfile(f"{prefix}.out{index}", item.dtype).reshape(item.shape or ())
        for index, item in enumerate(meta.outputs)
    }
    return Result(runner.kind, built.error(outputs), float(words[1]), float(words[3]))


def _bionic(runner: Runner, folder: Path) -> list[str]:
    """What makes the loader find glibc under bionic's names: for qemu an argument, else a program in front."""
    if not runner.libraries:
        return []
    names = folder / "bionic"
    names.mkdir()
    for name, real in BIONIC.items():
        (names / name).symlink_to(Path(runner.libraries, real))
    setting = f"LD_LIBRARY_PATH={names}"
    return ["-E", setting] if runner.kind == "qemu" else ["env", setting]


@cache
def driver(name: str, folder: str) -> Path:
    """The driver for a runtime, built once per test process; zig's first for a triple takes 5 s.

    Windows' first takes 150 s: a build of it is kept beside the source, and used while it is of that source.
    """
    runtime = RUNTIMES[name]
    mark = hashlib.blake2b(DRIVER.read_bytes() + HEADER.read_bytes(), digest_size=8).hexdigest()
    prebuilt = DRIVER.with_name(f"driver-{name}.exe")
    if prebuilt.exists() and mark.encode() in prebuilt.read_bytes():
        return prebuilt
    output = Path(folder) / f"driver-{name}{'.exe' if runtime.library.endswith('.dll') else ''}"
    zig = [
        sys.executable,
        "-m",
        "ziglang",
        "cc",
        "-target",
        runtime.zig_target,
        f"-I{SOURCES}",
        f'-DMARK="{mark}"',
        "-O2",
        "-s",
    ]
    libraries = [] if runtime.library.endswith(".dll") else ["-ldl"]
    subprocess.run([*zig, str(DRIVER), "-o", str(output), *libraries], check=True, timeout=290)
    return output
