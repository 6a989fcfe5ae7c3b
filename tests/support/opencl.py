"""Runs OpenCL artifacts by pocl, which executes OpenCL C on this machine's CPU.

TVM's own OpenCL runtime is not in its wheel. So the kernels come from the artifact's library, their order, memory and
launch sizes from the same lowered module that the library was made of, and pyopencl launches them one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tvm
from tvm.tirx.build import split_host_device_mods

from neo_compiler.codegen.extract_plan import extract
from neo_compiler.codegen.static_plan import Plan, PlanTensor
from neo_compiler.compilation import Compilation
from neo_compiler.lowering import build
from neo_compiler.lowering.targets import tvm_target
from neo_targets.binary import elf

Arrays = dict[str, np.ndarray]
OPTIONS = ["-cl-std=CL1.2"]
"""What Mali's and Adreno's drivers of these boards know."""

_LAUNCH = re.compile(r'call_ffi_kernel\("(\w+)", (.*), launch_params=\[(.*?)\]')
_AXES = {f"{kind}Idx.{axis}": (kind, index) for kind in ("block", "thread") for index, axis in enumerate("xyz")}


GUARD = bytes(range(256)) * 256
"""What lies behind each buffer."""


class BeyondItsEndError(Exception):
    """A kernel wrote where it has no memory."""


class NotInstalledError(Exception):
    """Says what to install."""


def device() -> Any:
    """pocl's device. Raises NotInstalledError."""
    try:
        import pyopencl
    except ImportError:
        raise NotInstalledError("no pyopencl: pip install pyopencl") from None
    try:
        return next(item for item in pyopencl.get_platforms() if "Portable" in item.name).get_devices()[0]
    except (pyopencl.LogicError, StopIteration):
        raise NotInstalledError("no pocl: apt-get install pocl-opencl-icd") from None


@dataclass(frozen=True)
class Launch:
    """One kernel's run within a PrimFunc."""

    kernel: str
    grid: tuple[int, int, int]  # work groups
    group: tuple[int, int, int]  # work items of a group
    arguments: tuple[str, ...]  # the host code's names of its buffers


class Program:
    """The GPU part of one compiled model."""

    def __init__(self, text: str, lowered: Any, target: Any, inputs: list[str], outputs: list[str], device: Any):
        """`text`: the OpenCL C of all kernels; `lowered`: the build.Lowered they were made of."""
        import pyopencl

        self.opencl: Any = pyopencl
        self._lowering, self._target, self._ends = lowered, target, (inputs, outputs)
        self.sources = kernels(text)
        self._context = self.opencl.Context([device])
        self._queue = self.opencl.CommandQueue(self._context)

    @classmethod
    def of_work(cls, work: Compilation, device: Any) -> Program:
        """That of a finished job."""
        assert work.library is not None and work.imported is not None
        target = tvm_target(work.spec)
        lowered = build.lower(work.imported.module, target)
        inputs, outputs = ([item.name for item in items] for items in (work.imported.inputs, work.imported.outputs))
        return cls(elf.find_opencl(work.library.read_bytes()), lowered, target, inputs, outputs, device)

    @cached_property
    def built(self) -> dict[str, Any]:
        """Every kernel, built by pocl from its own source, as a device's driver would."""
        programs = {
            name: self.opencl.Program(self._context, text).build(OPTIONS) for name, text in self.sources.items()
        }
        return {name: self.opencl.Kernel(program, name) for name, program in programs.items()}

    def run(self, inputs: Arrays) -> Arrays:
        """The outputs of the whole model."""
        plan, launches, names = self._launched()
        workspaces = self._workspaces()
        arena = np.zeros(plan.arena_bytes + 64, np.uint8)
        for name, index in plan.inputs:
            _view(arena, plan.tensors[index])[...] = inputs[name]
        for call in plan.calls:
            indices = {name: call.arguments[place] for name, place in names[call.kernel].items()}
            for launch in launches[call.kernel]:
                tensors = {name: plan.tensors[index] for name, index in indices.items()}
                self._launch(launch, tensors, workspaces.get(call.kernel, {}), plan, arena)
        return {name: _view(arena, plan.tensors[index]).copy() for name, index in plan.outputs}

    def _launch(
        self, launch: Launch, tensors: dict[str, PlanTensor], workspaces: Arrays, plan: Plan, arena: Any
    ) -> None:
        flags = self.opencl.mem_flags
        names = launch.arguments
        arrays = [
            _array(tensors[name], plan, arena) if name in tensors else workspaces[_base(name, workspaces)]
            for name in names
        ]
        copies = [np.frombuffer(array.tobytes() + GUARD, np.uint8).copy() for array in arrays]
        buffers = [
            self.opencl.Buffer(self._context, flags.READ_WRITE | flags.COPY_HOST_PTR, hostbuf=copy) for copy in copies
        ]
        size = tuple(count * items for count, items in zip(launch.grid, launch.group, strict=True))
        self.built[launch.kernel](self._queue, size, launch.group, *buffers)
        for name, array, copy, buffer in zip(names, arrays, copies, buffers, strict=True):
            self.opencl.enqueue_copy(self._queue, copy, buffer)
            if copy[array.nbytes :].tobytes() != GUARD:
                raise BeyondItsEndError(f"{launch.kernel} writes beyond the end of {name}")
            if array.flags.writeable:
                array[...] = copy[: array.nbytes].view(array.dtype).reshape(array.shape)

    def _workspaces(self) -> dict[str, Arrays]:
        """The tensors between a PrimFunc's launches, in global memory, by their names."""
        return {
            name.name_hint: {
                buffer.name: np.zeros([int(size) for size in buffer.shape], str(buffer.dtype))
                for buffer in value.body.block.alloc_buffers
                if buffer.scope() == "global"
            }
            for name, value in self._lowering.module.functions_items()
            if isinstance(value, tvm.tirx.PrimFunc) and isinstance(value.body, tvm.s_tir.SBlockRealize)
        }

    def _launched(self) -> tuple[Plan, dict[str, list[Launch]], dict[str, dict[str, int]]]:
        """The plan; the launches of each PrimFunc; which of its parameters the host code's names are."""
        lowered, target = self._lowering, self._target
        plan = extract(lowered.module, *self._ends, lowered.weights)
        functions = {
            name.name_hint: value
            for name, value in lowered.module.functions_items()
            if isinstance(value, tvm.tirx.PrimFunc)
        }
        launched = launches(tvm.IRModule(functions, attrs=lowered.module.attrs), target)
        names = {
            name: places([param.name for param in function.params], launched[name])
            for name, function in functions.items()
        }
        return plan, launched, names


def kernels(text: str) -> dict[str, str]:
    """The source of each kernel by its name: TVM joins them, and its runtime takes them apart, at such lines."""
    parts = text.split("// Function: ")[1:]
    return {part.split("\n", 1)[0].strip(): part.split("\n", 1)[1] for part in parts}


def places(parameters: list[str], launched: list[Launch]) -> dict[str, int]:
    """Which parameter of a PrimFunc each buffer of its host code is: those with equal names are numbered in order."""
    buffers = {name for launch in launched for name in launch.arguments}
    found: dict[str, int] = {}
    for base in set(parameters):
        own = sorted((name for name in buffers if _base(name, parameters) == base), key=lambda name: (len(name), name))
        indices = [index for index, name in enumerate(parameters) if name == base]
        found.update(zip(own, indices if len(indices) > 1 else indices * len(own), strict=True))
    return found


def _base(name: str, known: Iterable[str]) -> str:
    """The longest of `known` that `name` is, or is with a number behind it."""
    fits = [other for other in known if re.fullmatch(re.escape(other) + r"(_\d+)?", name)]
    return max(fits, key=len, default=name)


def launches(functions: Any, target: Any) -> dict[str, list[Launch]]:
    """What the host code of each PrimFunc launches, in order."""
    passes, _, _ = tvm.tirx.get_tir_pipeline("default")  # what relax.build takes for every target
    with tvm.transform.PassContext(opt_level=build.OPT_LEVEL, config=build.PASS_CONFIG):
        host, _ = split_host_device_mods(passes(tvm.tirx.transform.BindTarget(target)(functions)))
    launched: dict[str, list[Launch]] = {}
    for name, function in host.functions_items():
        launched[name.name_hint] = [_launch(*match.groups()) for match in _LAUNCH.finditer(function.script())]
    return launched


def _launch(kernel: str, arguments: str, axes: str) -> Launch:
    names = re.findall(r'"([\w.]+)"', axes)
    numbers = [int(number) for number in re.findall(r"(?:T\.int64\()?(-?\d+)\)?(?=, |$)", arguments)[-len(names) :]]
    sizes = {"block": [1, 1, 1], "thread": [1, 1, 1]}
    for name, number in zip(names, numbers, strict=True):
        kind, index = _AXES[name]
        sizes[kind][index] = number
    block, thread = (tuple(sizes[kind]) for kind in ("block", "thread"))
    buffers = tuple(re.findall(r"(\w+)\.data\b", arguments))
    return Launch(kernel, block, thread, buffers)  # type: ignore[arg-type]


def _view(arena: Any, tensor: PlanTensor) -> Any:
    count = int(np.prod(tensor.shape, dtype=np.int64)) * np.dtype(tensor.dtype).itemsize
    return arena[tensor.offset_bytes : tensor.offset_bytes + count].view(tensor.dtype).reshape(tensor.shape)


def _array(tensor: PlanTensor, plan: Plan, arena: Any) -> Any:
    """A tensor's memory: in the arena, or a weight, which no kernel may change."""
    if tensor.weight is None:
        return _view(arena, tensor)
    array = np.asarray(plan.weights[tensor.weight]).reshape(tensor.shape)
    array.flags.writeable = False
    return array
