"""TFLITE: one .tflite file through TVM's own frontend, with its mistakes put right.

Source: neo-ai's model loader (neo-loader, Apache-2.0) for the texts; TVM 0.27, relax.frontend.tflite.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neo_compiler.errors import InputConfigurationError, one_line
from neo_compiler.frontends.base import Array, Imported, one_file, optional, quiet
from neo_compiler.frontends.signature import imported
from neo_compiler.input_config import ModelInput, Shape, match

ENDINGS = (".tflite",)
HINT = "Please make sure the framework you selected is correct."
WRONG_COUNT = "Exactly one .tflite file is allowed for TFLite models."
NOT_TFLITE = f"No valid TFLite model found in input file. {HINT}"
CANNOT_LOAD = "Framework cannot load TFLite model: "
CANNOT_INFER = "Framework cannot load TFLite model. Unable to infer tensor data type for all inputs/outputs: "
CANNOT_CONVERT = f"TVM cannot convert TFLite model. {HINT} "

IDENTIFIER = b"TFL3"
"""Bytes 4 to 8 of every file. Source: TensorFlow's schema.fbs."""

DTYPES = {
    "FLOAT32": "float32",
    "FLOAT16": "float16",
    "INT64": "int64",
    "INT32": "int32",
    "INT16": "int16",
    "INT8": "int8",
    "UINT8": "uint8",
    "BOOL": "bool",
}
"""Tensor types of the schema that an input may have -> numpy's name."""


@quiet()
def load(files: list[Path], config: dict[str, Shape] | list[Shape] | None) -> Imported:
    """The model of an unpacked archive. Raises InputConfigurationError with Neo's texts."""
    return from_bytes(one_file(files, ENDINGS, WRONG_COUNT, WRONG_COUNT).read_bytes(), config)


def from_bytes(data: bytes, config: dict[str, Shape] | list[Shape] | None) -> Imported:
    """The model in a .tflite file. Raises InputConfigurationError."""
    package = optional("tflite", "TFLITE")
    if data[4:8] != IDENTIFIER:
        raise InputConfigurationError(NOT_TFLITE)
    try:
        model = package.Model.GetRootAsModel(data, 0)
        declared = _declared(model, package)
    except InputConfigurationError:
        raise
    except Exception as error:  # flatbuffers raises many types
        raise InputConfigurationError(f"{CANNOT_LOAD}{one_line(error)}") from error
    shapes = match(config, declared)
    from neo_compiler.frontends.tflite.operators import convert

    try:
        module = convert(model)
        return imported(module, shapes, f"schema {model.Version()}", _names(model, model.Subgraphs(0).OutputsAsNumpy()))
    except Exception as error:  # TVM raises many types
        listing = "; ".join(map(str, declared))
        raise InputConfigurationError(f"{CANNOT_CONVERT}{one_line(error)} The model's inputs: {listing}") from error


def reference(files: list[Path], inputs: Mapping[str, Array]) -> list[Array]:
    """What the TFLite interpreter computes for inputs in the model's order. Raises ImportError where there is none."""
    return interpret(one_file(files, ENDINGS, WRONG_COUNT, WRONG_COUNT).read_bytes(), list(inputs.values()))


def interpret(data: bytes, inputs: list[Array]) -> list[Array]:
    """The outputs of LiteRT's interpreter. Raises ImportError where it is not installed."""
    interpreter = importlib.import_module("ai_edge_litert.interpreter").Interpreter(model_content=data)
    interpreter.allocate_tensors()
    for details, array in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(details["index"], array)
    interpreter.invoke()
    return [interpreter.get_tensor(details["index"]) for details in interpreter.get_output_details()]


def _names(model: Any, indices: Any) -> list[str]:
    """Names of tensors, made unique: two outputs may be one tensor."""
    graph, names = model.Subgraphs(0), list[str]()
    for index in indices:
        name = graph.Tensors(int(index)).Name().decode()
        names.append(name if name not in names else f"{name}:{len(names)}")
    return names


def _declared(model: Any, package: Any) -> list[ModelInput]:
    kinds = {value: name for name, value in vars(package.TensorType).items() if isinstance(value, int)}
    graph, inputs = model.Subgraphs(0), []
    for index in graph.InputsAsNumpy():
        tensor = graph.Tensors(int(index))
        name, kind = tensor.Name().decode(), kinds.get(tensor.Type(), str(tensor.Type()))
        if kind not in DTYPES:
            raise InputConfigurationError(
                f"{CANNOT_INFER}Unsupported input data type for input {name} with tflite tensor type {kind}"
            )
        shape = tuple(int(size) for size in tensor.ShapeAsNumpy()) if tensor.ShapeLength() else ()
        inputs.append(ModelInput(name, shape, DTYPES[kind]))
    return inputs
