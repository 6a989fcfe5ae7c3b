"""Machine code of lowered modules: object files of kernels, or TVM's VM program."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tvm
from tvm import relax
from tvm.target import Target

from neo_compiler.errors import CompilationError, last_line
from neo_compiler.lowering.lower import OPT_LEVEL, PASS_CONFIG
from neo_compiler.tvm_types import Executable

MAX_SYMBOL_CHARS = 200
"""libdlr supports kernel names of up to 511 bytes, including TVM's prefix."""

MAX_OBJECTS = 4
"""Number of object files to distribute kernels to; constant, so that equal input gives equal bytes everywhere."""


def generate(lowered: tvm.IRModule, target: Target) -> Executable:
    """The machine code of a lowered module. Raises CompilationError."""
    try:
        with tvm.transform.PassContext(opt_level=OPT_LEVEL, config=PASS_CONFIG):
            return relax.build(lowered, target=target, relax_pipeline=None)
    except Exception as error:  # tvm raises many types
        raise CompilationError(f"TVM cannot generate code for {target.kind.name}. {last_line(error)}") from error


def write_kernels(lowered: tvm.IRModule, target: Target, folder: Path) -> list[Path]:
    """Writes the machine code of a lowered module's kernels as object files to `folder`. Raises CompilationError.

    Uses a thread per available CPU; TVM and LLVM release the GIL.
    """
    kernels = [
        (name, value.with_attr("global_symbol", kernel_symbol(value)))
        for name, value in lowered.functions_items()
        if isinstance(value, tvm.tirx.PrimFunc)
    ]
    kernels.sort(key=lambda item: str(item[0].name_hint))
    count = max(1, min(MAX_OBJECTS, len(kernels)))
    groups = [kernels[index::count] for index in range(count)]
    paths = [folder / f"kernels{index}.o" for index in range(count)]

    def make(index: int) -> None:
        module = tvm.IRModule(dict(groups[index]), attrs=lowered.attrs)
        with tvm.transform.PassContext(opt_level=OPT_LEVEL, config=PASS_CONFIG):
            tvm.tirx.build(module, target=target).write_to_file(str(paths[index]))

    try:
        with ThreadPoolExecutor(_usable_cpus()) as threads:
            list(threads.map(make, range(count)))
    except Exception as error:  # tvm raises many types
        raise CompilationError(f"TVM cannot generate code for {target.kind.name}. {last_line(error)}") from error
    return paths


def kernel_symbol(function: tvm.tirx.PrimFunc) -> str:
    """The kernel's name in a static artifact: TVM's, shortened with a digest if it is too long."""
    name = str(function.attrs["global_symbol"])
    if len(name) <= MAX_SYMBOL_CHARS:
        return name
    return f"{name[: MAX_SYMBOL_CHARS - 17]}_{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}"


def _usable_cpus() -> int:
    """Returns the number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
