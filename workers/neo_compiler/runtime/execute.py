"""Runs an artifact on this machine, for the demo, `neo-emulator run` and tests.

A static artifact is run by its own libdlr, one in the VM form by TVM.
"""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from neo_compiler.artifact.bundle import COREML, Meta, TensorMeta, read_meta
from neo_compiler.runtime import cpu_info
from neo_compiler.storage.archive import unpack

Array = npt.NDArray[Any]

MAX_BYTES = 64 << 30
MAX_FILES = 64
_MACHINES = {"X86_64": ("x86_64", "AMD64"), "ARM64": ("aarch64", "arm64")}


class CannotRun(RuntimeError):  # noqa: N818 - an expected outcome, not a fault
    """This machine cannot run the artifact; the text is the reason."""


class Model(Protocol):
    """A loaded model of libdlr or of TVM's VM."""

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs by name."""


class Artifact:
    """A loaded artifact."""

    def __init__(self, folder: Path, meta: Meta) -> None:
        self.meta = meta
        self._model = _load_model(folder, meta)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs by name. Raises ValueError for a wrong name, shape or type of an input."""
        expected = {item.name for item in self.meta.inputs}
        if set(inputs) != expected:
            raise ValueError(f"the model takes {sorted(expected)}, not {sorted(inputs)}")
        return self._model.run({item.name: _checked(item, inputs[item.name]) for item in self.meta.inputs})


def load_artifact(path: Path | str) -> Artifact:
    """Loads an artifact's tar.gz or unpacked folder. Raises CannotRun, or ValueError if it is not an artifact."""
    path = Path(path)
    if path.is_dir():
        return _load(path)
    with tempfile.TemporaryDirectory(prefix="neo-artifact-") as name:
        unpack(path, Path(name), MAX_BYTES, MAX_FILES)
        return _load(Path(name))


def obstacle(meta: Meta, machine: str, cpu_flags: frozenset[str]) -> str | None:
    """Why a machine (platform.machine(), /proc/cpuinfo's flags) cannot run an artifact, None if it can."""
    if meta.runtime.get("name") == COREML:
        return f"{meta.target['name']} is a Core ML model, which macOS and iOS run"
    return target_obstacle(meta.target, machine, cpu_flags)


def target_obstacle(target: Mapping[str, Any], machine: str, cpu_flags: frozenset[str]) -> str | None:
    """Why a machine cannot run code for `target` (from compiled.meta), None if it can."""
    if target["device"] is not None:
        return f"{target['name']} needs a GPU: {target['accelerator']} {target['device'].get('arch', 'with OpenCL')}"
    if target["os"] != "LINUX":
        return f"{target['name']} is compiled for {target['os'].title()}"
    if machine not in _MACHINES.get(target["arch"], ()):
        return f"{target['name']} is compiled for {target['arch']}, this machine is {machine}"
    missing = sorted(set(target["cpu_flags"]) - cpu_flags)
    if missing:
        return f"{target['name']} is compiled for {target['host']['mcpu']}; this CPU has no {', '.join(missing)}"
    return None


def this_cpu_flags() -> frozenset[str]:
    """The flags in /proc/cpuinfo, empty without that file."""
    return frozenset(flag for flags in cpu_info.values("flags", "Features") for flag in flags.split())


def _load(folder: Path) -> Artifact:
    meta = read_meta(folder)
    reason = obstacle(meta, platform.machine(), this_cpu_flags())
    if reason:
        raise CannotRun(reason)
    return Artifact(folder, meta)


def _load_model(folder: Path, meta: Meta) -> Model:
    if meta.static:
        from neo_compiler.runtime import dlr

        return dlr.Model(folder, meta.runtime["library"])
    from neo_compiler.runtime import vm

    return vm.Model(folder, meta)


def _checked(item: TensorMeta, array: Array) -> Array:
    if str(array.dtype) != item.dtype or (item.shape is not None and array.shape != item.shape):
        raise ValueError(f"input {item.name} expects {item.shape} {item.dtype}, not {array.shape} {array.dtype}")
    return np.array(array, order="C")  # keeps a scalar a scalar
