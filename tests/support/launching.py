"""What the host code of a PrimFunc for GPUs launches: its kernels in order, their sizes, and what each is given.

The host code is followed over numbers: shapes are static, so its loops are written out and its sizes are known, also
in TVM's sorts, whose own text has sizes as variables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tvm
import tvm_ffi
from tvm import tirx
from tvm.tirx.build import split_host_device_mods

from neo_compiler.lowering.lower import OPT_LEVEL, PASS_CONFIG

AXES = ("blockIdx.x", "blockIdx.y", "blockIdx.z", "threadIdx.x", "threadIdx.y", "threadIdx.z")

Shape = Sequence[int]


@dataclass(frozen=True)
class Launch:
    """One kernel's run within a PrimFunc."""

    kernel: str
    grid: tuple[int, ...]  # blocks, or work groups, along x, y, z
    block: tuple[int, ...]  # threads, or work items, of each
    arguments: tuple[int | str | np.generic, ...]  # a parameter's place, a workspace's name, or a number


@dataclass
class Launches:
    """A PrimFunc's launches, and the memory between them."""

    found: list[Launch] = field(default_factory=list)
    workspaces: dict[str, tuple[str, list[int]]] = field(default_factory=dict)  # name -> type, shape


class _Before:
    """Keeps the host functions as they are before MakePackedAPI: with buffers as parameters."""

    def __init__(self) -> None:
        self.functions: dict[str, Any] = {}

    def run_before_pass(self, module: Any, info: Any) -> None:
        if str(info.name).endswith("MakePackedAPI"):
            functions = {name.name_hint: value for name, value in module.functions_items()}
            self.functions |= {name: value for name, value in functions.items() if not _is_kernel(value)}


def _is_kernel(function: Any) -> bool:
    return "calling_conv" in (function.attrs or {})


def host_functions(kernels: Any, target: Any) -> dict[str, Any]:
    """The host code of each PrimFunc of the module `kernels`."""
    before = _Before()
    passes, _, _ = tvm.tirx.get_tir_pipeline("default")  # what relax.build takes for every target
    instrument = tvm.instrument.pass_instrument(type("Before", (), {"run_before_pass": before.run_before_pass}))()
    with tvm.transform.PassContext(opt_level=OPT_LEVEL, config=PASS_CONFIG, instruments=[instrument]):
        split_host_device_mods(passes(tvm.tirx.transform.BindTarget(target)(kernels)))
    return before.functions


def launches(function: Any, shapes: Sequence[Shape]) -> Launches:
    """What the host code `function` launches when it is called on tensors of `shapes`."""
    reader = _Reader(function, shapes)
    reader.read(function.body)
    return reader.launches


class _Reader:
    def __init__(self, function: Any, shapes: Sequence[Shape]) -> None:
        self.launches = Launches()
        self._analyzer = tvm.sym.analyzer.Analyzer()
        self._buffers: dict[Any, int | str] = {param: place for place, param in enumerate(function.params)}
        self._numbers: dict[Any, Any] = {}
        for param, shape in zip(function.params, shapes, strict=True):
            for dim, size in zip(param.shape, shape, strict=True):
                if isinstance(dim, tirx.Var):
                    self._numbers[dim] = tirx.IntImm("int64", size)
            if isinstance(param.elem_offset, tirx.Var):
                self._numbers[param.elem_offset] = tirx.IntImm("int64", 0)

    def read(self, node: Any) -> None:
        """Follows a statement. Raises TypeError for a kind that host code never had."""
        reader = getattr(self, f"_{type(node).__name__}", None)
        if reader is None:
            raise TypeError(f"host code with a {type(node).__name__}: {node}")
        reader(node)

    def _number(self, expr: Any) -> Any:
        """An expression's value as an IntImm or FloatImm."""
        known = tvm_ffi.structural_map(expr, (tirx.Var, lambda var: self._numbers.get(var, var)))
        value = self._analyzer.simplify(known)
        assert isinstance(value, tirx.IntImm | tirx.FloatImm), value
        return value

    def _int(self, expr: Any) -> int:
        return int(self._number(expr).value)

    def _SeqStmt(self, node: Any) -> None:  # noqa: N802 - TVM's names
        for child in node.seq:
            self.read(child)

    def _AllocBuffer(self, node: Any) -> None:  # noqa: N802
        name = f"workspace{len(self.launches.workspaces)}"
        shape = [self._int(size) for size in node.buffer.shape]
        self.launches.workspaces[name] = (str(node.buffer.dtype), shape)
        self._buffers[node.buffer] = name

    def _DeclBuffer(self, node: Any) -> None:  # noqa: N802
        self._buffers[node.buffer] = self._argument(node.data)

    def _AttrStmt(self, node: Any) -> None:  # noqa: N802
        self.read(node.body)

    def _Bind(self, node: Any) -> None:  # noqa: N802
        self._numbers[node.var] = self._number(node.value)

    def _For(self, node: Any) -> None:  # noqa: N802
        start = self._int(node.min)
        for index in range(start, start + self._int(node.extent)):
            self._numbers[node.loop_var] = tirx.IntImm("int64", index)
            self.read(node.body)

    def _IfThenElse(self, node: Any) -> None:  # noqa: N802
        chosen = node.then_case if self._int(node.condition) else node.else_case
        if chosen is not None:
            self.read(chosen)

    def _Evaluate(self, node: Any) -> None:  # noqa: N802
        if not _is_call(node.value, "tirx.call_ffi_kernel"):
            assert not isinstance(node.value, tirx.Call), node
            return
        tags = [str(tag) for tag in node.value.attrs.launch_params]
        name, *rest = node.value.args
        arguments, sizes = rest[: len(rest) - len(tags)], rest[len(rest) - len(tags) :]
        dims = dict.fromkeys(AXES, 1) | {tag: self._int(size) for tag, size in zip(tags, sizes, strict=True)}
        values = [dims.pop(axis) for axis in AXES]
        assert not dims, f"a launch with {dims}"
        given = tuple(self._argument(argument) for argument in arguments)
        self.launches.found.append(Launch(str(name.value), tuple(values[:3]), tuple(values[3:]), given))

    def _argument(self, expr: Any) -> Any:
        if _is_call(expr, "tirx.buffer_data"):
            return self._buffers[expr.args[0]]
        value = self._number(expr)
        return np.dtype(str(value.ty.dtype)).type(value.value)


def _is_call(expr: Any, name: str) -> bool:
    return str(getattr(getattr(expr, "op", None), "name", "")) == name
