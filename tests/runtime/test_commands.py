"""`neo-emulator inspect` and `run` on real artifacts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from e2e.compiling import compile_case
from e2e.models import Case, Graph, tensor
from onnx import TensorProto
from runtime.artifacts import PLATFORM, Artifacts
from support.dlr_client import scenario

from neo_compiler.storage.archive import unpack
from neo_emulator.cli.main import main


def test_run(artifacts: Artifacts, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    built = artifacts.get("conv")
    given = ["--input", str(built.inputs), "--output", str(tmp_path / "out.npz")]
    assert main(["run", str(built.work.archive), *given]) == 0
    assert built.error(tmp_path / "out.npz") < 1e-4
    assert "prob [1, 10] float32" in capsys.readouterr().out


def test_run_a_folder_on_zeros(artifacts: Artifacts, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(artifacts.get("conv").folder)]) == 0
    assert capsys.readouterr().out.startswith("load ")


def test_inspect(artifacts: Artifacts, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(artifacts.get("conv").work.archive)]) == 0
    lines = capsys.readouterr().out.splitlines()
    for line in ("runtime    libdlr", "input      data [1, 3, 32, 32] float32", "output     prob [1, 10] float32"):
        assert line in lines


def test_inspect_a_gpu_artifact(artifacts: Artifacts, capsys: pytest.CaptureFixture[str]) -> None:
    built = artifacts.get("conv", "ml_g4dn")
    assert main(["inspect", str(built.folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "because    its kernels run on NVIDIA sm_75" in lines
    assert any(line.startswith("runtime    apache-tvm 0.27") for line in lines)
    assert main(["run", str(built.folder)]) == 1
    assert "needs a GPU: NVIDIA sm_75" in capsys.readouterr().err


def test_run_a_model_whose_shapes_are_known_only_then(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    g = Graph()
    ends = [tensor("x", TensorProto.INT64, 6)], g.add("Unique", "x"), [tensor("y", TensorProto.INT64, None)]
    case = Case("unique", g.model("unique", *ends, opset=17), {"x": np.array([3, 1, 3, 2, 1, 1])})
    work = compile_case(case, PLATFORM, tmp_path / "work")
    np.savez(tmp_path / "in.npz", **case.inputs)  # type: ignore[arg-type]
    files = ["--input", str(tmp_path / "in.npz"), "--output", str(tmp_path / "out.npz")]
    assert main(["run", str(work.archive), *files]) == 0
    assert np.load(tmp_path / "out.npz")["y"].tolist() == [1, 2, 3]
    assert main(["inspect", str(work.archive)]) == 0
    lines = capsys.readouterr().out.splitlines()
    (reason,) = (line.removeprefix("because").strip() for line in lines if line.startswith("because"))
    assert any(line.startswith("runtime    apache-tvm") for line in lines)
    assert "unique" in reason or "run time" in reason
    unpack(work.archive, tmp_path / "artifact", 1 << 30, 64)
    kind, text = scenario("cannot_load", folder=str(tmp_path / "artifact"))
    assert kind == "DLRError" and reason in text


def test_what_cannot_be_used_is_said(artifacts: Artifacts, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    built = artifacts.get("conv")
    (tmp_path / "text").write_text("text")
    np.savez(tmp_path / "wrong.npz", other=np.zeros(1))
    for arguments, text in (
        (["run", str(tmp_path / "nowhere")], "nowhere"),
        (["inspect", str(tmp_path)], "has no compiled.meta"),
        (["inspect", str(tmp_path / "text")], "is not an artifact"),
        (["run", str(built.folder), "--input", str(tmp_path / "text")], "is not an .npz file"),
        (["run", str(built.folder), "--input", str(tmp_path / "wrong.npz")], "the model takes ['data'], not ['other']"),
    ):
        assert main(arguments) == 1
        assert text in capsys.readouterr().err
