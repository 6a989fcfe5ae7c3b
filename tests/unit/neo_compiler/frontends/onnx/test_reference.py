"""The reference is exact on every CPU: it computes what integers of 64 bits give, also where ONNX Runtime saturates.

`qemu-x86_64-static -cpu Haswell python -m pytest` runs this on a CPU without VNNI, whatever the machine has.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from support import products
from support.products import Form

from neo_compiler.frontends.onnx.reference import run_reference, session, unsigned

EVALUATED = [kind for kind in products.KINDS if kind != "QDQ"]
"""What ONNX's evaluator takes: not DequantizeLinear of an opset below 19."""

MATRIX = [(kind, values, False) for kind in products.KINDS for values in products.VALUES]
MATRIX += [(kind, values, True) for kind in products.DEEP_KINDS for values in products.VALUES]


def same(found: Any, form: Form) -> bool:
    return found.dtype == form.exact.dtype and np.array_equal(found, form.exact)


@pytest.mark.parametrize(("kind", "values", "deep"), MATRIX)
def test_every_product_of_bytes_is_exact(kind: str, values: str, deep: bool) -> None:
    forms = products.forms(kind, values, deep)
    wrong = [form.name for form in forms if not same(run_reference(form.model, form.inputs)[0], form)]
    assert forms and wrong == []


@pytest.mark.parametrize("kind", EVALUATED)
def test_onnx_s_evaluator_is_exact_too(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes ONNX Runtime's place where that is not installed."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    forms = products.forms(kind, "ends")
    wrong = [form.name for form in forms if not same(run_reference(form.model, form.inputs)[0], form)]
    assert wrong == []


def test_the_numbers_tell_kernels_that_saturate() -> None:
    """Sums with vpmaddubsw's limit in place would be seen: every form of uint8 by int8 has one."""
    for form in products.forms("MatMulInteger", "greatest"):
        if "uint8 int8" not in form.name or "fed" not in form.name or "none" not in form.name:
            continue
        a, b = (array.astype("int64") for array in form.inputs.values())
        pairs = a[:, :, None] * b[None]
        saturated = np.clip(pairs[:, ::2] + pairs[:, 1::2], -(2**15), 2**15 - 1).sum(1)
        assert not np.array_equal(saturated, form.exact)
        return
    pytest.fail("no such form")


def test_products_in_branches_and_functions_are_found() -> None:
    """They read what is outside; a function's body is put in its place."""
    (form,) = [
        f
        for f in products.forms("MatMulInteger", "greatest")
        if f.name == "MatMulInteger uint8 int8, zero points: none"
    ]
    model = onnx.ModelProto.FromString(form.model.SerializeToString())
    inner = [node for node in model.graph.node if node.op_type == "MatMulInteger"]
    weight = inner[0].input[1]
    branch = [helper.make_node("MatMulInteger", inner[0].input, ["in_branch"])]
    value = helper.make_tensor_value_info("in_branch", TensorProto.INT32, None)
    graph = helper.make_graph(branch, "branch", [], [value])
    call = helper.make_node("Mine", inner[0].input, ["called"], domain="mine")
    chosen = helper.make_node("If", ["yes"], ["chosen"], then_branch=graph, else_branch=graph)
    body = [helper.make_node("MatMulInteger", ["a", "b"], ["c"])]
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("mine", 1)]
    made = helper.make_model(
        helper.make_graph(
            [chosen, call, helper.make_node("Add", ["chosen", "called"], ["sum"])],
            "nested",
            list(model.graph.input),
            [helper.make_tensor_value_info("sum", TensorProto.INT32, None)],
            [tensor for tensor in model.graph.initializer if tensor.name == weight]
            + [numpy_helper.from_array(np.array(True), "yes")],
        ),
        opset_imports=opsets,
        functions=[helper.make_function("mine", "Mine", ["a", "b"], ["c"], body, opsets[:1])],
        ir_version=8,
    )
    (found,) = run_reference(made, form.inputs)
    assert np.array_equal(found, 2 * form.exact)


@pytest.mark.parametrize("external", [False, True], ids=["in one file", "weights beside it"])
def test_files_are_read_with_their_weights(external: bool, tmp_path: Path) -> None:
    (form,) = [
        f for f in products.forms("MatMulInteger", "ends") if f.name == "MatMulInteger uint8 int8, zero points: one"
    ]
    path = str(tmp_path / "model.onnx")
    onnx.save(
        form.model,
        path,
        save_as_external_data=external,
        all_tensors_to_one_file=True,
        location="weights",
        size_threshold=0,
    )
    assert (tmp_path / "weights").exists() == external
    assert same(run_reference(path, form.inputs)[0], form)


def test_models_without_such_products_are_left_alone() -> None:
    node = helper.make_node("Add", ["x", "x"], ["y"])
    values = [helper.make_tensor_value_info(name, TensorProto.INT8, [2]) for name in "xy"]
    model = helper.make_model(
        helper.make_graph([node], "g", values[:1], values[1:]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    assert unsigned(model).graph.node == model.graph.node
    x = np.array([1, -3], "int8")
    assert session(model).run(None, {"x": x})[0].tolist() == [2, -6]


def test_a_factor_of_unknown_type_is_refused() -> None:
    """Better no reference than a wrong one."""
    nodes = [
        helper.make_node("Secret", ["x"], ["b"], domain="somebody.s"),
        helper.make_node("MatMulInteger", ["x", "b"], ["y"]),
    ]
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info("x", TensorProto.UINT8, [2, 2])],
            [helper.make_tensor_value_info("y", TensorProto.INT32, [2, 2])],
        ),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("somebody.s", 1)],
        ir_version=8,
    )
    with pytest.raises(ValueError, match="MatMulInteger reads b, whose type is not known"):
        session(model)


def test_the_unsigned_model_means_the_same_by_onnx_s_word() -> None:
    for kind in EVALUATED:
        for form in products.forms(kind, "any"):
            (found,) = ReferenceEvaluator(unsigned(form.model)).run(None, form.inputs)
            assert same(found, form), form.name
