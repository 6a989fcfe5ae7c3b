"""Compiles what keras_nets writes and prints, as JSON, each one's error against Keras, and what a Lambda gets.

A process of its own, so that TensorFlow is never loaded beside torch.
    python -m frameworks.keras_check FOLDER
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import _pytest.outcomes
import numpy as np
from frameworks import keras_nets
from frameworks.compiled import error, run_compiled

from neo_compiler import frontends
from neo_compiler.errors import InputConfigurationError
from neo_compiler.tvm_import import load_tvm

CASES = [
    ("KERAS", "cnn.h5"),
    ("KERAS", "lstm.h5"),
    ("KERAS", "mlp.h5"),
    ("KERAS", "segments.h5"),
    ("KERAS", "attention.keras"),
    ("KERAS", "stack.h5"),
    ("KERAS", "stack.keras"),
    ("TENSORFLOW", "cnn"),
    ("TENSORFLOW", "lstm"),
    ("TENSORFLOW", "mlp"),
    ("TENSORFLOW", "attention"),
    ("TENSORFLOW", "mlp_frozen.pb"),
]
REAL = ("KERAS", "TENSORFLOW")
INPUTS = {"mlp": ["b", "a"], "segments": ["image"]}


def difference(framework: str, name: str, folder: Path) -> float:
    net = name.partition(".")[0].removesuffix("_frozen")
    saved = np.load(folder / f"{net}.npz")
    inputs, outputs = ([laid_out(framework, saved[key]) for key in sorted(saved) if key[0] == kind] for kind in "xy")
    shapes = {key: list(array.shape) for key, array in zip(INPUTS.get(net, ["input_1"]), inputs, strict=True)}
    results = run_compiled(framework, folder / name, shapes, inputs, folder / f"job_{framework}_{name}")
    # TensorFlow writes a frozen graph's nodes in another order each time, and theirs is that of the outputs
    return error(dict(sorted(results.items())) if name.endswith(".pb") else results, outputs)


def laid_out(framework: str, array: Any) -> Any:
    return array.transpose(0, 3, 1, 2).copy() if framework == "KERAS" and array.ndim == 4 else array


def hostile(folder: Path, ending: str) -> str:
    """What a model with code in it is told; the code would make a file."""
    import keras

    canary = folder / "canary"
    name = str(canary)  # what the Lambda closes over is written as JSON
    start = keras.layers.Input((2,))
    model = keras.Model(
        start,
        keras.layers.Lambda(
            lambda x: [x, open(name, "w")][0]  # noqa: PTH123, SIM115
        )(start),
    )
    path = folder / f"hostile.{ending}"
    model.save(path)
    canary.unlink()
    try:
        frontends.loader("KERAS")([path], {"x": (1, 2)})
    except InputConfigurationError as refusal:
        return "it ran" if canary.exists() else str(refusal)
    return "not refused"


def random(folder: Path) -> str:
    """What a model with random numbers is told; a layer that is random in training alone is taken."""
    import keras
    import tensorflow as tf

    module = tf.Module()
    module.call = tf.function(lambda x: {"y": x + tf.random.normal((2, 3))})
    signature = module.call.get_concrete_function(tf.TensorSpec((2, 3), name="x"))
    tf.saved_model.save(module, str(folder / "random"), signatures=signature)
    start = keras.layers.Input((3,), name="input_1")
    noisy = keras.Model(start, keras.layers.Dropout(0.5)(keras.layers.GaussianNoise(0.5)(start)))
    noisy.save(folder / "noisy.keras")
    frontends.loader("KERAS")([folder / "noisy.keras"], {"input_1": (1, 3)})
    try:
        frontends.loader("TENSORFLOW")([path for path in (folder / "random").rglob("*") if path.is_file()], None)
    except InputConfigurationError as refusal:
        return str(refusal)
    return "not refused"


def real(framework: str, folder: Path) -> list[float] | str:
    """Error and allowed error of the first row of the frameworks' table, a trained model; else why it is not there."""
    from support.framework_models.run import run

    module = importlib.import_module(f"support.framework_models.{framework.lower()}")
    try:
        result = run(framework, module.MODELS[0], folder)
    except _pytest.outcomes.Skipped as reason:
        return str(reason)
    return [result.max_error, result.allowed]


def main() -> None:
    folder = Path(sys.argv[1])
    load_tvm()  # as what compiles fork from does: TVM would load torch
    from neo_compiler.frontends.tensorflow.source import ENVIRONMENT

    os.environ.update(ENVIRONMENT)
    keras_nets.write(folder)
    found: dict[str, Any] = {f"{framework} {name}": difference(framework, name, folder) for framework, name in CASES}
    found |= {f"real {framework}": real(framework, folder / f"real_{framework}") for framework in REAL}
    found |= {f"hostile.{ending}": hostile(folder, ending) for ending in ("h5", "keras")}
    found["random"] = random(folder)
    print(json.dumps(found | {"torch": "torch" in sys.modules}))


if __name__ == "__main__":
    main()
