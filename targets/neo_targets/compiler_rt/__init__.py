"""helpers.c: functions that LLVM's code calls and some C libraries lack. Prebuilt, one object file per target.

`python -m neo_targets.compiler_rt` rebuilds them with zig; builds are reproducible with the same zig version.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
SOURCE = FOLDER / "helpers.c"
FLAGS = (
    *("-std=c11", "-O2", "-s", "-fPIC", "-ffreestanding", "-fno-builtin", "-fvisibility=hidden"),
    *("-ffunction-sections", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables"),
    *("-Wall", "-Wextra", "-Wno-missing-prototypes", "-Werror"),
)
SOFTFP = ("-mfloat-abi=softfp",)
"""The soft-float calling convention, with floating-point instructions."""


@dataclass(frozen=True)
class Helpers:
    """One build of helpers.c."""

    name: str
    zig_target: str  # zig cc -target
    cpu: str  # zig cc -mcpu
    flags: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The object file."""
        return FOLDER / "prebuilt" / f"{self.name}.o"


HELPERS = {
    row.name: row
    for row in (
        Helpers("arm-android", "arm-linux-androideabi", "generic+v7a+vfp3d16", SOFTFP),
        Helpers("i686-android", "x86-linux-android", "i686+sse2"),
        Helpers("i686-windows", "x86-windows-gnu", "pentium4"),
        Helpers("x86_64-windows", "x86_64-windows-gnu", "x86_64"),
    )
}
"""All builds by name."""


def build(row: Helpers, output: Path) -> None:
    """Compiles helpers.c to `output`. Raises CalledProcessError; the compiler prints errors on standard error."""
    output.parent.mkdir(parents=True, exist_ok=True)
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", row.zig_target, f"-mcpu={row.cpu}"]
    subprocess.run([*zig, *FLAGS, *row.flags, "-c", SOURCE.name, "-o", str(output.absolute())], cwd=FOLDER, check=True)
