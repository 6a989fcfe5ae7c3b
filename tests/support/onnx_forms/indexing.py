"""Operators that take values by places, put them at places, or make values of places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from onnx import helper, numpy_helper
from support.onnx_forms.choices import choices
from support.onnx_forms.form import Form, Operator, ints, onnx_type


def _gather(op: Operator) -> Iterator[Form]:
    for axis in (None, 0, 1, 2, -1):
        size = (2, 3, 4)[axis or 0]
        low = -size if op.version >= 11 else 0
        for shape in ((), (2,), (2, 2), (1, 1)):
            places = op.whole(*shape, low=low, high=size)
            for fixed in ((), (1,)):
                yield from op.form(op.real(2, 3, 4), places, fixed=fixed, axis=axis)
    for dtype in op.types():
        yield from op.form(op.any(3, 4, dtype=dtype), np.array([2, 0], "int32"), axis=0)
    yield from op.form(op.real(5, 3), ints(1, 4), fixed=[0, 1][:1])


def _gather_elements(op: Operator) -> Iterator[Form]:
    for axis in (None, 0, 1, -1):
        size = (3, 4)[axis or 0]
        for shape in ((3, 4), (2, 3), (1, 1)):
            for low in (0, -size):
                for dtype in ("int64", "int32"):
                    places = op.whole(*shape, low=low, high=size, dtype=dtype)
                    yield from op.form(op.real(3, 4), places, axis=axis, note="negative" if low else "")
    for dtype in op.types():
        yield from op.form(op.any(3, 4, dtype=dtype), op.whole(3, 4, low=0, high=3), fixed=[1])


def _gather_nd(op: Operator) -> Iterator[Form]:
    x = op.real(2, 3, 4)
    cases: tuple[tuple[int, Any], ...] = (
        (0, [[0, 1, 2], [1, 2, 3]]),
        (0, [[0], [1], [1]]),
        (0, [[[0, 1]], [[1, 2]]]),
        (0, [[-1, -2, -3]]),
        (0, [1, 2]),
        (1, [[1], [0]]),
        (1, [[[1, 2], [0, 3]], [[2, 2], [1, 1]]]),
        (2, [[[1], [2], [3]], [[0], [1], [2]]]),
    )
    for dims, places in cases:
        for fixed in ((), (1,)):
            yield from op.form(
                x, np.array(places, "int64"), fixed=fixed, batch_dims=dims or None, note=str(places).replace(" ", "")
            )
    for dtype in op.types():
        yield from op.form(op.any(3, 4, dtype=dtype), np.array([[0, 1], [2, 3]], "int64"))


def _scatter(op: Operator) -> Iterator[Form]:
    x, updates = op.real(4, 5), op.real(2, 3)
    for axis in (None, 0, 1, -1):
        if axis == -1 and op.version < 11:
            continue
        size = 4 if axis in (None, 0) else 5
        places = (
            op.random(axis).permuted(np.tile(np.arange(size), (6, 1)), axis=1)[:, :3][:2]
            if axis
            else np.array([[0, 1, 3], [2, 3, 0]])
        )
        for low in (0, size) if op.version >= 11 else (0,):
            for dtype in ("int64", "int32"):
                for fixed in ((), (1,)):
                    yield from op.form(
                        x, (places - low).astype(dtype), updates, axis=axis, fixed=fixed, note="negative" if low else ""
                    )
        for reduction in choices(op.name, "reduction"):
            same = np.array([[1, 1, 0], [1, 0, 0]]) if reduction != "none" else places
            yield from op.form(x, same.astype("int64"), updates, axis=axis, reduction=reduction)
    for dtype in op.types():
        for reduction in (None, "add", "max"):
            yield from op.form(
                op.any(4, 5, dtype=dtype), np.array([[0, 1, 3]]), op.any(1, 3, dtype=dtype), reduction=reduction
            )


def _scatter_nd(op: Operator) -> Iterator[Form]:
    x = op.real(4, 3, 2)
    cases: tuple[tuple[Any, tuple[int, ...]], ...] = (
        ([[0], [2]], (2, 3, 2)),
        ([[0, 1], [3, 2]], (2, 2)),
        ([[0, 1, 1], [3, 2, 0], [1, 1, 1]], (3,)),
        ([[[0], [1]]], (1, 2, 3, 2)),
        ([[-1], [-3]], (2, 3, 2)),
    )
    for places, shape in cases:
        for fixed in ((), (1,)):
            yield from op.form(
                x, np.array(places, "int64"), op.real(*shape), fixed=fixed, note=str(places).replace(" ", "")
            )
    for reduction in choices(op.name, "reduction"):
        for places in ([[0], [2]], [[1], [1]]) if reduction != "none" else ([[0], [2]],):
            yield from op.form(
                x, np.array(places, "int64"), op.real(2, 3, 2), reduction=reduction, note=str(places).replace(" ", "")
            )
    for dtype in op.types():
        for reduction in (None, "add", "max"):
            yield from op.form(
                op.any(4, 3, dtype=dtype), np.array([[0], [2]]), op.any(2, 3, dtype=dtype), reduction=reduction
            )


def _one_hot(op: Operator) -> Iterator[Form]:
    values = np.array([-1, 3], "float32")
    for axis in (None, 0, 1, 2, -1, -2):
        yield from op.form(op.whole(2, 3, low=-4, high=5), np.array(4, "int64"), values, fixed=[1, 2], axis=axis)
    for place, kinds in ((0, op.types(0)), (1, op.types(1)), (2, op.types(2))):
        for kind in kinds:
            if kind in ("bool", "float16") and place < 2:
                continue
            operands = [np.array([0, 2, 3, 1]), np.array([4]), np.array([0, 1])]
            dtypes = ["int64", "int64", "float32"]
            dtypes[place] = kind
            given = [item.astype(dtype) for item, dtype in zip(operands, dtypes, strict=True)]
            yield from op.form(*given, fixed=[1, 2], note="scalar in a list")


def _compress(op: Operator) -> Iterator[Form]:
    for axis in (None, 0, 1, -1):
        if axis == -1 and op.version < 11:
            continue
        for flags in ([1, 0, 1], [0, 1], [1, 1]):
            yield from op.form(
                op.real(3, 4), np.array(flags, bool), fixed=[1], axis=axis, note=str(flags).replace(" ", "")
            )
    yield from op.form(op.real(3, 4), np.array([1, 0, 1], bool), axis=0)
    for dtype in op.types():
        yield from op.form(op.any(3, 4, dtype=dtype), np.array([0, 1, 1], bool), fixed=[1], axis=0)


def _non_zero(op: Operator) -> Iterator[Form]:
    for dtype in op.types():
        yield from op.form(op.whole(3, 4, low=0, high=2).astype(dtype))
    for shape in ((5,), (2, 2, 3), (2, 0)):
        yield from op.form(op.whole(*shape, low=0, high=2).astype("float32"))


def _unique(op: Operator) -> Iterator[Form]:
    for order in (None, *choices(op.name, "sorted")):
        for axis in (None, 0, 1, -1):
            for outputs in (1, 4):
                yield from op.form(
                    op.whole(4, 3, low=0, high=3).astype("float32"), outputs=outputs, sorted=order, axis=axis
                )
    for dtype in op.types():
        yield from op.form(op.whole(9, low=0, high=4).astype(dtype), outputs=4)


def _reverse_sequence(op: Operator) -> Iterator[Form]:
    for batch, time in ((None, None), (0, 1), (1, 0)):
        length = (3, 4)[1 if time == 1 else 0]
        count = (4, 3)[1 if time == 1 else 0]
        lengths = op.whole(count, low=1, high=length + 1)
        for fixed in ((1,), ()):
            yield from op.form(op.real(3, 4, 2), lengths, fixed=fixed, batch_axis=batch, time_axis=time)
    for dtype in op.types():
        yield from op.form(op.any(3, 4, dtype=dtype), ints(1, 2, 3, 1), fixed=[1])


def _eye_like(op: Operator) -> Iterator[Form]:
    for k in (None, 0, 1, -1, -3, 4, 9):
        yield from op.form(op.real(3, 4), k=k)
    for kind in ("float32", "int64", "int32", "float16", "float64", "uint8", "bool"):
        yield from op.form(op.real(3, 3), dtype=onnx_type(kind))
        yield from op.form(op.any(3, 2, dtype=kind))


def _constant_of_shape(op: Operator) -> Iterator[Form]:
    for dtype in ("float32", "float16", "float64", "int64", "int32", "int8", "uint8", "bool"):
        value = numpy_helper.from_array(np.ones(1, dtype))
        yield from op.form(ints(2, 3), fixed=[0], value=value, note=dtype)
    yield from op.form(ints(2, 3), fixed=[0])
    yield from op.form(np.zeros(0, "int64"), fixed=[0])
    yield from op.form(ints(2, 0), fixed=[0])


def _constant(op: Operator) -> Iterator[Form]:
    for dtype in ("float32", "float16", "float64", "int64", "int32", "int8", "uint8", "bool"):
        if op.version > 1 or "float" in dtype:
            yield from op.form(value=numpy_helper.from_array(op.any(2, 3, dtype=dtype)), note=dtype)
    yield from op.form(value_float=1.5)
    yield from op.form(value_floats=[1.5, -2.0])
    yield from op.form(value_int=-3)
    yield from op.form(value_ints=[1, 2**40])
    dense = numpy_helper.from_array(np.array([1.5, 2.5], "float32"), "values")
    for places in (ints(1, 5), np.array([[0, 1], [1, 2]], "int64")):
        sparse = helper.make_sparse_tensor(dense, numpy_helper.from_array(places, "places"), [2, 3])
        for form in op.form(sparse_value=sparse, note=f"places of rank {places.ndim}"):
            yield replace(form, body=_negative(form))


def _negative(form: Form) -> Any:
    """A model that makes the constant and takes its negative: no output of a model can be sparse."""
    nodes = [helper.make_node("Constant", [], ["c"], **form.attributes), helper.make_node("Neg", ["c"], ["y0"])]
    graph = helper.make_graph(nodes, "form", [], [helper.make_tensor_value_info("y0", 1, [2, 3])])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", form.opset)], ir_version=10)


def _range(op: Operator) -> Iterator[Form]:
    cases: tuple[tuple[str, tuple[float, float, float]], ...] = (
        *(("float32", (0, 5, 1)), ("float32", (1, 10, 2.5)), ("float32", (10, 4, -2)), ("float32", (5, 0, 1))),
        *(("int64", (0, 5, 1)), ("int64", (10, 4, -3)), ("int32", (-3, 9, 4)), ("float64", (0, 1, 0.1))),
        ("int64", (3, 3, 1)),
    )
    for dtype, limits in cases:
        yield from op.form(
            *(np.array(item, dtype) for item in limits), fixed=[0, 1, 2], note=str(limits).replace(" ", "")
        )


CASTS: dict[str, list[float]] = {
    "float": [0, 1, -1, 1.5, -1.5, 2.5, 100.7, -100.7, 0.3, 127],
    "int": [0, 1, -1, 2, 100, -100, 127],
    "uint": [0, 1, 2, 100, 127],
    "bool": [0, 1],
}


def _cast(op: Operator) -> Iterator[Form]:
    kinds = (
        "float32",
        "float16",
        "float64",
        "int64",
        "int32",
        "int16",
        "int8",
        "uint64",
        "uint32",
        "uint16",
        "uint8",
        "bool",
    )
    for source in kinds:
        values = np.array(CASTS[source.rstrip("0123456789")], source)
        for target in kinds:
            unsigned = np.dtype(target).kind == "u"
            fitting = np.abs(values) if unsigned and source != "bool" else values
            if op.name == "CastLike":
                yield from op.form(fitting, np.zeros(2, target), fixed=[1])
            elif op.version == 1:
                names = {"float32": "FLOAT", "float64": "DOUBLE"}
                yield from op.form(fitting, to=names.get(target, target.upper()))
            else:
                yield from op.form(fitting, to=onnx_type(target), note=f"to {target}")
    yield from op.form(
        np.array([np.inf, -np.inf, 1e-30, 7e4, -7e4], "float32"),
        note="edges",
        to=onnx_type("float16") if op.version > 1 else "FLOAT16",
    )
    yield from op.form(op.real(3), np.zeros(2, "int32")) if op.name == "CastLike" else ()


GENERATORS = {
    "Cast": _cast,
    "CastLike": _cast,
    "Compress": _compress,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "EyeLike": _eye_like,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "NonZero": _non_zero,
    "OneHot": _one_hot,
    "Range": _range,
    "ReverseSequence": _reverse_sequence,
    "Scatter": _scatter,
    "ScatterElements": _scatter,
    "ScatterND": _scatter_nd,
    "Unique": _unique,
}
