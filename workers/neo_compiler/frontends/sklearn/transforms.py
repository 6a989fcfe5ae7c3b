"""scikit-learn's transformers as relax operators: class -> (graph, fitted estimator, x [rows, columns]) -> columns.

Each row computes what the estimator's `transform` does, in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tvm import relax

from neo_compiler.frontends.relax_graph import Graph
from neo_compiler.tvm_types import Expr

Estimator = Any
Transform = Callable[[Graph, Estimator, Expr], Expr]


class NotSupported(ValueError):  # noqa: N818 - caught by name
    """An estimator, or a setting of one, that has no form here; the text says which."""


def transform(graph: Graph, estimator: Estimator, x: Expr) -> Expr:
    """The estimator's `transform`. Raises NotSupported."""
    if isinstance(estimator, str) and estimator in ("passthrough", "drop"):
        return x
    if hasattr(estimator, "get_support"):  # every feature selector has it
        return columns(graph, x, estimator.get_support(indices=True))
    convert = TRANSFORMS.get(type(estimator).__name__)
    if convert is None:
        raise NotSupported(
            f"{type(estimator).__name__} is not a transformer that can be compiled; supported are "
            f"{', '.join(sorted(TRANSFORMS))}, and feature selectors"
        )
    return convert(graph, estimator, x)


def columns(graph: Graph, x: Expr, indices: Any) -> Expr:
    """Some columns of x, in that order."""
    picked = graph.constant(np.asarray(indices), "int64")
    return graph.emit(relax.op.take(x, picked, axis=1, mode="clip"))


def matmul(graph: Graph, x: Expr, weights: Any, bias: Any = None) -> Expr:
    """x @ weights + bias; weights [columns, outputs]."""
    product = graph.emit(relax.op.matmul(x, graph.constant(weights)))
    return product if bias is None else graph.emit(relax.op.add(product, graph.constant(np.atleast_1d(bias))))


def concat(graph: Graph, parts: list[Expr]) -> Expr:
    """Columns side by side."""
    if not parts:
        raise NotSupported("A transformer that gives no columns")
    return parts[0] if len(parts) == 1 else graph.emit(relax.op.concat(parts, axis=1))


def width(x: Expr) -> int:
    """The number of columns."""
    return int(x.ty.shape.values[1])


def _affine(graph: Graph, x: Expr, center: Any, scale: Any) -> Expr:
    """(x - center) / scale, each of them optional."""
    if center is not None:
        x = graph.emit(relax.op.subtract(x, graph.constant(center)))
    return x if scale is None else graph.emit(relax.op.divide(x, graph.constant(scale)))


def _standard(graph: Graph, e: Estimator, x: Expr) -> Expr:
    return _affine(graph, x, e.mean_ if e.with_mean else None, e.scale_ if e.with_std else None)


def _robust(graph: Graph, e: Estimator, x: Expr) -> Expr:
    return _affine(graph, x, e.center_ if e.with_centering else None, e.scale_ if e.with_scaling else None)


def _min_max(graph: Graph, e: Estimator, x: Expr) -> Expr:
    x = graph.emit(relax.op.multiply(x, graph.constant(e.scale_)))
    x = graph.emit(relax.op.add(x, graph.constant(e.min_)))
    return graph.emit(relax.op.clip(x, *map(float, e.feature_range))) if e.clip else x


def _max_abs(graph: Graph, e: Estimator, x: Expr) -> Expr:
    x = _affine(graph, x, None, e.scale_)
    return graph.emit(relax.op.clip(x, -1.0, 1.0)) if getattr(e, "clip", False) else x


def _normalizer(graph: Graph, e: Estimator, x: Expr) -> Expr:
    if e.norm == "l2":
        norm = graph.emit(relax.op.sqrt(relax.op.sum(relax.op.multiply(x, x), axis=1, keepdims=True)))
    else:
        fold = relax.op.sum if e.norm == "l1" else relax.op.max
        norm = graph.emit(fold(relax.op.abs(x), axis=1, keepdims=True))
    empty = relax.op.equal(norm, graph.constant(0))
    return graph.emit(relax.op.divide(x, relax.op.where(empty, graph.constant(1), norm)))


def _binarizer(graph: Graph, e: Estimator, x: Expr) -> Expr:
    return graph.emit(relax.op.astype(relax.op.greater(x, graph.constant(e.threshold)), "float32"))


def _imputer(graph: Graph, e: Estimator, x: Expr) -> Expr:
    if e.add_indicator:
        raise NotSupported("SimpleImputer with add_indicator")
    values = np.asarray(e.statistics_, "float64")
    if np.isnan(values).any():  # columns without a value are dropped
        kept = np.flatnonzero(~np.isnan(values))
        x, values = columns(graph, x, kept), values[kept]
    is_nan = isinstance(e.missing_values, float) and np.isnan(e.missing_values)
    missing = relax.op.isnan(x) if is_nan else relax.op.equal(x, graph.constant(e.missing_values))
    return graph.emit(relax.op.where(missing, graph.constant(values), x))


def _projection(graph: Graph, e: Estimator, x: Expr) -> Expr:
    """PCA and TruncatedSVD."""
    components = np.asarray(e.components_, "float64")
    if getattr(e, "whiten", False):
        components = components / np.sqrt(np.maximum(e.explained_variance_, np.finfo("float64").eps))[:, None]
    mean = getattr(e, "mean_", None)
    return matmul(graph, x if mean is None else _affine(graph, x, mean, None), components.T)


def _polynomial(graph: Graph, e: Estimator, x: Expr) -> Expr:
    """Each output column is a product of input columns; a column of ones fills up."""
    powers = np.asarray(e.powers_)
    ones = graph.emit(relax.op.full((graph.rows, 1), graph.constant(1), "float32"))
    factors = [np.repeat(np.arange(powers.shape[1]), row) for row in powers]
    indices = np.full((max(map(len, factors), default=1) or 1, len(factors)), powers.shape[1])
    for place, row in enumerate(factors):
        indices[: len(row), place] = row
    extended = concat(graph, [x, ones])
    result = columns(graph, extended, indices[0])
    for row in indices[1:]:
        result = graph.emit(relax.op.multiply(result, columns(graph, extended, row)))
    return result


def _one_hot(graph: Graph, e: Estimator, x: Expr) -> Expr:
    """One column per category; a value of none has only zeros, as handle_unknown="ignore" says."""
    if getattr(e, "_infrequent_enabled", False):
        raise NotSupported("OneHotEncoder with infrequent categories")
    parts, dropped = [], e.drop_idx_ if e.drop_idx_ is not None else [None] * len(e.categories_)
    for index, (categories, drop) in enumerate(zip(e.categories_, dropped, strict=True)):
        if categories.dtype.kind not in "iufb":
            raise NotSupported(f"OneHotEncoder of categories that are no numbers: {categories[:3].tolist()}")
        kept = categories if drop is None else np.delete(categories, int(drop))
        same = relax.op.equal(columns(graph, x, [index]), graph.constant(kept[None, :]))
        parts.append(graph.emit(relax.op.astype(same, "float32")))
    return concat(graph, parts)


def _pipeline(graph: Graph, e: Estimator, x: Expr) -> Expr:
    for _, step in e.steps:
        x = x if step is None else transform(graph, step, x)
    return x


def _union(graph: Graph, e: Estimator, x: Expr) -> Expr:
    weights = e.transformer_weights or {}
    parts = []
    for name, step in e.transformer_list:
        if step == "drop":
            continue
        part = transform(graph, step, x)
        parts.append(graph.emit(relax.op.multiply(part, graph.constant(weights[name]))) if name in weights else part)
    return concat(graph, parts)


def _by_column(graph: Graph, e: Estimator, x: Expr) -> Expr:
    """ColumnTransformer: its columns by number, mask or name."""
    names = list(getattr(e, "feature_names_in_", []))
    parts = []
    for name, step, wanted in e.transformers_:
        if isinstance(step, str) and step == "drop":
            continue
        indices = _indices(wanted, names, width(x))
        if len(indices):
            part = transform(graph, step, columns(graph, x, indices))
            weight = (e.transformer_weights or {}).get(name)
            parts.append(part if weight is None else graph.emit(relax.op.multiply(part, graph.constant(weight))))
    return concat(graph, parts)


def _indices(wanted: Any, names: list[str], count: int) -> list[int]:
    if isinstance(wanted, slice):
        if isinstance(wanted.start, str) or isinstance(wanted.stop, str):
            raise NotSupported("ColumnTransformer with a slice of names")
        return list(range(count))[wanted]
    items = [wanted] if isinstance(wanted, str | int) else list(wanted)
    if items and all(isinstance(item, bool | np.bool_) for item in items):
        return [int(index) for index in np.flatnonzero(items)]
    try:
        return [names.index(item) if isinstance(item, str) else int(item) % count for item in items]
    except (ValueError, TypeError) as error:
        raise NotSupported(f"ColumnTransformer with the columns {wanted!r}") from error


_FUNCTIONS: dict[str, Callable[[Expr], Expr]] = {
    "exp": relax.op.exp,
    "log": relax.op.log,
    "sqrt": relax.op.sqrt,
    "abs": relax.op.abs,
    "absolute": relax.op.abs,
    "sin": relax.op.sin,
    "cos": relax.op.cos,
    "tanh": relax.op.tanh,
    "square": lambda x: relax.op.multiply(x, x),
    "log1p": lambda x: relax.op.log(relax.op.add(x, relax.const(1.0, "float32"))),
    "expm1": lambda x: relax.op.subtract(relax.op.exp(x), relax.const(1.0, "float32")),
}
"""NumPy's functions of one array that FunctionTransformer may call."""


def _function(graph: Graph, e: Estimator, x: Expr) -> Expr:
    if e.func is None:
        return x
    name = str(getattr(e.func, "__name__", e.func))
    if name not in _FUNCTIONS or e.kw_args:
        raise NotSupported(f"FunctionTransformer of {name}; supported are {', '.join(sorted(_FUNCTIONS))} of NumPy")
    return graph.emit(_FUNCTIONS[name](x))


TRANSFORMS: dict[str, Transform] = {
    "StandardScaler": _standard,
    "MinMaxScaler": _min_max,
    "MaxAbsScaler": _max_abs,
    "RobustScaler": _robust,
    "Normalizer": _normalizer,
    "Binarizer": _binarizer,
    "SimpleImputer": _imputer,
    "PCA": _projection,
    "TruncatedSVD": _projection,
    "PolynomialFeatures": _polynomial,
    "OneHotEncoder": _one_hot,
    "FunctionTransformer": _function,
    "Pipeline": _pipeline,
    "FeatureUnion": _union,
    "ColumnTransformer": _by_column,
}
