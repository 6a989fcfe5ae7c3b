"""Executed instructions of aarch64 programs, counted under qemu-user by a plugin of ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import onnxruntime

FOLDER = Path(__file__).parent
KEPT = FOLDER.parents[1] / ".neo" / "bench" / "arm"
"""What is built and fetched once."""

QEMU, CPU, LIBRARIES = "qemu-aarch64", "neoverse-n1", Path("/usr/aarch64-linux-gnu/lib")
PACKAGES = "apt-get install qemu-user libc6-arm64-cross libgcc-s1-arm64-cross libstdc++6-arm64-cross"
ZIG = (sys.executable, "-m", "ziglang", "cc", "-O2", "-Wall", "-Wextra", "-Werror")
AARCH64 = ("-target", "aarch64-linux-gnu.2.28")
WHEEL_TAGS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux2014_aarch64")
TIMEOUT_SECONDS = 600.0

MACHINE = {
    "proc/cpuinfo": "processor\t: 0\n"
    "Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp\n"
    "CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x3\nCPU part\t: 0xd0c\nCPU revision\t: 1\n\n",
    "sys/devices/system/cpu/possible": "0\n",
    "sys/devices/system/cpu/present": "0\n",
}
"""What a program finds instead of this machine's files: one Neoverse N1. ONNX Runtime chooses its kernels by them, and
its library cpuinfo crashes on those of an x86 machine."""


class Missing(Exception):  # noqa: N818 - says what to install
    """A tool is not here."""


@dataclass(frozen=True)
class Block:
    """Code without a jump: where it begins in a file, and what it holds."""

    file: str
    address: int  # bytes from the beginning of the file
    instructions: int
    fmas: int
    memory: int  # loads and stores


Profile = Counter[Block]
"""How often each block was executed."""


@dataclass(frozen=True)
class Count:
    """Executed instructions of one run of a model."""

    instructions: int
    fmas: int  # fused multiplications and additions, vectors and scalars
    memory: int

    @staticmethod
    def of(profile: Profile) -> Count:
        """The sum over all blocks."""
        rows = [(block.instructions, block.fmas, block.memory, times) for block, times in profile.items()]
        return Count(*(sum(row[kind] * row[3] for row in rows) for kind in range(3)))


class Emulator:
    """qemu-user with the plugin, and a folder that looks like an Arm machine. Raises Missing."""

    def __init__(self) -> None:
        if not shutil.which(QEMU):
            raise Missing(f"no {QEMU}: {PACKAGES}")
        if "-plugin" not in subprocess.run([QEMU, "--help"], capture_output=True, text=True, check=False).stdout:
            raise Missing(f"this {QEMU} takes no plugins (qemu-user-static never does): {PACKAGES}")
        for name in ("ld-linux-aarch64.so.1", "libgcc_s.so.1", "libstdc++.so.6"):
            if not (LIBRARIES / name).exists():
                raise Missing(f"no {LIBRARIES / name}: {PACKAGES}")
        self._root = KEPT / "root"
        for name, text in MACHINE.items():
            (self._root / name).parent.mkdir(parents=True, exist_ok=True)
            (self._root / name).write_text(text)
        if not (self._root / "lib").is_symlink():
            (self._root / "lib").symlink_to(LIBRARIES)
        self._plugin = build("counter.c", "-shared", "-fPIC", "-fvisibility=hidden")

    def profile(self, command: list[str], repeat: str, runs: int = 1) -> Profile:
        """What one run of a model executes: of 2 * `runs` runs less of `runs`. "{}" in `command` is their number."""
        few, many = (self._run([word.replace(repeat, str(n)) for word in command]) for n in (runs, 2 * runs))
        many.subtract(few)
        return Counter({block: times // runs for block, times in many.items() if times >= runs})

    def _run(self, command: list[str]) -> Profile:
        with tempfile.NamedTemporaryFile() as counts:
            qemu = [QEMU, "-cpu", CPU, "-L", str(self._root), "-plugin", f"{self._plugin},out={counts.name}"]
            done = subprocess.run(
                [*qemu, *command],
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
                env={**os.environ, "TVM_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
            lines = Path(counts.name).read_text().splitlines()
        if done.returncode:
            raise RuntimeError(f"{Path(command[0]).name}: {done.stderr.strip()[-300:] or done.returncode}")
        profile: Profile = Counter()
        for line in lines:
            file, address, times, *facts = line.rsplit(maxsplit=5)
            profile[Block(file, int(address, 16), *map(int, facts))] += int(times)
        return profile


def build(source: str, *options: str) -> Path:
    """A C program or library of this folder, built."""
    output = KEPT / Path(source).stem
    KEPT.mkdir(parents=True, exist_ok=True)
    subprocess.run([*ZIG, *options, str(FOLDER / source), "-o", str(output)], check=True, timeout=300)
    return output


def runtime() -> Path:
    """ONNX Runtime's library for aarch64, of the version that is installed here, out of its wheel. Raises Missing."""
    version = onnxruntime.__version__
    library = KEPT / f"libonnxruntime.so.{version}"
    if library.exists():
        return library
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(KEPT)]
    tags = [word for tag in WHEEL_TAGS for word in ("--platform", tag)]
    done = subprocess.run(
        [*pip, *tags, f"onnxruntime=={version}"], capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        raise Missing(f"no aarch64 wheel of onnxruntime {version}: {done.stderr.strip().splitlines()[-1][:200]}")
    (wheel,) = KEPT.glob(f"onnxruntime-{version}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        library.write_bytes(archive.read(f"onnxruntime/capi/{library.name}"))
    wheel.unlink()
    return library
