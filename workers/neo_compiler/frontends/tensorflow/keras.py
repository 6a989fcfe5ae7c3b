"""KERAS: one .h5 or .keras file through TensorFlow, images turned to NCHW as Neo compiles them.

Source: neo-ai's model loader (neo-loader, Apache-2.0) for the texts; its relay frontend kept NCHW from the input to
the output, so that outputs of four dimensions are NCHW too.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from neo_compiler.errors import InputConfigurationError
from neo_compiler.frontends.base import Array, Imported, one_file, quiet, visible
from neo_compiler.frontends.tensorflow import source as tensorflow_source
from neo_compiler.frontends.tensorflow.source import Source, cause
from neo_compiler.input_config import DYNAMIC, ModelInput, Shape, match
from neo_compiler.storage import zip_members

ENDINGS = (".h5", ".keras")
ZIP = ".keras"
MEMBERS = re.compile(r"metadata\.json|config\.json|model\.weights\.h5|assets/.+")
CANNOT_LOAD = "Unable to load provided Keras model. Error: "
CANNOT_CONVERT = "TVM cannot convert the Keras model. "
LAMBDA = (
    "layer {name} is a Lambda, whose Python code this service does not run: "
    "replace it by a layer of Keras, or compile as TENSORFLOW what model.export() writes"
)
IMAGE_RANK = 4
TO_NHWC = (0, 2, 3, 1)
TO_NCHW = (0, 3, 1, 2)


@quiet()
def load(files: list[Path], config: dict[str, Shape] | list[Shape] | None) -> Imported:
    """The model of an unpacked archive. Raises InputConfigurationError with Neo's texts."""
    source = _source(files)
    if isinstance(config, dict):
        _check(config, source.inputs)
    shapes = match(config, source.inputs)
    return tensorflow_source.to_relax(source, shapes, CANNOT_CONVERT)


@quiet()
def reference(files: list[Path], inputs: Mapping[str, Array]) -> list[Array]:
    """What Keras computes for inputs in the model's order, NCHW."""
    return tensorflow_source.run(_source(files), list(inputs.values()))


def _source(files: list[Path]) -> Source:
    names = [path.name for path in visible(files, *ENDINGS)]
    path = one_file(
        files,
        ENDINGS,
        f"No h5 file provided in {[path.name for path in files]}.",
        f"Multiple h5 files provided, {names}, when only one is allowed.",
    )
    tensorflow_source.tensorflow("KERAS")
    import keras

    try:
        for layer in _lambdas(_architecture(path)):
            raise ValueError(LAMBDA.format(name=layer))
        model = keras.models.load_model(path, compile=False, safe_mode=True)
        if not model.built or not getattr(model, "inputs", None):
            raise ValueError("the model has no inputs of known shape: call it or build() it before save()")
        return _described(model, path.suffix.lower(), keras.__version__)
    except Exception as error:  # Keras raises many types
        raise InputConfigurationError(f"{CANNOT_LOAD}{cause(error)}") from error


def _described(model: Any, form: str, version: str) -> Source:
    import keras
    import tensorflow as tf

    # one that is Sequential has neither attribute: its only output is its last layer's
    simple = isinstance(model, keras.Sequential)
    packed = model.inputs[0] if simple else model.input
    outputs = [model.layers[-1].name] if simple else list(model.output_names)

    def call(*inputs: Any) -> list[Any]:
        turned = [tf.transpose(item, TO_NHWC) if len(item.shape) == IMAGE_RANK else item for item in inputs]
        result = tf.nest.flatten(model(tf.nest.pack_sequence_as(packed, turned), training=False))
        return [tf.transpose(item, TO_NCHW) if len(item.shape) == IMAGE_RANK else item for item in result]

    inputs = [ModelInput(item.name, _nchw(item.shape), str(item.dtype)) for item in model.inputs]
    return Source(call, inputs, outputs, f"{form}, read by Keras {version}")


def _nchw(shape: Any) -> Shape:
    own = tuple(DYNAMIC if size is None else int(size) for size in shape)
    return tuple(own[axis] for axis in TO_NCHW) if len(own) == IMAGE_RANK else own


def _check(config: dict[str, Shape], inputs: list[ModelInput]) -> None:
    """Raises InputConfigurationError with Neo's texts where DataInputConfig does not fit."""
    listing = f"The model's inputs: {'; '.join(map(str, inputs))}"
    for item in inputs:
        if item.name not in config:
            raise InputConfigurationError(
                f"Model contains input layer ({item.name}) not specified in data_shape. "
                f"Please specify all input layers in data_shape. {listing}"
            )
        given, own = config[item.name], item.shape or ()
        if given and own and not _fits(given[:1], own[:1]):
            raise InputConfigurationError(
                f"Input {item.name} has wrong batch size in Input Shape dictionary. {listing}"
            )
        if len(own) == IMAGE_RANK and not _fits(given, own):
            raise InputConfigurationError(
                f"Input {item.name} has wrong shape in Input Shape dictionary. Input shapes should be provided in NCHW "
                f"format. For example, ({', '.join('None' if size == DYNAMIC else str(size) for size in own)})"
            )


def _fits(given: Shape, own: Shape) -> bool:
    pairs = zip(given, own, strict=False)
    return len(given) == len(own) and all(DYNAMIC in pair or pair[0] == pair[1] for pair in pairs)


def _architecture(path: Path) -> Any:
    """The JSON that says which layers there are, None in a file without: Keras then says what is wrong.

    By the name's ending, as Keras itself decides. Raises ValueError for a file that Keras may read in another way.
    """
    if path.suffix == ZIP:
        for member in zip_members.members(path):
            if not MEMBERS.fullmatch(member.name):
                raise ValueError(f"it holds {member.name[:80]}, which is no part of a Keras model")
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json"))
    import h5py

    with h5py.File(path, "r") as file:
        text = file.attrs.get("model_config")
    return None if text is None else json.loads(text)


def _lambdas(value: Any) -> Iterator[str]:
    """Names of layers that hold Python code."""
    if isinstance(value, dict):
        if value.get("class_name") in ("Lambda", "__lambda__"):
            config = value.get("config")
            yield str(value.get("name") or (config.get("name") if isinstance(config, dict) else None) or "without name")
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _lambdas(item)
