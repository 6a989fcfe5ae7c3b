"""Converts lowered relax `main` to a Plan: a list of kernel calls instead of VM instructions."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
import tvm_ffi
from tvm import relax, tirx

from neo_compiler.codegen.machine_code import kernel_symbol
from neo_compiler.codegen.memory_planner import ALWAYS, Storage, place
from neo_compiler.codegen.static_plan import ALIGN_BYTES, BITS, Call, Plan, PlanTensor
from neo_compiler.tvm_types import Expr

IGNORED = frozenset(
    {
        *("vm.builtin.check_tensor_info", "vm.builtin.check_shape_info", "vm.builtin.match_shape"),
        *("vm.builtin.shape_of", "relax.null_value", "relax.vm.kill_object"),
        *("relax.memory.kill_storage", "relax.memory.kill_tensor"),
    }
)
"""Calls that the VM needs and a static plan does not: checks of shapes, which are static here, and frees."""

SHAPE_HEAP = "vm.builtin.alloc_shape_heap"
RUN_TIME_SHAPES = "its shapes are known only at run time"

PACKED = frozenset(f"tvm.contrib.sort.{name}" for name in ("sort", "argsort", "argsort_nms", "topk"))
"""External functions that libdlr provides for kernels."""


class NotStatic(Exception):  # noqa: N818 - an expected outcome, not a fault
    """The model cannot be a static plan; the text is the reason."""


@dataclass(frozen=True)
class _StorageRef:
    index: int


@dataclass(frozen=True)
class _Number:
    member: str  # "i" or "f", as in Call.arguments
    value: int


@dataclass(frozen=True)
class _Nothing:
    """The value of a call made for its effect."""


_Value = int | _StorageRef | _Number | _Nothing | list["_Value"]
"""The value of a variable; an int is the index of a tensor, a list is a tuple."""


def extract(
    lowered: tvm.IRModule, inputs: Sequence[str], outputs: Sequence[str], weights: Mapping[str, npt.NDArray[Any]]
) -> Plan:
    """The plan of a lowered module with parameters `inputs`, then `weights`. Raises NotStatic."""
    functions = [name.name_hint for name, value in lowered.functions_items() if isinstance(value, relax.Function)]
    if len(functions) > 1:
        raise NotStatic(f"it has {len(functions)} relax functions: {', '.join(sorted(functions))}")
    _check_kernels(lowered)
    reader = _Reader(lowered, weights)
    main = lowered["main"]
    names = [*inputs, *weights]
    if len(names) != len(main.params):
        raise NotStatic(f"main has {len(main.params)} parameters for {len(names)} inputs and weights")
    for name, param in zip(names, main.params, strict=True):
        reader.add_parameter(name, param)
    results = reader.run(main.body)
    if len(results) != len(outputs):
        raise NotStatic(f"it gives back {len(results)} tensors for {len(outputs)} outputs")
    return reader.plan(tuple(zip(inputs, range(len(inputs)), strict=True)), tuple(zip(outputs, results, strict=True)))


class _Reader:
    """Reads main's bindings in order and collects tensors and calls."""

    def __init__(self, lowered: tvm.IRModule, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        self._lowered = lowered
        self._weights = dict(weights)
        self._values: dict[Expr, _Value] = {}
        self._storages: list[Storage] = []
        self._tensors: list[PlanTensor] = []  # offsets are relative to the storage until `plan`
        self._storage_of: list[int | None] = []  # per tensor; None for a weight
        self._calls: list[Call] = []

    def add_parameter(self, name: str, param: Expr) -> None:
        """Adds a parameter: an input, live during all calls, or a weight in compiled.params."""
        shape, dtype = _numbers(param.ty.shape, name), str(param.ty.dtype)
        if name in self._weights:
            self._values[param] = self._add(PlanTensor(dtype, shape, weight=name), None)
            return
        self._storages.append(Storage(_bytes(dtype, shape), 0, ALWAYS))
        self._values[param] = self._add(PlanTensor(dtype, shape), len(self._storages) - 1)

    def run(self, body: Expr) -> list[int]:
        """Reads all bindings. Returns the indices of the result's tensors."""
        if not isinstance(body, relax.SeqExpr):
            raise NotStatic(f"main is a {type(body).__name__}")
        for block in body.blocks:
            for binding in block.bindings:
                if not isinstance(binding, relax.VarBinding):
                    raise NotStatic(f"a binding is a {type(binding).__name__}")
                self._values[binding.var] = self._value(binding.value)
        results = _flat(self._value(body.body))
        for index in results:
            if (storage := self._storage_of[index]) is not None:
                self._storages[storage].use(ALWAYS)
        return results

    def plan(self, inputs: tuple[tuple[str, int], ...], outputs: tuple[tuple[str, int], ...]) -> Plan:
        """The plan, with memory offsets assigned."""
        offsets, size_bytes = place(self._storages)
        tensors = tuple(
            tensor
            if storage is None
            else PlanTensor(tensor.dtype, tensor.shape, offsets[storage] + tensor.offset_bytes)
            for tensor, storage in zip(self._tensors, self._storage_of, strict=True)
        )
        return Plan(inputs, outputs, tensors, tuple(self._calls), size_bytes, self._weights)

    def _add(self, tensor: PlanTensor, storage: int | None) -> int:
        self._tensors.append(tensor)
        self._storage_of.append(storage)
        return len(self._tensors) - 1

    def _value(self, expr: Expr) -> _Value:
        if isinstance(expr, relax.Var):
            return self._values[expr]
        if isinstance(expr, tvm.ir.GenericConst):
            return self._constant(expr)
        if isinstance(expr, relax.Tuple):
            return [self._value(item) for item in expr.fields]
        if isinstance(expr, relax.TupleGetItem):
            items = self._value(expr.tuple_value)
            assert isinstance(items, list)
            return items[int(expr.index)]
        if isinstance(expr, relax.Call):
            return self._call(expr)
        if isinstance(expr, tirx.IntImm):
            return _Number("i", int(expr))
        if isinstance(expr, tirx.FloatImm):
            return _Number("f", struct.unpack("<q", struct.pack("<d", float(expr.value)))[0])
        raise NotStatic("control flow (if)" if isinstance(expr, relax.If) else f"expression {type(expr).__name__}")

    def _constant(self, expr: Expr) -> int:
        """Adds a small constant from the code as a weight."""
        if expr not in self._values:
            name = f"c{len(self._tensors)}"
            array = np.asarray(expr.value.numpy(), order="C")
            self._weights[name] = array
            dtype = str(expr.value.dtype)
            _bytes(dtype, array.shape)
            self._values[expr] = self._add(PlanTensor(dtype, array.shape, weight=name), None)
        found = self._values[expr]
        assert isinstance(found, int)
        return found

    def _call(self, call: Expr) -> _Value:
        if isinstance(call.op, tvm.ir.GlobalVar):
            return self._kernel(call)
        name, args = _name(call.op), list(call.args)
        if name == "relax.call_packed":
            name, args = _name(args[0]), args[1:]
        if name in IGNORED:
            return _Nothing()
        if name == "relax.call_builtin_with_ctx":
            raise NotStatic(RUN_TIME_SHAPES if _name(args[0]) == SHAPE_HEAP else f"operator {_name(args[0])}")
        if name == "relax.vm.alloc_storage":
            self._storages.append(Storage(_numbers(args[0], name)[0]))
            return _StorageRef(len(self._storages) - 1)
        if name == "relax.vm.alloc_tensor":
            return self._tensor(args)
        if name == "vm.builtin.reshape":
            return self._view(call, args)
        raise NotStatic(f"operator {name}")

    def _kernel(self, call: Expr) -> _Value:
        function = self._lowered[call.op]
        arguments: list[int | dict[str, int]] = []
        for expr in call.args:
            value = self._value(expr)
            if isinstance(value, int):
                if (storage := self._storage_of[value]) is not None:
                    self._storages[storage].use(len(self._calls))
                arguments.append(value)
            elif isinstance(value, _Number):
                arguments.append({value.member: value.value})
            else:
                raise NotStatic(f"an argument of {call.op.name_hint} is a {type(value).__name__}")
        self._calls.append(Call(kernel_symbol(function), tuple(arguments)))
        return _Nothing()

    def _tensor(self, args: list[Expr]) -> int:
        """alloc_tensor(storage, offset, shape, dtype): a tensor in memory planned by TVM."""
        storage = self._value(args[0])
        assert isinstance(storage, _StorageRef)
        offset, shape, dtype = int(args[1]), _numbers(args[2], "alloc_tensor"), str(getattr(args[3], "value", args[3]))
        if offset % ALIGN_BYTES or offset + _bytes(dtype, shape) > self._storages[storage.index].size_bytes:
            raise NotStatic(f"a tensor {dtype}{list(shape)} at {offset} does not fit its storage")
        return self._add(PlanTensor(dtype, shape, offset), storage.index)

    def _view(self, call: Expr, args: list[Expr]) -> int:
        """reshape(tensor, shape): the same bytes."""
        source = self._value(args[0])
        assert isinstance(source, int)
        shape = _numbers(args[1] if isinstance(args[1], relax.ShapeExpr) else call.ty.shape, "reshape")
        old = self._tensors[source]
        return self._add(PlanTensor(old.dtype, shape, old.offset_bytes, old.weight), self._storage_of[source])


def _name(function: Expr) -> str:
    """The name of an operator or of an external function."""
    return str(getattr(function, "name", None) or getattr(function, "global_symbol", None) or type(function).__name__)


def _flat(value: _Value) -> list[int]:
    if isinstance(value, list):
        return [index for item in value for index in _flat(item)]
    if not isinstance(value, int):
        raise NotStatic("its result is no tensor")
    return [value]


def _numbers(shape: Expr, what: str) -> tuple[int, ...]:
    """A ShapeExpr's sizes. Raises NotStatic if one is unknown before run time."""
    try:
        return tuple(int(size) for size in shape.values)
    except (TypeError, AttributeError) as error:
        raise NotStatic(f"the shape {shape} of {what} is known only at run time") from error


def _bytes(dtype: str, shape: Sequence[int]) -> int:
    if dtype not in BITS:
        raise NotStatic(f"data type {dtype}")
    return int(np.prod(shape, dtype=np.int64)) * BITS[dtype] // 8


def _check_kernels(lowered: tvm.IRModule) -> None:
    """Raises NotStatic for a kernel that calls a function that libdlr does not provide."""
    wanted: set[str] = set()

    def visit(call: Expr) -> None:
        if str(getattr(call.op, "name", "")).startswith("tirx.tvm_call_packed"):
            wanted.add(str(getattr(call.args[0], "value", call.args[0])))

    for _, function in lowered.functions_items():
        if isinstance(function, tirx.PrimFunc):
            tvm_ffi.structural_walk(function.body, (relax.Call, visit))
    if missing := sorted(wanted - PACKED):
        raise NotStatic(f"a kernel calls {', '.join(missing)}")
