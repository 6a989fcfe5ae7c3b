"""The stock dlr package, unmodified, loads and runs our artifacts: all of it through tests/runtime/client.py."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from runtime.artifacts import MODELS, Artifacts
from support.dlr_client import scenario

from neo_compiler.runtime import dlr

MAX_ERROR = 1e-4
MEBIBYTE = 1 << 20


@pytest.mark.parametrize("model", sorted(MODELS))
@pytest.mark.parametrize("as_array", [False, True], ids=["dict", "array"])
def test_numbers_are_onnxruntimes(model: str, as_array: bool, artifacts: Artifacts, tmp_path: Path) -> None:
    built = artifacts.get(model)
    found = scenario(
        "run", folder=str(built.folder), inputs=str(built.inputs), outputs=str(tmp_path / "y.npz"), as_array=as_array
    )
    assert built.error(tmp_path / "y.npz") < MAX_ERROR
    assert found["inputs"] == {name: str(array.dtype) for name, array in built.case.inputs.items()}
    assert found["outputs"] == {name: str(array.dtype) for name, array in built.truth.items()}
    assert found["shapes"] == [list(array.shape) for array in built.truth.values()]
    assert found["weights"] == len(built.work.plan.weights)  # type: ignore[union-attr]
    assert found["metadata"] and found["version"] == "1.10.0"
    assert not found["tvm"] and not found["phone_home"]


def test_wrong_use_is_an_error_and_no_harm(artifacts: Artifacts) -> None:
    built = artifacts.get("magika")
    found = scenario("refusals", folder=str(built.folder), inputs=str(built.inputs))
    mismatch = "InputError: Mismatch found in input data size. Value read: 2047, Expected: 2048"
    assert found == {
        "name": ["ValueError", "nonsense is not a valid input name."],  # the client's own check
        "shape": ["DLRError", mismatch],
        "dtype": ["ValueError", "input data with name bytes should have dtype int32 but float64 is provided"],
        "library name": ["DLRError", "there is no input named nonsense"],
        "index": ["DLRError", "index 99 is out of range: there are 1"],
        "negative index": ["DLRError", "index -1 is out of range: there are 1"],
        "null": ["DLRError", "there is no model behind this handle"],
        "still works": True,
    }


def test_two_models_and_many_threads(artifacts: Artifacts) -> None:
    both = [artifacts.get("conv"), artifacts.get("transformer")]
    folders, inputs = ([str(getattr(built, name)) for built in both] for name in ("folder", "inputs"))
    assert scenario("threads", folders=folders, inputs=inputs, count=8, rounds=40) == 0


def test_a_thousand_models_leave_nothing(artifacts: Artifacts) -> None:
    built = artifacts.get("conv")
    found = scenario("leak", folder=str(built.folder), inputs=str(built.inputs), times=1000, warm_up=50)
    print(found)
    assert found["grown_bytes"] < 4 * MEBIBYTE  # a leak of the arena alone would be 50
    assert found["threads"] == 1 and found["mapped"] == 0


def test_a_forked_child_runs_its_parents_model(artifacts: Artifacts) -> None:
    built = artifacts.get("conv")
    assert scenario("fork", folder=str(built.folder), inputs=str(built.inputs)) == 0


def test_a_gpu_artifact_says_what_it_needs(artifacts: Artifacts) -> None:
    built = artifacts.get("conv", "ml_g4dn")
    for device in ("cpu", "gpu"):
        kind, text = scenario("cannot_load", folder=str(built.folder), device=device)
        assert kind == "DLRError"
        assert text == ("this model is not for libdlr: its kernels run on NVIDIA sm_75. The manifest names its runtime")
    assert json.loads((built.folder / "manifest").read_text())["runtime"]["name"] == "apache-tvm"


def test_a_cpu_artifact_is_for_the_cpu(artifacts: Artifacts) -> None:
    text = "this model is compiled for the CPU"
    assert scenario("cannot_load", folder=str(artifacts.get("conv").folder), device="gpu") == ["DLRError", text]


@pytest.mark.parametrize("name", ["compiled.so", "compiled.params", "compiled_model.json"])
def test_an_artifact_with_a_file_missing(name: str, artifacts: Artifacts, tmp_path: Path) -> None:
    shutil.copytree(artifacts.get("conv").folder, tmp_path / "größe")
    (tmp_path / "größe" / name).unlink()
    kind, text = scenario("cannot_load", folder=str(tmp_path / "größe"))
    assert kind == "DLRError" and name in text and text.isascii()


def test_a_plan_may_not_write_into_the_parameters(artifacts: Artifacts, tmp_path: Path) -> None:
    built = artifacts.get("conv")
    folder = Path(shutil.copytree(built.folder, tmp_path / "changed"))
    library = next(folder.glob("libdlr.so")).name
    dlr.Model(folder, library).close()
    plan = json.loads((folder / "compiled_model.json").read_text(encoding="utf-8"))
    constant = next(index for index, tensor in enumerate(plan["tensors"]) if tensor[0] == "p")
    for call in plan["calls"]:
        last = max(at for at, argument in enumerate(call) if isinstance(argument, int))
        kept, call[last] = call[last], constant
        (folder / "compiled_model.json").write_text(json.dumps(plan), encoding="utf-8")
        with pytest.raises(dlr.DlrError, match="writes into the parameters"):
            dlr.Model(folder, library)
        call[last] = kept
