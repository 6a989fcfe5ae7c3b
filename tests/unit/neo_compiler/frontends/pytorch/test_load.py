"""What the PYTORCH importer takes, refuses, and never runs."""

from __future__ import annotations

import io
import json
import pickle
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from frameworks.torch_files import save  # noqa: E402
from frameworks.torch_nets import NETS  # noqa: E402

from neo_compiler.errors import InputConfigurationError  # noqa: E402
from neo_compiler.frontends.base import Tensor, quiet  # noqa: E402
from neo_compiler.frontends.pytorch import file, load  # noqa: E402
from neo_compiler.frontends.pytorch import model as pytorch_model  # noqa: E402


def traced(tmp_path: Path, name: str = "flow", kind: str = "trace") -> Path:
    net, inputs = NETS[name].build()
    return save(net, inputs, kind, tmp_path)


def read(path: Path) -> pytorch_model.Model:
    with quiet():
        return pytorch_model.Model(file.read(path))


def complaint(path: Path, config: Any = None) -> str:
    with pytest.raises(InputConfigurationError) as error:
        load.load([path], config)
    return str(error.value)


def test_shapes_come_from_the_trace(tmp_path: Path) -> None:
    imported = load.load([traced(tmp_path)], None)
    assert imported.inputs == (Tensor("input0", (2, 4), "float32"),)
    assert imported.outputs == (Tensor("output0", (1, 2, 3), "float32"),)
    assert imported.framework_version == "TorchScript"


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ([(2, 4), (2, 6)], ["input0", "input1"]),
        ({"b": (2, 6), "a": (2, 4)}, ["a", "b"]),
        ({"x10": (2, 4), "x9": (2, -1)}, ["x10", "x9"]),
    ],
)
def test_names_are_bound_in_lexical_order(config: Any, names: list[str], tmp_path: Path) -> None:
    model = read(traced(tmp_path, "tabular"))
    assert list(load.bind(config, model.arguments).items()) == list(zip(names, [(2, 4), (2, 6)], strict=True))


def test_token_ids_are_found_by_trying(tmp_path: Path) -> None:
    net, inputs = NETS["text_lstm"].build()
    model = read(save(net, inputs, "script", tmp_path))
    assert model.arguments[0].dtype is None
    assert [item.dtype for item in pytorch_model.examples(model, [(1, 8)])] == [torch.int64]


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (None, "DataInputConfig must give the shape of input input0"),
        ([(2, 4), (2, 4)], "DataInputConfig gives 2 shapes, the model has 1 inputs: x: unknown shape"),
        ({"x": (2, 5)}, "mat1 and mat2 shapes cannot be multiplied"),
    ],
)
def test_wrong_shapes_are_told_with_the_models_own_inputs(config: Any, text: str, tmp_path: Path) -> None:
    said = complaint(traced(tmp_path, kind="script"), config)
    assert text in said
    assert "x: unknown shape" in said or config is None


def test_files(tmp_path: Path) -> None:
    with pytest.raises(InputConfigurationError, match=r"No pth file found for PyTorch model\."):
        load.load([tmp_path / "model.onnx"], None)
    with pytest.raises(InputConfigurationError, match=r"Exactly one \.pth file is allowed"):
        load.load([tmp_path / "a.pth", tmp_path / "b.pt"], None)


class Explosive:
    """Its pickle leaves a file behind when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.write_text, (self.path, "boom")


def state_dict(path: Path, mark: Path) -> None:
    torch.save(NETS["flow"].build()[0].state_dict(), path)


def pickled(path: Path, mark: Path) -> None:
    torch.save(Explosive(mark), path)


def old_pickle(path: Path, mark: Path) -> None:
    path.write_bytes(pickle.dumps(Explosive(mark)))


def junk(path: Path, mark: Path) -> None:
    path.write_bytes(b"junk" * 100)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (state_dict, file.STATE_DICT),
        (pickled, file.PICKLE),
        (old_pickle, file.PICKLE),
        (junk, file.NOT_PYTORCH),
    ],
)
def test_what_is_no_program_is_refused_and_not_run(
    make: Callable[[Path, Path], None], text: str, tmp_path: Path
) -> None:
    path, mark = tmp_path / "model.pth", tmp_path / "mark"
    make(path, mark)
    assert complaint(path, [(2, 4)]) == load.CANNOT_LOAD + text
    assert not mark.exists()


def changed(path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """The zip with its members changed; stored, as torch wants them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(buffer, "w") as after:
        for name in before.namelist():
            after.writestr(name, change(name, before.read(name)))
    path.write_bytes(buffer.getvalue())
    return path


def test_torchscript_that_writes_files_is_refused(tmp_path: Path) -> None:
    class Writer(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            torch.save(x, "mark")
            return x

    path = tmp_path / "model.pth"
    with quiet():
        torch.jit.script(Writer()).save(str(path))
    assert "which reads or writes files" in complaint(path, [(2, 4)])


@pytest.mark.parametrize(
    "code",
    [
        {"expr_str": "open(chr(47))"},
        {"expr_str": "s0.__class__"},
        {"target": "torch.serialization.os.system", "inputs": [], "outputs": []},
        {"target": "torch.ops.aten.from_file.default", "inputs": [], "outputs": []},
        {"target": "torch.hub.load", "inputs": [], "outputs": []},
    ],
)
def test_programs_that_name_more_than_operators_are_refused(code: dict[str, Any], tmp_path: Path) -> None:
    def change(name: str, data: bytes) -> bytes:
        return json.dumps([json.loads(data), code]).encode() if name.endswith("/models/model.json") else data

    assert "is no " in complaint(changed(traced(tmp_path, kind="export"), change), [(2, 4)])


def test_a_pickled_weight_of_a_program_is_not_run(tmp_path: Path) -> None:
    mark, stream = tmp_path / "mark", io.BytesIO()
    torch.save(Explosive(mark), stream)

    def change(name: str, data: bytes) -> bytes:
        if name.endswith("weights_config.json"):
            return data.replace(b'"use_pickle": false', b'"use_pickle": true')
        return stream.getvalue() if "/weights/" in name else data

    path = changed(traced(tmp_path, kind="export"), change)
    assert load.CANNOT_LOAD in complaint(path, [(2, 4)])
    assert not mark.exists()


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from neo_compiler.errors import CompilationError

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(CompilationError, match=r"pip install 'neo-emulator\[torch\]' \(on Linux torch brings CUDA"):
        load.load([tmp_path / "model.pth"], None)


@pytest.mark.parametrize(
    ("compute", "text"),
    [
        (lambda x: torch.nn.functional.avg_pool2d(x, 2, divisor_override=3), "divisor_override of avg_pool2d"),
        (lambda x: torch.nn.functional.max_pool2d(x, 2, return_indices=True), "the indices of max_pool2d"),
        (lambda x: torch.nn.functional.interpolate(x, scale_factor=1.3, mode="bilinear"), "resizes 9 by 1.3"),
    ],
)
def test_what_tvm_gets_wrong_is_refused(compute: Callable[..., Any], text: str, tmp_path: Path) -> None:
    class Net(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> Any:
            return compute(x)

    assert text in complaint(save(Net(), [torch.zeros(1, 2, 9, 7)], "trace", tmp_path))
