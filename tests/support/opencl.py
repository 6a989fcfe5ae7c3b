"""Runs OpenCL artifacts by pocl, which executes OpenCL C on this machine's CPU.

TVM's own OpenCL runtime is not in its wheel. So the kernels come from the artifact's library, their order, memory and
launch sizes from the same lowered module that the library was made of, and pyopencl launches them one by one.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import tvm
from support.launching import Launch, host_functions, launches

from neo_compiler.codegen.extract_plan import extract
from neo_compiler.codegen.static_plan import Plan, PlanTensor
from neo_compiler.compilation import Compilation
from neo_compiler.lowering.lower import lower
from neo_compiler.lowering.targets import tvm_target
from neo_targets.binary import elf

Arrays = dict[str, np.ndarray]
OPTIONS = ["-cl-std=CL1.2"]
"""What Mali's and Adreno's drivers of these boards know."""

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


class Program:
    """The GPU part of one compiled model."""

    def __init__(self, text: str, lowered: Any, target: Any, inputs: list[str], outputs: list[str], device: Any):
        """`text`: the OpenCL C of all kernels; `lowered`: the Lowered they were made of."""
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
        lowered = lower(work.imported.module, target)
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
        lowered = self._lowering
        plan = extract(lowered.module, *self._ends, lowered.weights)
        functions = {n.name_hint: f for n, f in lowered.module.functions_items() if isinstance(f, tvm.tirx.PrimFunc)}
        hosts = host_functions(tvm.IRModule(functions, attrs=lowered.module.attrs), self._target)
        arena = np.zeros(plan.arena_bytes + 64, np.uint8)
        for name, index in plan.inputs:
            _view(arena, plan.tensors[index])[...] = inputs[name]
        for call in plan.calls:
            tensors = [plan.tensors[index] for index in call.arguments]
            self._call(hosts[call.kernel], [_array(tensor, plan, arena) for tensor in tensors])
        return {name: _view(arena, plan.tensors[index]).copy() for name, index in plan.outputs}

    def _call(self, host: Any, tensors: list[Any]) -> None:
        """Runs all that the host code of one PrimFunc launches."""
        launched = launches(host, [tensor.shape for tensor in tensors])
        workspaces = {name: np.zeros(shape, dtype) for name, (dtype, shape) in launched.workspaces.items()}
        for launch in launched.found:
            arguments = [
                workspaces[item] if isinstance(item, str) else tensors[item] if isinstance(item, int) else item
                for item in launch.arguments
            ]
            self._launch(launch, arguments)

    def _launch(self, launch: Launch, arguments: list[Any]) -> None:
        flags = self.opencl.mem_flags
        arrays = {place: item for place, item in enumerate(arguments) if isinstance(item, np.ndarray)}
        copies = {place: np.frombuffer(array.tobytes() + GUARD, np.uint8).copy() for place, array in arrays.items()}
        buffers = {
            place: self.opencl.Buffer(self._context, flags.READ_WRITE | flags.COPY_HOST_PTR, hostbuf=copy)
            for place, copy in copies.items()
        }
        given = [buffers.get(place, item) for place, item in enumerate(arguments)]
        size = tuple(count * items for count, items in zip(launch.grid, launch.block, strict=True))
        self.built[launch.kernel](self._queue, size, launch.block, *given)
        for place, array in arrays.items():
            copy = copies[place]
            self.opencl.enqueue_copy(self._queue, copy, buffers[place])
            if copy[array.nbytes :].tobytes() != GUARD:
                raise BeyondItsEndError(f"{launch.kernel} writes beyond the end of its argument {place}")
            if array.flags.writeable:
                array[...] = copy[: array.nbytes].view(array.dtype).reshape(array.shape)


def kernels(text: str) -> dict[str, str]:
    """The source of each kernel by its name: TVM joins them, and its runtime takes them apart, at such lines."""
    parts = text.split("// Function: ")[1:]
    return {part.split("\n", 1)[0].strip(): part.split("\n", 1)[1] for part in parts}


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
