"""Compares an artifact's outputs with those of the model's own framework.

The artifact runs on this machine on random inputs; a wrongly compiled model must not become COMPLETED.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neo_compiler.errors import CompilationError, one_line
from neo_compiler.frontends.base import Array, Imported, Reference, Tensor
from neo_compiler.runtime.execute import CannotRun, load_artifact

SEED = 0
TOLERANCE = 1e-3
"""Maximum error of a float relative to the output's largest value (or to 1, if that is less)."""

QUANTISED_TOLERANCE = 0.05
"""The same for a quantised model: sums in another order may round differently, which later layers amplify."""

QUANTISED_STEPS = 1
"""Maximum error of an 8-bit integer; other integers must be equal."""

INTEGER_BOUNDS = (100, 2, 1)
"""Upper bounds of random integers, tried in turn: token IDs, flags and lengths may have small ranges."""


def check(archive: Path, imported: Imported, files: list[Path], reference: Reference | None) -> str:
    """Runs the check. Returns a log line: the result, or why nothing was compared.

    Raises CompilationError if values differ, or if the artifact fails and the framework does not.
    """
    if reference is None:
        return "self check: none, this framework has no reference"
    try:
        artifact = load_artifact(archive)
    except CannotRun as reason:
        return f"self check: none, {reason}"
    try:
        inputs, expected = _expected(imported, files, reference)
    except ImportError as error:
        return f"self check: none, the source framework is not installed ({error})"
    if inputs is None:
        return "self check: none, the source framework accepts no random input"
    try:
        outputs = artifact.run(inputs)
    except Exception as error:  # any exception of the artifact is the result
        raise CompilationError(f"Self check: the compiled model does not run. {one_line(error)}") from error
    return f"self check: max abs error {compare(imported, outputs, expected):.3g}"


def compare(imported: Imported, outputs: Mapping[str, Array], expected: list[Array]) -> float:
    """The largest absolute error of all outputs. Raises CompilationError if one exceeds its tolerance."""
    if len(imported.outputs) != len(expected):
        raise CompilationError(
            f"Self check: the compiled model has {len(imported.outputs)} outputs, the source {len(expected)}"
        )
    tolerance = QUANTISED_TOLERANCE if _rounds(imported) else TOLERANCE
    return max(
        (
            _compare_one(item.name, outputs[item.name], np.asarray(right), tolerance)
            for item, right in zip(imported.outputs, expected, strict=True)
        ),
        default=0.0,
    )


def random_inputs(imported: Imported, bound: int, seed: int = SEED) -> dict[str, Array]:
    """A value for every input: floats around 0, 8-bit integers of any value, other integers from 0 to `bound`."""
    generator = np.random.default_rng(seed)
    return {item.name: _random(item, bound, generator) for item in imported.inputs}


def _expected(
    imported: Imported, files: list[Path], reference: Reference
) -> tuple[dict[str, Array] | None, list[Array]]:
    """The first random inputs that the source framework accepts, with its outputs. Raises ImportError."""
    for bound in INTEGER_BOUNDS:
        inputs = random_inputs(imported, bound)
        try:
            return inputs, reference(files, inputs)
        except ImportError:
            raise
        except Exception:  # probably an index out of range
            continue
    return None, []


def _random(item: Tensor, bound: int, generator: np.random.Generator) -> Array:
    shape = tuple(max(1, size) for size in item.shape or ())  # a dynamic size becomes 1
    dtype = np.dtype(item.dtype)
    if dtype.kind == "b":
        return generator.integers(0, 2, shape).astype(dtype)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        low, high = (limits.min, limits.max + 1) if dtype.itemsize == 1 else (0, bound)
        return np.asarray(generator.integers(low, high, shape)).astype(dtype)
    return np.asarray(generator.standard_normal(shape)).astype(dtype)


def _rounds(imported: Imported) -> bool:
    from neo_compiler.passes.quantization.qparams import rounds  # needs tvm

    return imported.module is not None and rounds(imported.module)


def _compare_one(name: str, left: Array, right: Array, tolerance: float) -> float:
    if left.shape != right.shape:
        raise CompilationError(
            f"Self check: output {name} has shape {list(left.shape)}, the source framework's has {list(right.shape)}"
        )
    if not left.size:
        return 0.0
    a, b = left.astype("float64"), right.astype("float64")
    error = _max_error(a, b)
    if error > _allowed(right.dtype, b, tolerance):
        raise CompilationError(
            f"Self check: the compiled model computes wrong values. Output {name} differs from the source framework: "
            f"max abs error {error:.4g}, largest value {_largest(b):.4g}"
        )
    return error


def _max_error(left: Array, right: Array) -> float:
    """Equal infinities and NaN at the same places count as equal."""
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    with np.errstate(invalid="ignore"):
        difference = np.where(same, 0.0, np.abs(left - right))
    return float(np.max(np.nan_to_num(difference, nan=np.inf)))


def _allowed(dtype: np.dtype[Any], right: Array, tolerance: float) -> float:
    if dtype.kind == "f":
        return tolerance * max(1.0, _largest(right))
    return float(QUANTISED_STEPS) if dtype.kind in "iu" and dtype.itemsize == 1 else 0.0


def _largest(array: Array) -> float:
    finite = array[np.isfinite(array)]
    return float(np.max(np.abs(finite))) if finite.size else 0.0
