"""Normalisation, clipping, dropout, products of matrices, and losses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from support.onnx_forms.choices import choices
from support.onnx_forms.form import Array, Form, Operator

IMAGES: tuple[tuple[int, ...], ...] = ((2, 3, 7), (2, 3, 5, 7), (1, 4, 2, 3, 5), (2, 3))


def _batch(op: Operator) -> Iterator[Form]:
    extra: dict[str, Any] = {"is_test": 1} if op.has("is_test") else {}
    if op.has("consumed_inputs"):
        extra["consumed_inputs"] = [0, 0, 0, 1, 1]
    for shape in IMAGES:
        c = shape[1]
        parameters = op.real(c), op.real(c), op.real(c), op.real(c, low=0.3, high=2)
        x = op.real(*shape)
        for attributes in ({}, {"epsilon": 0.1}, {"momentum": 0.5}):
            yield from op.form(x, *parameters, fixed=[1, 2, 3, 4], **attributes, **extra)
        yield from op.form(x, *parameters, note="fed", **extra)
        per_value = tuple(op.real(*shape[1:], low=0.3, high=2) for _ in range(4))
        yield from op.form(x, *per_value, fixed=[1, 2, 3, 4], spatial=0, **extra)
        yield from op.form(x, *parameters, fixed=[1, 2, 3, 4], training_mode=1, outputs=3)
    for dtype in op.types():
        parameters = tuple(op.real(3, low=0.3).astype(dtype) for _ in range(4))
        yield from op.form(op.any(2, 3, 4, dtype=dtype), *parameters, fixed=[1, 2, 3, 4], **extra)


def _instance(op: Operator) -> Iterator[Form]:
    for shape in IMAGES[:3]:
        for epsilon in (None, 0.1):
            yield from op.form(op.real(*shape), op.real(shape[1]), op.real(shape[1]), fixed=[1, 2], epsilon=epsilon)
        yield from op.form(op.real(*shape), op.real(shape[1]), op.real(shape[1]), note="fed")
    for dtype in op.types():
        yield from op.form(
            op.any(2, 3, 4, 5, dtype=dtype), op.any(3, dtype=dtype), op.any(3, dtype=dtype), fixed=[1, 2]
        )
    yield from op.form(op.real(2, 3, 4), op.real(3), op.real(3), consumed_inputs=[0, 0, 0])


def _layer(op: Operator) -> Iterator[Form]:
    shape = (2, 3, 4, 5)
    for axis in (None, 0, 1, 2, 3, -1, -2, -4):
        part = shape[axis if axis is not None else -1 :]
        for epsilon in (None, 0.1):
            yield from op.form(
                op.real(*shape), op.real(*part), op.real(*part), fixed=[1, 2], axis=axis, epsilon=epsilon
            )
        yield from op.form(op.real(*shape), op.real(*part), fixed=[1], axis=axis)
        yield from op.form(op.real(*shape), op.real(*part), fixed=[1], axis=axis, epsilon=0.1)
        yield from op.form(op.real(*shape), op.real(*part), op.real(*part), fixed=[1, 2], axis=axis, outputs=3)
    for dtype in op.types():
        for stash in (None, 1):
            yield from op.form(op.any(3, 7, dtype=dtype), op.any(7, dtype=dtype), fixed=[1], stash_type=stash)
    yield from op.form(op.real(3, 7), op.real(1), fixed=[1])
    yield from op.form(op.real(3, 7), op.real(7), op.real(7), note="fed")


def _group(op: Operator) -> Iterator[Form]:
    for shape in ((2, 4, 5), (2, 4, 3, 5), (1, 6, 2, 3, 5)):
        for groups in (1, 2, shape[1]):
            size = groups if op.version < 21 else shape[1]
            for epsilon in (None, 0.1):
                yield from op.form(
                    op.real(*shape), op.real(size), op.real(size), fixed=[1, 2], num_groups=groups, epsilon=epsilon
                )
    for dtype in op.types():
        size = 2 if op.version < 21 else 4
        for stash in (None, 1):
            given = op.any(1, 4, 5, dtype=dtype), op.any(size, dtype=dtype), op.any(size, dtype=dtype)
            yield from op.form(*given, fixed=[1, 2], num_groups=2, stash_type=stash)


def _mean_variance(op: Operator) -> Iterator[Form]:
    for axes in (None, [0, 2, 3], [2, 3], [1], [0, 1, 2, 3], [-1, -2]):
        yield from op.form(op.real(2, 3, 4, 5), axes=axes)


def _lrn(op: Operator) -> Iterator[Form]:
    for size in (1, 2, 3, 4, 5, 7):
        for attributes in ({}, {"alpha": 0.5, "beta": 0.6, "bias": 2.0}):
            yield from op.form(op.real(2, 5, 3, 4), size=size, **attributes)
    for shape in ((2, 5, 7), (1, 4, 2, 3, 5), (3, 4)):
        yield from op.form(op.real(*shape), size=3, alpha=0.5)
    for dtype in op.types():
        yield from op.form(op.any(1, 5, 2, 3, dtype=dtype), size=3, alpha=0.5)


BOUNDS = ((None, None), (0, 1), (0, None), (None, 1), (-1, 6), (1, -1), (0, 6), (2, 2))


def _clip(op: Operator) -> Iterator[Form]:
    for low, high in BOUNDS:
        if op.version < 11:
            limits_of = {key: float(item) for key, item in (("min", low), ("max", high)) if item is not None}
            yield from op.form(op.real(2, 3, 5), **limits_of)
            yield from op.form(op.real(2, 3, 5), consumed_inputs=[0], **limits_of)
            continue
        for dtype in op.types():
            if "u" in dtype and min(low or 0, high or 0) < 0:
                continue
            limits = [None if item is None else np.array(item, dtype) for item in (low, high)]
            yield from op.form(op.any(2, 3, 5, dtype=dtype, low=-3, high=8), *limits, fixed=[1, 2])
            if dtype in ("float32", "int64"):
                yield from op.form(op.any(2, 3, 5, dtype=dtype, low=-3, high=8), *limits, note="fed")
    edges = np.array([np.inf, -np.inf, 0, -0.0, 3e38], "float32")
    for low, high in ((None, None), (0, None), (0, 1)):
        if op.version < 11:
            given = {key: float(item) for key, item in (("min", low), ("max", high)) if item is not None}
            yield from op.form(edges, note="edges", **given)
        elif high is not None:  # without a bound, ONNX' text makes infinity the greatest number, its evaluator does not
            yield from op.form(edges, *(np.array(item, "float32") for item in (low, high)), fixed=[1, 2], note="edges")


def _dropout(op: Operator) -> Iterator[Form]:
    extra: dict[str, Any] = {"is_test": 1} if op.has("is_test") else {}
    for outputs in (1, 2):
        for dtype in op.types():
            yield from op.form(op.any(2, 3, dtype=dtype), outputs=outputs, **extra)
        yield from op.form(op.real(2, 3), outputs=outputs, ratio=0.3, **extra)
        yield from op.form(op.real(2, 3), outputs=outputs, consumed_inputs=[0], **extra)
        if op.version >= 12:
            ratio = np.array(0.3, "float32")
            yield from op.form(op.real(2, 3), ratio, fixed=[1, 2], outputs=outputs)
            yield from op.form(op.real(2, 3), ratio, np.array(False), fixed=[1, 2], outputs=outputs, seed=1)
            yield from op.form(op.real(2, 3), np.array(0, "float32"), np.array(True), fixed=[1, 2], outputs=outputs)


def _gemm(op: Operator) -> Iterator[Form]:
    old = {"broadcast": 1} if op.has("broadcast") else {}
    for left in choices(op.name, "transA"):
        for right in choices(op.name, "transB"):
            a = op.real(*((3, 5) if not left else (5, 3)))
            b = op.real(*((5, 4) if not right else (4, 5)))
            for shape in ((3, 4), (4,), (1, 4), (3, 1), (1,), ()):
                kept = old and {"broadcast": int(shape != (3, 4))}
                for scale in ({}, {"alpha": 0.5, "beta": 2.0}):
                    if shape == (3, 4) or op.version >= 7 or shape not in ((3, 1), (1, 4)):
                        yield from op.form(
                            a, b, op.real(*shape), fixed=[1, 2], transA=left, transB=right, **scale, **kept
                        )
            yield from op.form(a, b, transA=left, transB=right, fixed=[1], alpha=2.0)
            yield from op.form(a, b, op.real(3, 4), transA=left, transB=right, note="fed")
    for dtype in op.types():
        yield from op.form(op.any(3, 5, dtype=dtype), op.any(5, 4, dtype=dtype), op.any(3, 4, dtype=dtype))
        yield from op.form(
            op.any(3, 5, dtype=dtype), op.any(5, 4, dtype=dtype), op.any(3, 4, dtype=dtype), alpha=2.0, beta=3.0
        )
    yield from op.form(op.real(1, 17), op.real(17, 1), op.real(1, 1), fixed=[1, 2])
    yield from op.form(op.real(2, 3), op.real(3, 4), op.real(2, 4), beta=0.0)


PRODUCTS: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    *(((3, 5), (5, 4)), ((5,), (5, 4)), ((3, 5), (5,)), ((5,), (5,)), ((2, 3, 5), (5, 4)), ((2, 3, 5), (2, 5, 4))),
    *(((3, 5), (2, 5, 4)), ((2, 1, 3, 5), (3, 5, 4)), ((1, 3, 5), (2, 5, 4)), ((2, 3, 5), (5,)), ((5,), (2, 5, 4))),
    *(((1, 1), (1, 1)), ((17, 33), (33, 19))),
)


def _matmul(op: Operator) -> Iterator[Form]:
    for left, right in PRODUCTS:
        yield from op.form(op.real(*left), op.real(*right))
        yield from op.form(op.real(*left), op.real(*right), fixed=[1])
        yield from op.form(op.real(*left), op.real(*right), fixed=[0])
    for dtype in op.types():
        yield from op.form(op.any(2, 3, 5, dtype=dtype), op.any(5, 4, dtype=dtype))


EQUATIONS: tuple[tuple[str, tuple[tuple[int, ...], ...]], ...] = (
    *(("ij->ji", ((2, 3),)), ("ij->i", ((2, 3),)), ("ij->", ((2, 3),)), ("ii->i", ((3, 3),)), ("ii", ((3, 3),))),
    *(("ij,jk->ik", ((2, 3), (3, 4))), ("ij,jk", ((2, 3), (3, 4))), ("bij,bjk->bik", ((2, 3, 4), (2, 4, 5)))),
    *(("i,i->", ((3,), (3,))), ("i,j->ij", ((3,), (4,))), ("...ij->...ji", ((2, 3, 4),))),
    *(("...ij,...jk->...ik", ((2, 3, 4), (2, 4, 5))), ("bhwc,hkc->bhwk", ((2, 3, 4, 5), (3, 6, 5)))),
    *(("...ii->...i", ((2, 3, 3),)), ("ij,ij->ij", ((2, 3), (2, 3))), (" i j , j k -> i k ", ((2, 3), (3, 4)))),
    *(("ij,jk,kl->il", ((2, 3), (3, 4), (4, 5))), ("bij,bj->bi", ((2, 3, 4), (2, 4))), ("Ab,bC->AC", ((2, 3), (3, 4)))),
    *(("ijk->kji", ((2, 3, 4),)), ("ba", ((2, 3),)), ("b...,b...->...", ((2, 3), (2, 3)))),
)


def _einsum(op: Operator) -> Iterator[Form]:
    for equation, shapes in EQUATIONS:
        yield from op.form(*(op.real(*shape) for shape in shapes), equation=equation)
    for dtype in op.types():
        yield from op.form(op.any(2, 3, dtype=dtype), op.any(3, 4, dtype=dtype), equation="ij,jk->ik")


def _loss(op: Operator) -> Iterator[Form]:
    for tail in ((), (4,), (3, 2)):
        scores, labels = op.real(3, 5, *tail), op.whole(3, *tail, low=0, high=5)
        weights: Array = op.real(5, low=0.1)
        for reduction in (None, *choices(op.name, "reduction")):
            for ignored in (None, 2, -1):
                for given in (None, weights):
                    outputs = 1 if op.name.startswith("N") else 2
                    yield from op.form(
                        scores, labels, given, fixed=[2], outputs=outputs, reduction=reduction, ignore_index=ignored
                    )
    for dtype in op.types():
        yield from op.form(op.any(3, 5, dtype=dtype), np.array([1, 0, 4], "int32"))


GENERATORS = {
    "BatchNormalization": _batch,
    "Clip": _clip,
    "Dropout": _dropout,
    "Einsum": _einsum,
    "Gemm": _gemm,
    "GroupNormalization": _group,
    "InstanceNormalization": _instance,
    "LRN": _lrn,
    "LayerNormalization": _layer,
    "MatMul": _matmul,
    "MeanVarianceNormalization": _mean_variance,
    "NegativeLogLikelihoodLoss": _loss,
    "RMSNormalization": _layer,
    "SoftmaxCrossEntropyLoss": _loss,
}
