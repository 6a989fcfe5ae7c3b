"""Builds libdlr with zig cc: `python -m neo_targets.runtime.build [NAME ...]`, all of RUNTIMES by default.

Builds are reproducible with the same zig version.
Zig's first build for a triple takes 5 s (Windows: 150 s), later ones 1 s.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from neo_targets.runtime import RUNTIMES, SOURCES, Runtime, source_hash, sources

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wstrict-prototypes", "-Wno-cast-function-type", "-Werror")
"""POSIX and Windows return functions as object pointers (dlsym); -Wextra warns about that cast."""

FLAGS = ("-std=c11", "-O2", "-fvisibility=hidden", "-ffunction-sections", "-fdata-sections")
ELF_FLAGS = ("-fPIC", "-Wl,-soname,libdlr.so", "-Wl,-Bsymbolic", "-Wl,--gc-sections", "-lpthread", "-ldl")


def command(runtime: Runtime, output: Path, flags: tuple[str, ...] = ("-s",)) -> list[str]:
    """The command line (argv) that builds one libdlr as `output`. Run it in SOURCES, so that no path is embedded."""
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", runtime.zig_target, f"-mcpu={runtime.cpu}", "-shared"]
    names = [path.name for path in sources() if path.suffix == ".c"]
    platform = () if runtime.library.endswith(".dll") else ELF_FLAGS
    mark = f'-DNEO_SOURCES="{source_hash()}"'
    return [*zig, *FLAGS, *WARNINGS, *flags, mark, "-o", str(output), *names, *platform]


def build(runtime: Runtime, output: Path, flags: tuple[str, ...] = ("-s",)) -> None:
    """Builds one libdlr. Raises CalledProcessError; the compiler prints errors on standard error."""
    if "android" in runtime.zig_target:
        from neo_targets.runtime import android

        android.build(runtime, output)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(command(runtime, output, flags), cwd=SOURCES, check=True)
    for leftover in (output.with_suffix(".lib"), output.with_suffix(".pdb")):  # written by Windows' linker
        leftover.unlink(missing_ok=True)


def main(names: list[str]) -> int:
    """Builds the named runtimes, by default all. Returns the exit status."""
    for name in names or RUNTIMES:
        build(RUNTIMES[name], RUNTIMES[name].path)
        sys.stdout.write(f"{name}: {RUNTIMES[name].path.stat().st_size} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
