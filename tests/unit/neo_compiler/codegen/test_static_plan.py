import json

import numpy as np

from neo_compiler.codegen.static_plan import Call, Plan, PlanTensor, aligned, refusal

PLAN = Plan(
    inputs=(("x", 0),),
    outputs=(("größe", 2),),
    tensors=(
        PlanTensor("float32", (1, 3)),
        PlanTensor("float32", (3,), weight="p0"),
        PlanTensor("float32", (1, 3), 64),
        PlanTensor("float32", (3, 1), weight="p0"),
    ),
    calls=(Call("add", (0, 1, 2)), Call("scale", (2, {"i": 5}, 2))),
    arena_bytes=128,
    weights={"p0": np.ones(3, "float32"), "unused": np.ones(1, "float32")},
)


def test_to_json() -> None:
    assert json.loads(PLAN.to_json("compiled.so", "compiled.params", {"p0": 192, "unused": 256})) == {
        "format": "static-plan",
        "version": 1,
        "lib": "compiled.so",
        "params": "compiled.params",
        "arena": 128,
        "inputs": [["x", 0]],
        "outputs": [["größe", 2]],
        "weights": [["p0", 1]],
        "tensors": [
            *(["a", 0, "float32", [1, 3]], ["p", 192, "float32", [3]]),
            *(["a", 64, "float32", [1, 3]], ["p", 192, "float32", [3, 1]]),
        ],
        "calls": [["add", 0, 1, 2], ["scale", 2, {"i": 5}, 2]],
    }


def test_refusal() -> None:
    assert json.loads(refusal("operator relax.unique")) == {"format": "tvm-vm", "reason": "operator relax.unique"}


def test_aligned() -> None:
    assert [aligned(size) for size in (0, 1, 64, 65)] == [0, 64, 64, 128]
