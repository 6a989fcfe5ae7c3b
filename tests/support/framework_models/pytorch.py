"""PyTorch nets built as real ones are, and a trained one out of a wheel."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from support import real_models
from support.framework_models import Array, Arrays, Files, Model, normal

try:
    from frameworks.torch_files import save, truth
    from frameworks.torch_nets import NETS
except ImportError:  # no torch: every row is skipped
    NETS = {}

FRAMEWORK = "PYTORCH"
KINDS = {
    "resnet": ("image", "trace"),
    "mobilenet": ("image", "script"),
    "unet": ("image", "export"),
    "vit": ("image", "trace"),
    "audio": ("audio", "trace"),
    "text_lstm": ("text", "trace"),
    "gpt": ("text", "export"),
    "tabular": ("tabular", "trace"),
}
"""Nets of frameworks.torch_nets -> kind of data, and how the file is made (frameworks.torch_files)."""

SILERO = "silero-vad==6.2.3"
RATE = 16000


def _net(name: str) -> Model:
    kind, way = KINDS[name]

    def files() -> Files:
        pytest.importorskip("torch")
        with tempfile.TemporaryDirectory() as folder:
            path = save(*NETS[name].build(), way, Path(folder))
            return {path.name: path.read_bytes()}

    def inputs() -> Arrays:
        return {f"input{place}": item.numpy() for place, item in enumerate(NETS[name].build()[1])}

    def expected(_files: Files, _inputs: Arrays) -> list[Array]:
        return truth(*NETS[name].build())

    shapes = [list(shape) for shape in NETS[name].shapes] if NETS else None
    return Model(f"{name} ({way})", kind, "made by script, random weights", files, shapes, inputs, expected)


def _silero() -> Files:
    """Its sampling rate is an integer argument, which no tensor can give: a wrapper fixes it."""
    torch = pytest.importorskip("torch")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "silero_vad.jit")
        path.write_bytes(real_models.from_wheel(SILERO, "data/silero_vad.jit"))

        class Fixed(torch.nn.Module):  # type: ignore[misc,name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.model = torch.jit.load(str(path))

            def forward(self, audio):  # type: ignore[no-untyped-def]
                return self.model(audio, 16000)

        torch.jit.script(Fixed().eval()).save(str(path))
        return {"model.pth": path.read_bytes()}


def _silero_numbers(files: Files, inputs: Arrays) -> list[Array]:
    import torch

    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        path = Path(folder, "model.pth")
        path.write_bytes(files["model.pth"])
        result: Array = torch.jit.load(str(path))(torch.from_numpy(inputs["audio"])).numpy()
        return [result]


MODELS = [
    *map(_net, KINDS),
    Model(
        *("silero-vad (jit)", "audio", f"PyPI {SILERO}, sr fixed", _silero, {"audio": [1, 512]}),
        *(lambda: {"audio": normal(1, 512)}, _silero_numbers),
    ),
]
