"""ONNX: one .onnx file, its shapes made static and its constants folded, then TVM's own frontend.

Source: neo-ai's model loader (neo-loader, Apache-2.0) for the texts; TVM's relax.frontend.onnx.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
from onnx import external_data_helper, inliner
from tvm import relax

from neo_compiler.errors import InputConfigurationError, one_line
from neo_compiler.frontends.base import Array, Imported, Tensor, one_file
from neo_compiler.frontends.onnx import converters
from neo_compiler.frontends.onnx.fold import fold
from neo_compiler.frontends.onnx.opset import opset_of
from neo_compiler.frontends.onnx.reference import run_reference
from neo_compiler.frontends.onnx.tvm_frontend import from_onnx
from neo_compiler.frontends.signature import static_shape
from neo_compiler.input_config import DYNAMIC, ModelInput, Shape, match
from neo_compiler.tvm_types import OnnxModel

ENDINGS = (".onnx",)
NO_FILE = "No .onnx file found for ONNX model. Please make sure the framework you select is correct."
MANY_FILES = "Exactly one .onnx file is allowed for ONNX models."
CANNOT_LOAD = "Framework cannot load ONNX model. Please make sure the framework you select is correct. "
CANNOT_CONVERT = "TVM cannot convert ONNX model. Please make sure the framework you selected is correct. "

EXTERNAL_FACTOR = 2
"""Weights may share bytes of a file (tied weights do), but not be many times the archive."""


def load(files: list[Path], config: dict[str, Shape] | list[Shape] | None) -> Imported:
    """The model of an unpacked archive. Raises InputConfigurationError with Neo's texts."""
    model = _read(one_file(files, ENDINGS, NO_FILE, MANY_FILES))
    shapes = match(config, declared_inputs(model))
    opset = opset_of(model)
    try:
        return compilable(model, shapes, f"opset {opset}")
    except Exception as error:  # TVM raises many types
        raise InputConfigurationError(
            f"{CANNOT_CONVERT}{one_line(error)}\nONNX Version running: {onnx.__version__}. "
            f"Model Version found: opset {opset}."
        ) from error


def compilable(model: OnnxModel, shapes: dict[str, Shape], framework_version: str) -> Imported:
    """An ONNX model with inputs of `shapes`, in relax. Raises what TVM raises."""
    converters.install()
    folded = fold(inliner.inline_local_functions(model) if model.functions else model, shapes)
    module = from_onnx(folded, shapes, opset_of(folded))
    return Imported(module, _inputs(module, shapes), _outputs(module, folded), framework_version)


def declared_inputs(model: OnnxModel) -> list[ModelInput]:
    """The inputs a caller must feed, in the model's order. Raises InputConfigurationError for one that is no tensor."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return [_declared(value) for value in model.graph.input if value.name not in weights]


def _declared(value: Any) -> ModelInput:
    if not value.type.HasField("tensor_type"):
        raise InputConfigurationError(f"{CANNOT_LOAD}Input {value.name} is not a tensor.")
    tensor = value.type.tensor_type
    try:
        dtype = str(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type))
    except KeyError as error:
        raise InputConfigurationError(
            f"{CANNOT_LOAD}Input {value.name} has the unknown type {tensor.elem_type}."
        ) from error
    if not tensor.HasField("shape"):
        return ModelInput(value.name, None, dtype)
    dims = (dim.dim_value if dim.HasField("dim_value") else DYNAMIC for dim in tensor.shape.dim)
    return ModelInput(value.name, tuple(size if size > 0 else DYNAMIC for size in dims), dtype)


def reference(files: list[Path], inputs: Mapping[str, Array]) -> list[Array]:
    """What ONNX Runtime computes, or ONNX's own evaluator where that is not installed."""
    return run_reference(str(one_file(files, ENDINGS, NO_FILE, MANY_FILES)), inputs)


def _read(path: Path) -> OnnxModel:
    """The model with its weights. External data must lie in the archive. Raises InputConfigurationError."""
    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # protobuf's own types
        raise InputConfigurationError(f"{CANNOT_LOAD}{one_line(error)}") from error
    try:
        if not model.graph.output:
            raise ValueError("The file holds no graph with an output.")
        _check_external(model, path.parent)
        onnx.checker.check_model(str(path))
        external_data_helper.load_external_data_for_model(model, str(path.parent))
    except (onnx.checker.ValidationError, ValueError, OSError) as error:
        raise InputConfigurationError(f"{CANNOT_LOAD}{one_line(error)}") from error
    return model


def _check_external(model: OnnxModel, folder: Path) -> None:
    """Raises ValueError for weights outside the archive, and for many weights that are the same bytes of it."""
    used: dict[Path, int] = {}
    for tensor in external_data_helper._get_all_tensors(model):
        if external_data_helper.uses_external_data(tensor):
            place = external_data_helper.ExternalDataInfo(tensor)
            path = _check_inside(folder, place.location)
            size = path.stat().st_size
            used[path] = used.get(path, 0) + min(size, place.length or size)
    for path, total in used.items():
        if total > EXTERNAL_FACTOR * path.stat().st_size:
            raise ValueError(f"Its weights share the bytes of {path.name}: together they have {total} bytes")


def _check_inside(folder: Path, location: str) -> Path:
    """A weight's file. Raises ValueError when it is not below `folder`, or is missing."""
    path = (folder / location).resolve()
    if not location or not path.is_relative_to(folder.resolve()):
        raise ValueError(f"Its external data lies outside the archive: {location}")
    if not path.is_file():
        raise ValueError(f"Its external data is missing from the archive: {location}")
    return path


def _inputs(module: Any, shapes: dict[str, Shape]) -> tuple[Tensor, ...]:
    params = module["main"].params
    return tuple(
        Tensor(name, shape, str(param.ty.dtype)) for (name, shape), param in zip(shapes.items(), params, strict=True)
    )


def _outputs(module: Any, model: OnnxModel) -> tuple[Tensor, ...]:
    result = module["main"].ret_ty
    types = list(result.fields) if isinstance(result, relax.TupleType) else [result]
    return tuple(
        Tensor(value.name, static_shape(type_), str(type_.dtype))
        for value, type_ in zip(model.graph.output, types, strict=True)
    )
