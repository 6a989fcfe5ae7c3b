"""Keras nets of the kinds that are compiled, and the files they are saved as; weights are random but fixed.

Run as a script it writes them: TensorFlow must not be loaded beside torch, which other tests load.
    python keras_nets.py FOLDER
FOLDER/NET.h5, NET.keras, NET/saved_model.pb, NET_frozen.pb, and NET.npz: inputs x0, x1, ..., outputs y0, y1, ...
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SEED = 7


def cnn(layers: Any) -> tuple[Any, Any]:
    start = layers.Input((16, 20, 3), name="input_1")
    net = layers.Conv2D(8, 3, padding="same", use_bias=False)(start)
    net = layers.ReLU(6.0)(layers.BatchNormalization()(net))
    net = layers.DepthwiseConv2D(3, strides=2, padding="same")(net)
    net = layers.Concatenate()([layers.MaxPool2D(2)(net), layers.AveragePooling2D(2)(net)])
    net = layers.GlobalAveragePooling2D()(layers.UpSampling2D()(net))
    return start, layers.Dense(10, activation="softmax")(layers.Dropout(0.5)(net))


def segments(layers: Any) -> tuple[Any, Any]:
    """Its output is an image."""
    start = layers.Input((8, 12, 3), name="image")
    net = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(start)
    return start, layers.Conv2DTranspose(2, 3, strides=2, padding="same")(net)


def lstm(layers: Any) -> tuple[Any, Any]:
    start = layers.Input((5, 8), name="input_1")
    return start, layers.Dense(3)(layers.LSTM(16)(start))


def mlp(layers: Any) -> tuple[Any, Any]:
    """Two inputs, declared in the other order than that of their names, and two outputs."""
    second, first = layers.Input((6,), name="b"), layers.Input((4,), name="a")
    both = layers.Dense(3, activation="tanh")(layers.Concatenate()([first, second]))
    return [second, first], [both, layers.Dense(2, activation="gelu")(second)]


def attention(layers: Any) -> tuple[Any, Any]:
    start = layers.Input((7, 32), name="input_1")
    net = layers.LayerNormalization()(layers.MultiHeadAttention(4, 8)(start, start) + start)
    return start, layers.Dense(4)(layers.GlobalAveragePooling1D()(net))


def stack(layers: Any) -> list[Any]:
    """A Sequential model, Keras' simplest form."""
    start = layers.Input((8, 8, 3), name="input_1")
    return [start, layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), layers.Dense(5)]


Net = tuple[Any, Any] | list[Any]
"""Inputs and outputs, or the layers of a Sequential model."""
NETS: dict[str, Callable[[Any], Net]] = {
    "cnn": cnn,
    "segments": segments,
    "lstm": lstm,
    "mlp": mlp,
    "attention": attention,
    "stack": stack,
}


def write(folder: Path) -> None:
    for name, build in NETS.items():
        _save(name, build, folder)


def _save(name: str, build: Callable[[Any], Net], folder: Path) -> None:
    import keras

    keras.utils.set_random_seed(SEED)
    built = build(keras.layers)
    model = keras.Sequential(built) if isinstance(built, list) else keras.Model(*built)
    model.name = name
    random = np.random.default_rng(SEED)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 1.5, item.shape) for item in layer.get_weights()])
    for ending in ("h5", "keras"):
        model.save(folder / f"{name}.{ending}")
    model.export(folder / name, verbose=False)
    freeze(model, folder / f"{name}_frozen.pb")
    inputs = [random.standard_normal((1, *item.shape[1:])).astype("f4") for item in model.inputs]
    results = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    outputs = results if isinstance(results, list) else [results]
    arrays = {f"x{index}": array for index, array in enumerate(inputs)}
    arrays |= {f"y{index}": np.asarray(array) for index, array in enumerate(outputs)}
    np.savez(folder / f"{name}.npz", **arrays)


def freeze(model: Any, path: Path) -> None:
    """Writes the model as a frozen graph."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    function = tf.function(lambda *inputs: model(list(inputs) if len(inputs) > 1 else inputs[0], training=False))
    specs = [tf.TensorSpec(item.shape, tf.float32, name=item.name) for item in model.inputs]
    frozen = convert_variables_to_constants_v2(function.get_concrete_function(*specs))
    path.write_bytes(frozen.graph.as_graph_def().SerializeToString())


if __name__ == "__main__":
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1", KERAS_BACKEND="tensorflow")
    write(Path(sys.argv[1]))
