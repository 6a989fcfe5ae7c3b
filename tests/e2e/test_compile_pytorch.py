"""PyTorch models: compiled, run, and held against the net they were saved from."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from frameworks.compiled import error, run_compiled  # noqa: E402
from frameworks.torch_files import save, truth  # noqa: E402
from frameworks.torch_nets import NETS  # noqa: E402

SAMPLE = [
    ("resnet", "script"),
    ("audio", "trace"),
    ("encoder", "trace"),
    ("unet", "trace"),
    ("gpt", "script"),
    ("tabular", "export"),
]
"""(net, how it is saved); `make test-frameworks` has them all."""


@pytest.mark.parametrize(("name", "kind"), SAMPLE)
def test_numbers_are_those_of_pytorch(name: str, kind: str, tmp_path: Path) -> None:
    net, inputs = NETS[name].build()
    shapes = [list(item.shape) for item in inputs]
    outputs = run_compiled(
        "PYTORCH", save(net, inputs, kind, tmp_path), shapes, [item.numpy() for item in inputs], tmp_path / "job"
    )
    assert error(outputs, truth(net, inputs)) < 1e-5
