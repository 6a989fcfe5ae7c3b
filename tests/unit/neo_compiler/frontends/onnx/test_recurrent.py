"""LSTM, GRU and RNN against ONNX Runtime."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from e2e.compiling import compile_archive, request, tar_gz
from onnx import helper, numpy_helper
from support.onnx_run import run_model

from neo_compiler.frontends.onnx.reference import run_reference
from neo_compiler.runtime.execute import load_artifact

MAX_ERROR = 1e-5
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
LENGTH, BATCH, WIDTH, HIDDEN = 5, 3, 4, 6


def recurrent(op: str, *extra: str, length: int = LENGTH, **attributes: Any) -> tuple[Any, dict[str, Any]]:
    """A model of one layer and values for what it is fed: X, the states, the lengths."""
    random = np.random.default_rng(5)
    directions, gates = (2 if attributes.get("direction") == "bidirectional" else 1), GATES[op]
    shapes = {
        "X": (length, BATCH, WIDTH),
        "W": (directions, gates * HIDDEN, WIDTH),
        "R": (directions, gates * HIDDEN, HIDDEN),
        "B": (directions, 2 * gates * HIDDEN),
        "initial_h": (directions, BATCH, HIDDEN),
        "initial_c": (directions, BATCH, HIDDEN),
        "P": (directions, 3 * HIDDEN),
    }
    values = {name: random.standard_normal(shape).astype("float32") for name, shape in shapes.items()}
    values["sequence_lens"] = np.array([length, 1, length - 2], "int32")
    names = [name if name in ("X", "W", "R", *extra) else "" for name in INPUTS[: 8 if op == "LSTM" else 6]]
    outputs = ["Y", "Y_h"] + (["Y_c"] if op == "LSTM" else [])
    node = helper.make_node(op, names, outputs, "layer", hidden_size=HIDDEN, **attributes)
    fed = {name: values[name] for name in names if name and name not in ("W", "R", "B", "P")}
    types = [
        helper.make_tensor_value_info(k, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for k, v in fed.items()
    ]
    weights = [numpy_helper.from_array(values[name], name) for name in names if name in ("W", "R", "B", "P")]
    graph = helper.make_graph(
        [node],
        "g",
        types,
        [helper.make_tensor_value_info(o, 1, [None] * (4 if o == "Y" else 3)) for o in outputs],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model, fed


CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "LSTM states, peepholes": recurrent("LSTM", "B", "initial_h", "initial_c", "P"),
    "LSTM both ways, lengths": recurrent("LSTM", "B", "sequence_lens", "initial_h", direction="bidirectional"),
    "LSTM clip, functions": recurrent("LSTM", "B", clip=0.5, activations=["HardSigmoid", "Softsign", "Relu"]),
    "LSTM coupled": recurrent("LSTM", "B", input_forget=1),
    "LSTM long": recurrent("LSTM", "B", length=200),
    "GRU both ways": recurrent("GRU", "B", "initial_h", direction="bidirectional"),
    "GRU linear, lengths, back": recurrent("GRU", "B", "sequence_lens", linear_before_reset=1, direction="reverse"),
    "RNN functions": recurrent(
        "RNN",
        "B",
        activations=["Affine", "LeakyRelu"],
        direction="bidirectional",
        activation_alpha=[0.5, 0.3],
        activation_beta=[0.1],
    ),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_computes_what_onnxruntime_computes(name: str) -> None:
    model, inputs = CASES[name]
    for left, right in zip(run_model(model, inputs), run_reference(model, inputs), strict=True):
        np.testing.assert_allclose(left, right, atol=MAX_ERROR, rtol=MAX_ERROR)


def test_the_artifact_is_a_static_plan_of_few_calls(tmp_path: Path) -> None:
    model, inputs = CASES["LSTM long"]
    archive = tar_gz({"model.onnx": model.SerializeToString()})
    work = compile_archive(archive, request({"Os": "LINUX", "Arch": "X86_64"}), tmp_path)
    assert work.plan is not None, work.not_static
    assert len(work.plan.calls) < 20  # not one per step
    found = load_artifact(work.archive).run(inputs)
    for name, right in zip(("Y", "Y_h", "Y_c"), run_reference(model, inputs), strict=True):
        np.testing.assert_allclose(found[name], right, atol=MAX_ERROR, rtol=MAX_ERROR)
