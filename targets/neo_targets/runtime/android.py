"""Builds libdlr for Android without the NDK, from declarations of bionic's functions and empty stub libraries.

Used by neo_targets.runtime.build.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from neo_targets import toolchains
from neo_targets.architectures import ARCHITECTURES, Architecture
from neo_targets.compiler_rt import HELPERS, SOFTFP
from neo_targets.runtime import FOLDER, Runtime, source_hash, sources

BIONIC = FOLDER / "bionic"
API_LEVEL = 21
"""The lowest API level that Neo supports; later ones run the same library."""

HEADERS = (
    *("dlfcn.h", "math.h", "pthread.h", "sched.h", "stdio.h", "stdlib.h", "string.h", "unistd.h"),
    *("sys/mman.h", "sys/stat.h"),
)
"""C library headers that the sources include; each is replaced by bionic.h."""

FLAGS = (
    *("-std=c11", "-O2", "-g0", "-fPIC", "-ffreestanding", "-femulated-tls", "-fvisibility=hidden"),
    *("-ffunction-sections", "-fdata-sections", "-Wall", "-Wextra", "-Werror"),
)
ARCH_FLAGS = {
    "aarch64-android": (
        "-target",
        "aarch64-freestanding-none",
        "-D__linux__",
    ),  # zig's Android target calls functions for atomics
    "arm-android": SOFTFP,
}
NEEDED = ("libc.so", "libdl.so")


def build(runtime: Runtime, output: Path) -> None:
    """Builds one libdlr. Raises CalledProcessError; the compiler prints errors on standard error."""
    arch = next(arch for arch in ARCHITECTURES.values() if arch.runtime == runtime.name)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        objects = _compile(runtime, folder)
        script = folder / "android.ld"
        script.write_text(toolchains.android_script(API_LEVEL), encoding="ascii")
        objects += [HELPERS[arch.helpers].path] if arch.helpers else []
        subprocess.run(_link(arch, [*objects, script], folder, output), check=True)


def _compile(runtime: Runtime, folder: Path) -> list[Path]:
    """Compiles the sources. Returns the object files."""
    for name in HEADERS:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text('#include "bionic.h"\n', encoding="ascii")
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", runtime.zig_target, f"-mcpu={runtime.cpu}"]
    mark = f'-DNEO_SOURCES="{source_hash()}"'
    flags = [*FLAGS, *ARCH_FLAGS.get(runtime.name, ()), f"-I{BIONIC}", "-isystem", str(folder), mark]
    objects = []
    for source in (*(path for path in sources() if path.suffix == ".c"), BIONIC / "emutls.c"):
        objects.append(folder / f"{source.stem}.o")
        command = [*zig, *flags, "-c", source.name, "-o", str(objects[-1])]
        subprocess.run(command, cwd=source.parent, check=True)
    return objects


def _link(arch: Architecture, objects: list[Path], folder: Path, output: Path) -> list[str]:
    """The command line (argv) that links the library."""
    stubs = [folder / f"stub-{name}" for name in NEEDED]
    for name, stub in zip(NEEDED, stubs, strict=True):
        subprocess.run(toolchains.stub_command(arch, name, stub), check=True)
    flags = ("-shared", "-s", "--build-id=none", "-Bsymbolic", "--gc-sections", "--hash-style=both", "-z", "relro")
    files = [str(path) for path in (*objects, "--no-as-needed", *stubs)]
    return [*toolchains.lld(), "-m", arch.emulation, *flags, "-soname", "libdlr.so", "-o", str(output), *files]
