"""Command lines that link object files into the target's library. Pure functions: they run nothing.

ld.lld is a hidden command of the zig binary (PyPI `ziglang`): it needs no libc, sysroot or cache and links
any architecture in some 0.03 s.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path

from neo_targets.architectures import Architecture
from neo_targets.binary import elf
from neo_targets.compiler_rt import HELPERS
from neo_targets.spec import TargetSpec

UCRT = Path(__file__).with_name("ucrt.def")
_DLLTOOL_MACHINES = {"x64": "i386:x86-64", "x86": "i386"}


def lld(tool: str = "ld.lld") -> tuple[str, ...]:
    """The start of a command line for a tool of zig: the binary itself if found, which saves starting Python."""
    package = importlib.util.find_spec("ziglang")
    for folder in (package.submodule_search_locations if package else None) or ():
        for name in ("zig", "zig.exe"):
            if (binary := Path(folder) / name).is_file():
                return str(binary), tool
    return sys.executable, "-m", "ziglang", tool


def stub_command(arch: Architecture, soname: str, output: Path) -> list[str]:
    """The command line (argv) that builds an empty shared object `soname`, to put that name into DT_NEEDED.

    On Windows it builds the import library of the C library.
    """
    if not arch.elf_class:
        machine = _DLLTOOL_MACHINES[arch.emulation]
        return [*lld("dlltool"), "-m", machine, "-d", str(UCRT), "-l", str(output)]
    return [
        *lld(),
        "-m",
        arch.emulation,
        "-shared",
        "-soname",
        soname,
        "-o",
        str(output),
        "--format=binary",
        "/dev/null",
    ]


def link_command(spec: TargetSpec, objects: Iterable[Path], needed: Iterable[Path], output: Path) -> list[str]:
    """The command line (argv) that links `objects` into `output`, with each stub of `needed` in DT_NEEDED."""
    arch = spec.host.arch
    objects = [*objects, *([HELPERS[arch.helpers].path] if arch.helpers else [])]
    if spec.host.windows:
        flags = ["-lldmingw", "/dll", "/noentry", f"/machine:{arch.emulation}", "/Brepro"]
        flags += ["/safeseh:no"] if arch.emulation == "x86" else []
        return [*lld("lld-link"), *flags, f"/out:{output}", *(str(path) for path in (*objects, *needed))]
    return [
        *(*lld(), "-m", arch.emulation, "-shared", "--strip-debug", "--build-id=none", "-z", "relro"),
        *("-Bsymbolic", "--gc-sections"),  # one process may load several models with equal symbol names
        *("-soname", spec.library, "-o", str(output)),
        *(str(path) for path in objects),
        *("--no-as-needed", *(str(path) for path in needed)),
    ]


def android_script(api_level: int) -> str:
    """A linker script that adds the note with the API level, as the NDK does."""
    words = [f"BYTE({byte})" for byte in (*elf.ANDROID_NOTE, *api_level.to_bytes(4, "little"))]
    return f"SECTIONS {{ .note.android.ident (TYPE=SHT_NOTE) : {{ {' '.join(words)} }} }} INSERT BEFORE .dynsym;\n"
