"""Runs the kernels of a library for another CPU under qemu-user and compares them with this host's."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tvm
from e2e.compiling import compile_case
from e2e.models import Case

from neo_workers.compiler.build import lower
from neo_workers.compiler.targets import tvm_target
from neo_workers.pipeline import Work

HARNESS = Path(__file__).with_name("harness.c")
TYPES = {"float32": (2, 32), "float64": (2, 64), "int32": (0, 32), "int64": (0, 64), "bool": (6, 8)}
"""numpy's name -> DLPack's type code and bits."""

HOST = {"Os": "LINUX", "Arch": "X86_64"}


@dataclass(frozen=True)
class Machine:
    """A way to run another architecture's programs."""

    qemu: str
    cpu: str  # -cpu
    zig_target: str
    sysroot: str  # dynamic loader and C library
    packages: str  # Debian's

    def missing(self) -> str | None:
        """What is not installed, None when everything is."""
        absent = [
            name for name, there in ((self.qemu, shutil.which(self.qemu)), (self.sysroot, self._loader())) if not there
        ]
        return f"no {', '.join(absent)}: apt-get install {self.packages}" if absent else None

    def _loader(self) -> bool:
        return any(Path(self.sysroot, "lib").glob("ld-linux*"))


MACHINES = {
    "ARM64": Machine(
        "qemu-aarch64-static",
        "neoverse-n1",
        "aarch64-linux-gnu.2.28",
        "/usr/aarch64-linux-gnu",
        "qemu-user-static libc6-arm64-cross libgcc-s1-arm64-cross",
    ),
    "ARM_EABIHF": Machine(
        "qemu-arm-static",
        "max",
        "arm-linux-gnueabihf.2.28",
        "/usr/arm-linux-gnueabihf",
        "qemu-user-static libc6-armhf-cross libgcc-s1-armhf-cross",
    ),
}


def build_harness(machine: Machine, folder: Path) -> Path:
    """The harness for that machine; zig's first build for a target takes some 15 s, later ones come from its cache."""
    output = folder / "harness"
    command = [sys.executable, "-m", "ziglang", "cc", "-target", machine.zig_target, "-O1", str(HARNESS), "-ldl"]
    subprocess.run([*command, "-o", str(output)], check=True, capture_output=True, timeout=280)
    return output


def kernels(work: Work) -> dict[str, list[tuple[str, tuple[int, ...]]]]:
    """Every kernel of a compiled model: symbol -> (type, shape) of its arguments."""
    assert work.imported is not None
    lowered = lower(work.imported.module, tvm_target(work.spec))
    found: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
    for _, function in lowered.functions_items():
        if isinstance(function, tvm.tirx.PrimFunc):
            sizes = [(str(buffer.dtype), tuple(int(size) for size in buffer.shape)) for buffer in function.params]
            found[str(function.attrs["global_symbol"])] = sizes
    return found


def worst_difference(case: Case, device: str, harness: Path, folder: Path) -> tuple[int, float]:
    """How many kernels were run, and the largest difference from this host's."""
    foreign = compile_case(case, device, folder / "foreign")
    native = compile_case(case, HOST, folder / "native")
    table = kernels(foreign)
    assert table == kernels(native)
    assert foreign.library is not None and native.library is not None
    reference = tvm.runtime.load_module(str(native.library))
    random, plan, expected = np.random.default_rng(3), [], {}
    for name, arguments in table.items():
        plan.append(f"kernel __tvm_ffi_{name} {len(arguments)}")
        arrays = [_sample(random, *argument) for argument in arguments]
        for index, array in enumerate(arrays):
            path = folder / f"{name}.{index}"
            array.tofile(path)
            code, bits = TYPES[str(array.dtype)]
            plan.append(f"tensor {code} {bits} {path} {array.ndim} {' '.join(map(str, array.shape))}")
        tensors = [tvm.runtime.tensor(array) for array in arrays]
        reference.get_function(name, query_imports=True)(*tensors)
        expected |= {folder / f"{name}.{index}.out": tensor.numpy() for index, tensor in enumerate(tensors)}
    (folder / "plan").write_text("\n".join(plan) + "\n")
    _run(foreign, harness, folder / "plan")
    return len(table), max(_distance(path, array) for path, array in expected.items())


def _run(work: Work, harness: Path, plan: Path) -> None:
    machine = MACHINES[work.spec.arch]
    command = [machine.qemu, "-cpu", machine.cpu, "-L", machine.sysroot, str(harness), str(work.library), str(plan)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr


def _sample(random: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    if dtype.startswith("float"):
        return np.asarray(random.standard_normal(shape), dtype)
    return np.asarray(random.integers(0, 2 if dtype == "bool" else 16, shape), dtype)


def _distance(path: Path, expected: np.ndarray[Any, Any]) -> float:
    """The largest difference, as a part of the largest value where that is above 1."""
    found = np.fromfile(path, expected.dtype).reshape(expected.shape).astype("f8")
    return float(np.abs(found - expected.astype("f8")).max() / max(1.0, float(np.abs(expected).max())))


def require(arch: str) -> Machine:
    """The machine of an architecture; skips the test, saying what is missing."""
    machine = MACHINES[arch]
    if missing := machine.missing():
        pytest.skip(missing)
    return machine
