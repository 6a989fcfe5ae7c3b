"""Small models as MXNet 1.9.1 exported them, with what it computed (see make_mxnet_fixtures.py)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from support.framework_models import Array, Arrays, Files, Model

FRAMEWORK = "MXNET"
FOLDER = Path(__file__).parents[1] / "mxnet"
NAMES = ("convolutions", "mlp", "shapes", "words")


def files(name: str) -> Files:
    return {path.name: path.read_bytes() for path in FOLDER.glob(f"{name}-*")}


def inputs(name: str) -> dict[str, Array]:
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return {"data": arrays["in0"].astype("float32")}


def expected(name: str) -> list[Array]:
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return [arrays[f"out{index}"] for index in range(len(arrays.files) - 1)]


def _model(name: str, kind: str) -> Model:
    def recorded(_files: Files, _inputs: Arrays) -> list[Array]:
        return expected(name)

    shape = list(inputs(name)["data"].shape)
    return Model(
        name,
        kind,
        "Gluon, recorded from MXNet 1.9.1",
        lambda: files(name),
        {"data": shape},
        lambda: inputs(name),
        recorded,
    )


MODELS = [
    _model("convolutions", "image"),
    _model("mlp", "tabular"),
    _model("shapes", "tabular"),
    _model("words", "text"),
]
