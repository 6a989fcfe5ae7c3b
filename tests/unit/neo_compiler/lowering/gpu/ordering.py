"""Operators whose threads depend on each other: scans, sorts, scatters. Run by pocl, in a process of its own.

    python -m unit.neo_compiler.lowering.gpu.ordering DEVICE [CASES]     DEVICE: a row of the table of devices
Prints a JSON object: case -> the largest difference from ONNX Runtime over the largest number, or why it was refused.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from e2e.compiling import truth
from e2e.models import Arrays, Case
from onnx import helper, numpy_helper
from support import opencl
from support.apart import MISSING, last_line

from neo_compiler import frontends
from neo_compiler.codegen import machine_code
from neo_compiler.codegen.cubin import device_source
from neo_compiler.errors import CompileError
from neo_compiler.lowering.lower import lower
from neo_compiler.lowering.targets import tvm_target
from neo_targets.registry import DEVICES

OPSET = 18


TIMEOUT_SECONDS = 560


def run_apart(device: str, *names: str) -> dict[str, float | str]:
    """What `main` prints. Skips the test without pocl."""
    found: dict[str, float | str] = json.loads(
        last_line("unit.neo_compiler.lowering.gpu.ordering", device, *names, seconds=TIMEOUT_SECONDS)
    )
    return found


def node(op: str, inputs: Arrays, constants: Arrays | None = None, results: int = 1, **attributes: Any) -> Case:
    """A model of one node."""
    fixed = constants or {}
    graph = helper.make_graph(
        [helper.make_node(op, [*inputs, *fixed], [f"out{index}" for index in range(results)], **attributes)],
        op,
        [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
            for name, value in inputs.items()
        ],
        [helper.make_empty_tensor_value_info(f"out{index}") for index in range(results)],
        [numpy_helper.from_array(value, name) for name, value in fixed.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    return Case(op, model.SerializeToString(), inputs)


def numbers(*shape: int, dtype: str = "float32") -> Any:
    random = np.random.default_rng(3)
    if dtype.startswith("float"):
        return random.standard_normal(shape).astype(dtype)
    return random.integers(-9, 9, shape).astype(dtype)


def cumsum(x: Any, axis: int, **attributes: int) -> Callable[[], Case]:
    return lambda: node("CumSum", {"x": x}, {"axis": np.array(axis)}, **attributes)


def topk(x: Any, k: int, **attributes: int) -> Callable[[], Case]:
    return lambda: node("TopK", {"x": x}, {"k": np.array([k])}, 2, **attributes)


def scatter_elements(reduction: str, axis: int, data: Any, indices: Any) -> Callable[[], Case]:
    updates = numbers(*indices.shape, dtype=str(data.dtype))
    return lambda: node("ScatterElements", {"x": data, "i": indices, "u": updates}, axis=axis, reduction=reduction)


def scatter_nd(reduction: str, data: Any, indices: Any) -> Callable[[], Case]:
    shape = (*indices.shape[:-1], *data.shape[indices.shape[-1] :])
    updates = numbers(*shape, dtype=str(data.dtype))
    return lambda: node("ScatterND", {"x": data, "i": indices, "u": updates}, reduction=reduction)


def _distinct(rows: int, of: int, count: int) -> Any:
    random = np.random.default_rng(5)
    return np.stack([random.permutation(of)[:count] for _ in range(rows)])


TWICE = np.array([[0, 1], [3, 7], [0, 1], [2, 2]])
REPEATED = np.random.default_rng(6).integers(0, 20, (4, 40))
X = numbers(4, 300)
TIES = numbers(6, 50, dtype="int32").astype("float32")
BOXES = np.sort(np.random.default_rng(7).random((1, 30, 4)).astype("float32"), axis=-1)[..., [0, 1, 2, 3]]

CASES: dict[str, Callable[[], Case]] = {
    "cumsum, last axis": cumsum(X, 1),
    "cumsum, long": cumsum(numbers(2, 5000), 1),
    "cumsum, one row": cumsum(numbers(70000), 0),
    "cumsum, many rows": cumsum(numbers(300, 17), -1),
    "cumsum, first axis": cumsum(X, 0),
    "cumsum, middle axis": cumsum(numbers(3, 70, 5), 1),
    "cumsum, exclusive": cumsum(X, 1, exclusive=1),
    "cumsum, reverse": cumsum(X, 1, reverse=1),
    "cumsum, exclusive, reverse": cumsum(numbers(3, 70, 5), 1, exclusive=1, reverse=1),
    "cumsum, int32": cumsum(numbers(4, 300, dtype="int32"), 1),
    "cumsum, int64": cumsum(numbers(4, 300, dtype="int64"), 1),
    "cumsum, exclusive, long": cumsum(numbers(2, 5000), 1, exclusive=1),
    "cumsum, lines of 65": cumsum(numbers(5, 65, 3), 1),
    "cumsum, one element": cumsum(numbers(4, 1), 1),
    "topk": topk(X, 5),
    "topk, ties": topk(TIES, 20),
    "topk, smallest": topk(X, 7, largest=0),
    "topk, first axis": topk(numbers(300, 3), 5, axis=0),
    "topk, middle axis": topk(numbers(3, 70, 5), 5, axis=1),
    "topk, all": topk(X, 300),
    "topk, one": topk(X, 1),
    "topk, long": topk(numbers(2, 9000), 40),
    "topk, int32": topk(numbers(4, 50, dtype="int32"), 20),
    "topk, int64": topk(numbers(4, 50, dtype="int64"), 20),
    "argmax": lambda: node("ArgMax", {"x": X}, axis=1),
    "argmin, ties": lambda: node("ArgMin", {"x": TIES}, axis=1),
    "argmax, ties, last": lambda: node("ArgMax", {"x": TIES}, axis=1, select_last_index=1),
    "hardmax": lambda: node("Hardmax", {"x": X}, axis=1),
    **{
        f"scatter elements, {reduction}, axis {axis}": scatter_elements(reduction, axis, numbers(4, 300), indices)
        for reduction in ("none", "add", "mul", "max", "min")
        for axis, indices in ((1, _distinct(4, 300, 10)), (0, _distinct(7, 4, 3).T.copy()))
    },
    **{
        f"scatter elements, {reduction}, repeated": scatter_elements(reduction, 1, numbers(4, 20), REPEATED)
        for reduction in ("add", "mul", "max", "min")
    },
    **{
        f"scatter elements, fewer lines, axis {axis}": scatter_elements(
            "none", axis, numbers(3, 4, 5), np.full((2, 2, 2), 2) - np.indices((2, 2, 2))[axis]
        )
        for axis in range(3)
    },
    "scatter elements, below zero": scatter_elements("none", 1, numbers(4, 300), _distinct(4, 300, 10) - 300),
    "scatter elements, int64": scatter_elements("add", 1, numbers(4, 20, dtype="int64"), REPEATED),
    **{
        f"scatter nd, {reduction}": scatter_nd(reduction, numbers(4, 30), TWICE[1:])
        for reduction in ("none", "add", "mul", "max", "min")
    },
    **{
        f"scatter nd, {reduction}, repeated": scatter_nd(reduction, numbers(4, 30), TWICE)
        for reduction in ("add", "mul", "max", "min")
    },
    "scatter nd, rows": scatter_nd("none", numbers(9, 30), np.array([[2], [-1], [5]])),
    "scatter nd, rows added, repeated": scatter_nd("add", numbers(9, 30), np.array([[2], [2], [5], [2]])),
    "nonzero": lambda: node("NonZero", {"x": numbers(5, 7, dtype="int32")}),
    "unique": lambda: node("Unique", {"x": numbers(50, dtype="int32").astype("float32")}),
    "compress": lambda: node("Compress", {"x": X, "c": np.array([True, False, True, True])}, axis=0),
    "nms": lambda: node(
        "NonMaxSuppression",
        {"b": BOXES, "s": np.random.default_rng(8).random((1, 2, 30)).astype("float32")},
        {"n": np.array([5]), "iou": np.array([0.5], "float32"), "score": np.array([0.1], "float32")},
    ),
    "multinomial": lambda: node("Multinomial", {"x": X}, sample_size=5),
    "max unpool": lambda: node(
        "MaxUnpool",
        {"x": numbers(1, 2, 2, 2), "i": np.arange(8, dtype="int64").reshape(1, 2, 2, 2) * 4},
        kernel_shape=[2, 2],
        strides=[2, 2],
    ),
    "reduce prod": lambda: node("ReduceProd", {"x": numbers(3, 20)}, {"a": np.array([1])}),
    "one hot": lambda: node(
        "OneHot", {"i": np.array([0, 5, 3])}, {"d": np.array(6), "v": np.array([0.0, 1.0], "float32")}
    ),
    "gather nd": lambda: node("GatherND", {"x": numbers(4, 30), "i": TWICE}),
    "gather elements": lambda: node("GatherElements", {"x": X, "i": REPEATED}, axis=1),
}


def check(device: str, case: Case, runner: Any) -> float:
    """The largest difference over the largest number, or over 1. Raises CompileError."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / case.file
        path.write_bytes(case.model)
        imported = frontends.loader(case.framework)([path], case.shapes)
    target = tvm_target(DEVICES[device])
    lowered = lower(imported.module, target)
    text = device_source(machine_code.generate(lowered.module, target).mod)
    expected = list(truth(case).values())
    names = [item.name for item in imported.outputs]
    found = opencl.Program(text, lowered, target, list(case.inputs), names, runner).run(case.inputs)
    worst = 0.0
    for array, wanted in zip(found.values(), expected, strict=True):
        assert array.shape == wanted.shape, (array.shape, wanted.shape)
        left, right = array.astype("float64"), wanted.astype("float64")
        worst = max(worst, float(np.abs(left - right).max() / max(1.0, float(np.abs(right).max()))))
    return worst


def main(device: str, *names: str) -> int:
    try:
        runner = opencl.device()
    except opencl.NotInstalledError as missing:
        print(missing)
        return MISSING
    found: dict[str, Any] = {}
    for name in names or CASES:
        try:
            found[name] = check(device, CASES[name](), runner)
        except CompileError as refused:
            found[name] = str(refused)
        print(name, found[name], file=sys.stderr, flush=True)
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
