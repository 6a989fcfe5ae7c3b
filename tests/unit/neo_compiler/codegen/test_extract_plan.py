"""What becomes a static plan and what does not, on small relax modules; the plan is run through libdlr."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tvm
from tvm import relax

from neo_compiler.artifact import params
from neo_compiler.codegen import machine_code
from neo_compiler.codegen.extract_plan import NotStatic, extract
from neo_compiler.codegen.link import link_kernels
from neo_compiler.codegen.static_plan import FILE, Plan, refusal
from neo_compiler.lowering.lower import lower
from neo_compiler.lowering.targets import tvm_target
from neo_compiler.runtime.dlr import DlrError, Model
from neo_targets.registry import resolve
from neo_targets.runtime import RUNTIMES

Body = Callable[[relax.BlockBuilder, Any], Any]
SPEC = resolve({"TargetPlatform": {"Os": "LINUX", "Arch": "X86_64"}})


def lowered(body: Body, shape: Any, dtype: str) -> tvm.IRModule:
    """main(x) = body(x), lowered."""
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType(shape, dtype))
    with builder.function("main", [x]):
        with builder.dataflow():
            result = body(builder, x)
            fields = list(result) if isinstance(result, tuple) else [result]
            outputs = [builder.emit_output(field) for field in fields]
        builder.emit_func_output(outputs[0] if len(outputs) == 1 else relax.Tuple(outputs))
    return lower(builder.get(), tvm_target(SPEC)).module


def plan(body: Body, shape: Any = (2, 4), dtype: str = "float32", outputs: int = 1) -> Plan:
    return extract(lowered(body, shape, dtype), ["x"], [f"y{index}" for index in range(outputs)], {})


def run(body: Body, x: np.ndarray, folder: Path, outputs: int = 1) -> list[np.ndarray]:
    """What libdlr computes."""
    module = lowered(body, x.shape, str(x.dtype))
    found = extract(module, ["x"], [f"y{index}" for index in range(outputs)], {})
    link_kernels(machine_code.write_kernels(module, tvm_target(SPEC), folder), SPEC, folder)
    offsets = params.write(found.weights, folder / "compiled.params")
    (folder / FILE).write_text(found.to_json("compiled.so", "compiled.params", offsets))
    (folder / "libdlr.so").write_bytes(RUNTIMES["x86_64-linux"].path.read_bytes())
    model = Model(folder, "libdlr.so")
    results = list(model.run({"x": x}).values())
    model.close()
    return results


F32 = np.array([[3, -1, 2, 2], [0, 5, -7, 1]], "float32")
COMPUTED: dict[str, tuple[Body, np.ndarray, list[np.ndarray]]] = {
    "sort": (lambda b, x: b.emit(relax.op.sort(x)), F32, [np.sort(F32)]),
    "argsort": (lambda b, x: b.emit(relax.op.argsort(x, dtype="int64")), F32, [np.argsort(F32, kind="stable")]),
    "split": (lambda b, x: tuple(b.emit(relax.op.split(x, 2, 1))), F32, [F32[:, :2], F32[:, 2:]]),
    "itself": (lambda b, x: x, F32, [F32]),
    "view": (lambda b, x: b.emit(relax.op.reshape(x, (4, 2))), F32, [F32.reshape(4, 2)]),
    "small constant": (
        lambda b, x: b.emit(relax.op.add(x, relax.const(np.arange(4, dtype="float32")))),
        F32,
        [F32 + np.arange(4, dtype="float32")],
    ),
    "scalar": (lambda b, x: b.emit(relax.op.sum(x)), F32, [F32.sum()]),
    "bool": (lambda b, x: b.emit(relax.op.logical_not(x)), F32 > 0, [F32 <= 0]),
    "no rows": (lambda b, x: b.emit(relax.op.add(x, x)), F32[:0], [F32[:0]]),
}
NARROW = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float64")


@pytest.mark.parametrize("name", sorted(COMPUTED))
def test_libdlr_computes(name: str, tmp_path: Path) -> None:
    body, x, expected = COMPUTED[name]
    for found, wanted in zip(run(body, x, tmp_path, len(expected)), expected, strict=True):
        assert found.dtype == wanted.dtype and found.shape == wanted.shape
        assert np.array_equal(found, wanted)


@pytest.mark.parametrize("dtype", NARROW)
def test_every_type(dtype: str, tmp_path: Path) -> None:
    x = np.arange(8).reshape(2, 4).astype(dtype)
    (found,) = run(lambda b, x: b.emit(relax.op.add(x, x)), x, tmp_path)
    assert found.dtype == x.dtype and np.array_equal(found, x + x)


def test_a_small_constant_becomes_a_weight() -> None:
    found = plan(lambda b, x: b.emit(relax.op.add(x, relax.const(np.arange(4, dtype="float32")))))
    assert [array.tolist() for array in found.weights.values()] == [[0, 1, 2, 3]]


def test_unique_is_not_static() -> None:
    with pytest.raises(NotStatic, match=r"unique|run time"):
        plan(lambda b, x: b.emit(relax.op.unique(x, return_index=False)), (4,))


def test_an_open_shape_is_not_static() -> None:
    with pytest.raises(NotStatic, match=r"x is known only at run time"):
        plan(lambda b, x: b.emit(relax.op.add(x, x)), (tvm.tirx.Var("n", "int64"), 4))


def test_the_number_of_outputs_must_agree() -> None:
    with pytest.raises(NotStatic, match="gives back 1 tensors for 2 outputs"):
        plan(lambda b, x: x, outputs=2)


def test_libdlr_gives_the_reason(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(refusal("operator relax.run.unique"))
    (tmp_path / "libdlr.so").write_bytes(RUNTIMES["x86_64-linux"].path.read_bytes())
    with pytest.raises(DlrError, match=r"not for libdlr: operator relax\.run\.unique\. The manifest names"):
        Model(tmp_path, "libdlr.so")
