"""Links an executable to a shared library for the target, without a C compiler or sysroot."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neo_compiler.codegen.cubin import write_imports
from neo_compiler.errors import InternalError
from neo_compiler.tvm_types import Executable
from neo_targets import toolchains
from neo_targets.spec import TargetSpec

LINK_TIMEOUT_SECONDS = 300.0


def export(executable: Executable, spec: TargetSpec, work_dir: Path) -> Path:
    """Writes the library to `work_dir`. Returns its path. Raises InternalError (linker), CompilationError (NVRTC)."""
    objects = work_dir / "objects"
    objects.mkdir()
    library = work_dir / spec.library
    executable.mod.export_library(
        str(library),
        fcompile=_linker(spec, objects),
        fpack_imports=_packer(spec),
        workspace_dir=str(objects),
    )
    return library


def link_kernels(objects: list[Path], spec: TargetSpec, work_dir: Path) -> Path:
    """Links object files to the library in `work_dir`. Returns its path. Raises InternalError if the linker fails."""
    library = work_dir / spec.library
    link_objects(objects, spec, objects[0].parent, library)
    return library


def link_objects(objects: list[Path], spec: TargetSpec, work_dir: Path, output: Path) -> None:
    """Links for the target; `work_dir` is for temporary files. Raises InternalError if the linker fails."""
    stubs = []
    for name in spec.host.arch.needed:
        stubs.append(work_dir / f"stub-{name}")
        run_tool(toolchains.stub_command(spec.host.arch, name, stubs[-1]))
    if spec.host.api_level:
        stubs.append(work_dir / "android.ld")
        stubs[-1].write_text(toolchains.android_script(spec.host.api_level), encoding="ascii")
    run_tool(toolchains.link_command(spec, objects, stubs, output))
    output.with_suffix(".lib").unlink(missing_ok=True)  # lld-link creates one for a DLL


def _linker(spec: TargetSpec, work_dir: Path) -> Callable[..., None]:
    """The link function for tvm. Without get_target_triple, so that tvm writes object files, not C."""

    def link(output: str, files: list[str], **_: Any) -> None:
        link_objects([Path(name) for name in files], spec, work_dir, Path(output))

    link.output_format = "so"  # type: ignore[attr-defined]
    return link


def _packer(spec: TargetSpec) -> Callable[..., str]:
    """The function for tvm that writes the import tree as an object file, with machine code instead of CUDA source."""

    def pack(module: Any, is_system_lib: bool, prefix: str, work_dir: str) -> str:
        output = Path(work_dir) / "devc.o"
        write_imports(module, spec, output)
        return str(output)

    return pack


def run_tool(command: list[str]) -> None:
    """Runs a tool. Raises InternalError with the end of its output if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=LINK_TIMEOUT_SECONDS, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-400:]
        raise InternalError(f"the linker ended with {done.returncode}: {said}")
