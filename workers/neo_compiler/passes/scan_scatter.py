"""Scans and scatters as kernels of our own: `cumsum` and `cumprod` for GPUs, `scatter_elements` everywhere.

TVM 0.27's scan for GPUs lacks barriers, its scatter takes the updates' lines for the data's where those are longer, and
its scan along an inner axis and scatter for GPUs have no schedule. Here each thread has numbers that no other one
writes, and what waits for others is a kernel of its own: no barrier is needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import tvm
from tvm import relax, te, tirx
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it
from tvm.target import Target

from neo_compiler.passes.rewriter import Rewriter, op_name, rewrite, shape_of
from neo_compiler.tvm_types import Expr, Tensor

THREADS = 64
"""Of a block: few, as these kernels have few numbers."""

MANY_LINES = 4096
"""With as many lines a GPU is busy when each thread has a whole one."""

SHORT_LINE = 64

SCANS: dict[str, Callable[[Expr, Expr], Expr]] = {
    "relax.cumsum": lambda left, right: left + right,
    "relax.cumprod": lambda left, right: left * right,
}

REDUCTIONS: dict[str, Callable[[Expr, Expr], Expr]] = {
    "update": lambda old, new: new,
    "add": lambda old, new: old + new,
    "mul": lambda old, new: old * new,
    "min": tirx.min,
    "max": tirx.max,
    "mean": lambda old, new: (old + new) / 2,
}
"""Of scatter_elements."""

NOT_ON_GPUS = {
    "relax.nonzero": "NonZero",
    "relax.unique": "Unique",
    "relax.dynamic_strided_slice": "Slice with computed limits",
    "relax.vision.all_class_non_max_suppression": "NonMaxSuppression",
    "relax.vision.non_max_suppression": "NonMaxSuppression",
    **dict.fromkeys(SCANS, "a cumulative sum or product of unknown or empty shape"),
}
"""relax's operators that TVM's code for GPUs has no right kernel for, as frameworks name them."""


def dependent(module: tvm.IRModule, target: Target) -> tvm.IRModule:
    """`module` with its scans and scatters as kernels. Raises ValueError for what GPUs cannot compute, by its name."""
    on_gpu = "gpu" in target.keys
    module = rewrite(module, _Dependent, THREADS if on_gpu else None)
    if on_gpu:
        _check(module)
    return module


def _check(module: tvm.IRModule) -> None:
    found: set[str] = set()
    for _, function in module.functions_items():
        if isinstance(function, relax.Function):
            relax.analysis.post_order_visit(function, lambda expr: found.add(NOT_ON_GPUS.get(op_name(expr), "")))
    if names := sorted(found - {""}):
        raise ValueError(f"Not supported on GPUs: {', '.join(names)}")


@dataclass(frozen=True)
class _Loops:
    """How steps that do not depend on each other are shared out: to a GPU's `threads` of a block, or to CPUs."""

    threads: int | None

    @contextmanager
    def each(self, count: int) -> Iterator[Expr]:
        """The body for each number below `count`."""
        if self.threads is None:
            with T.parallel(0, count) as index:
                yield index
            return
        block, thread = te.thread_axis("blockIdx.x"), te.thread_axis("threadIdx.x")
        sizes = [T.attr(block, "thread_extent", -(-count // self.threads))]
        sizes.append(T.attr(thread, "thread_extent", self.threads))
        with T.frame_scope(sizes):
            index = block * self.threads + thread
            with T.If(index < count), T.Then():
                yield index


class _Dependent(Rewriter):
    def __init__(self, module: tvm.IRModule, threads: int | None) -> None:
        super().__init__(module)
        self._loops = _Loops(threads)

    def call(self, call: Expr, args: list[Expr]) -> Expr | None:
        name = op_name(call)
        if name in SCANS and self._loops.threads is not None and _is_full(args[0]):
            return self._scanned(call, args[0])
        if name in ("relax.argmax", "relax.argmin"):
            # TVM's index is -1 where no number beats the least of float32
            return relax.op.maximum(self.emit(self.rebuilt(call)), relax.const(0, str(call.ty.dtype)))
        if name == "relax.scatter_elements" and None not in map(shape_of, args):
            return self._scattered(call, args)
        return None

    def _kernel(self, name: str, template: Any, tensors: list[Expr], *arguments: Any) -> Expr:
        """What `template` makes of `tensors` and other arguments, as a kernel that nobody schedules for a GPU."""
        made = self.builder.call_te(
            lambda *items: template(self._loops, items, *arguments),
            *tensors,
            primfunc_name_hint=name,
            primfunc_attrs={"tirx.is_scheduled": True} if self._loops.threads is not None else {},
        )
        return self.emit(made)

    def _scanned(self, call: Expr, data: Expr) -> Expr:
        """Long lines of few are cut: sums of the pieces, then where each piece starts, then the numbers."""
        shape, dtype = shape_of(data), str(call.ty.dtype)
        assert shape is not None
        wide = "float32" if dtype == "float16" else dtype
        if str(data.ty.dtype) != wide:
            data = self.emit(relax.op.astype(data, wide))
        if call.attrs.axis is None:
            shape = [math.prod(shape)]
        axis = 0 if call.attrs.axis is None else int(call.attrs.axis) % len(shape)
        outer, length, inner = math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
        operator, exclusive = op_name(call), bool(call.attrs.exclusive)
        # a product of a piece may overflow where that of the whole line does not
        whole = operator == "relax.cumprod" or length <= SHORT_LINE or outer * inner >= MANY_LINES
        piece = length if whole else math.isqrt(length - 1) + 1
        lines = Lines(outer, length, inner, max(piece, 1))
        tensors = [data]
        if not whole:
            totals = self._kernel("scan_totals", totals_of, [data], lines, operator)
            tensors.append(self._kernel("scan_starts", scan, [totals], lines.of_pieces(), operator, True))
        made = self._kernel("scan", scan, tensors, lines, operator, exclusive)
        made = self.emit(relax.op.reshape(made, call.ty.shape))
        return made if wide == dtype else relax.op.astype(made, dtype)

    def _scattered(self, call: Expr, args: list[Expr]) -> Expr:
        return self._kernel("scatter_elements", scatter, args, int(call.attrs.axis), str(call.attrs.reduction))


def _is_full(expr: Expr) -> bool:
    """Whether a tensor's shape is known, and has numbers in it."""
    shape = shape_of(expr)
    return shape is not None and 0 not in shape


@dataclass(frozen=True)
class Lines:
    """A tensor [outer, length, inner] whose middle axis is scanned, in pieces of `piece`."""

    outer: int
    length: int
    inner: int
    piece: int

    @property
    def pieces(self) -> int:
        """Of each line."""
        return -(-self.length // self.piece)

    @property
    def count(self) -> int:
        """Of all pieces."""
        return self.outer * self.pieces * self.inner

    def of_pieces(self) -> Lines:
        """The tensor with one number for each piece, scanned whole."""
        return Lines(self.outer, self.pieces, self.inner, self.pieces)

    def first(self, index: Expr) -> tuple[Expr, Expr]:
        """(the piece's number within its line, where its line's part starts) of piece number `index`."""
        number = tirx.floormod(tirx.floordiv(index, self.inner), self.pieces)
        outer = tirx.floordiv(index, self.inner * self.pieces)
        place = (outer * self.length + number * self.piece) * self.inner + tirx.floormod(index, self.inner)
        return number, place


Tensors = Sequence[Tensor]


def totals_of(loops: _Loops, tensors: Tensors, lines: Lines, operator: str) -> Tensor:
    """[outer, pieces, inner]: each piece's sum or product."""
    (data,), combine = tensors, SCANS[operator]

    def body(out: Expr, x: Expr) -> None:
        with loops.each(lines.count) as index:
            number, place = lines.first(index)
            out[index] = x[place]
            with T.serial(1, lines.piece) as step, T.If(number * lines.piece + step < lines.length), T.Then():
                out[index] = combine(out[index], x[place + step * lines.inner])

    return _extern("totals", tensors, [lines.count], data.dtype, body)


def scan(loops: _Loops, tensors: Tensors, lines: Lines, operator: str, exclusive: bool) -> Tensor:
    """[outer * length * inner]: what the numbers of a line come to, up to each of them. `tensors`: the numbers and,
    with several pieces in a line, what comes before each."""
    data, combine = tensors[0], SCANS[operator]
    nothing = tirx.const(0 if operator == "relax.cumsum" else 1, data.dtype)

    def body(out: Expr, x: Expr, start: Expr | None = None) -> None:
        with loops.each(lines.count) as index:
            number, place = lines.first(index)
            before = nothing if start is None else start[index]
            if exclusive:
                out[place] = before
            else:
                out[place] = x[place] if start is None else combine(before, x[place])
            with T.serial(1, lines.piece) as step, T.If(number * lines.piece + step < lines.length), T.Then():
                here = place + step * lines.inner
                out[here] = combine(out[here - lines.inner], x[here - (lines.inner if exclusive else 0)])

    size = lines.outer * lines.length * lines.inner
    return _extern("scan", tensors, [size], data.dtype, body)


def scatter(loops: _Loops, tensors: Tensors, axis: int, reduction: str) -> Tensor:
    """tensors[0] with the updates tensors[2] at the indices tensors[1] along `axis`.

    Those of one line are written in order; lines do not meet.
    Indices beyond the end, which ONNX Runtime refuses, change nothing.
    """
    data, indices, _ = tensors
    shape, lines = ([int(size) for size in tensor.shape] for tensor in (data, indices))
    axis %= len(shape)
    length, others = lines[axis], [place for place in range(len(shape)) if place != axis]
    strides, own = ([math.prod(sizes[place + 1 :]) for place in range(len(sizes))] for sizes in (shape, lines))
    combine = REDUCTIONS[reduction]

    def places(index: Expr) -> tuple[Expr, Expr]:
        """Where line number `index` starts in the data and in the updates."""
        into, of = tirx.const(0, "int32"), tirx.const(0, "int32")
        for place in reversed(others):
            at = tirx.floormod(index, lines[place])
            index = tirx.floordiv(index, lines[place])
            into, of = into + at * strides[place], of + at * own[place]
        return into, of

    def body(out: Expr, x: Expr, i: Expr, u: Expr) -> None:
        with loops.each(math.prod(shape)) as index:
            out[index] = x[index]
        with loops.each(math.prod(lines) // max(length, 1)) as index:
            into, of = places(index)
            with T.serial(0, length) as step:
                given = of + step * own[axis]
                at = i[given] + tirx.Select(i[given] < 0, tirx.const(shape[axis], i.dtype), tirx.const(0, i.dtype))
                with T.If(tirx.all(at >= 0, at < shape[axis])), T.Then():
                    here = into + at.astype("int32") * strides[axis]
                    out[here] = combine(out[here], u[given])

    if not math.prod(lines):
        return te.compute(data.shape, lambda *at: data(*at))
    return _extern("scatter", tensors, shape, data.dtype, body)


def _extern(name: str, inputs: Tensors, shape: list[int], dtype: str, body: Callable[..., None]) -> Tensor:
    """The tensor that body(it, *inputs) writes, flat buffers all."""

    def made(ins: list[Any], outs: list[Any]) -> Any:
        with IRBuilder() as builder:
            with T.seq_scope():
                body(*(T.buffer_proxy(item) for item in (*outs, *ins)))
            return builder.get()

    buffer = tirx.decl_buffer(shape, dtype, f"{name}_buffer", layout=None)
    return te.extern([shape], list(inputs), made, dtype=dtype, out_buffers=[buffer], name=name)
