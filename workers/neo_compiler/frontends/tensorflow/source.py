"""A TensorFlow computation as the importers of KERAS and TENSORFLOW hand it on, and its way into relax.

TensorFlow's own converter to TFLite comes first; what it or TVM's frontend for TFLite cannot take goes through tf2onnx
and the ONNX importer, which has loops and recurrent layers.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tvm import relax

from neo_compiler.errors import InputConfigurationError, one_line
from neo_compiler.frontends.base import Array, Imported, optional
from neo_compiler.frontends.signature import imported
from neo_compiler.input_config import ModelInput, Shape
from neo_compiler.tvm_types import IRModule

ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
}
"""What TensorFlow and Keras read when they are loaded: no log of their own, no GPU, never torch beside TensorFlow."""

OPSET = 17
"""Of the ONNX that tf2onnx writes."""

LONGEST_CAUSE = 600
"""Characters of an error that are told; TensorFlow's converter quotes whole graphs."""

Tensors = Any
"""A tuple or list of tf.Tensor; TensorFlow is untyped."""


@dataclass(frozen=True)
class Source:
    """A model that TensorFlow has loaded."""

    call: Callable[..., Tensors]  # one tensor per input -> one per output, laid out as in the compiled model
    inputs: list[ModelInput]
    outputs: list[str]
    form: str  # the file's format and version


def tensorflow(framework: str) -> Any:
    """TensorFlow's module, silent. Raises CompilationError that names the extra."""
    os.environ.update(ENVIRONMENT)
    module = optional("tensorflow", framework)
    optional("tflite", framework)
    module.get_logger().setLevel(logging.ERROR)
    return module


def to_relax(source: Source, shapes: Mapping[str, Shape], refusal: str) -> Imported:
    """The model for inputs of `shapes`, in the model's order. Raises InputConfigurationError, `refusal` first."""
    try:
        return _to_relax(source, shapes)
    except Exception as error:  # TensorFlow and TVM raise many types
        listing = "; ".join(map(str, source.inputs))
        raise InputConfigurationError(f"{refusal}{cause(error)} The model's inputs: {listing}") from error


def _to_relax(source: Source, shapes: Mapping[str, Shape]) -> Imported:
    function = _concrete(source, shapes)
    try:
        with _silent():
            module = _through_tflite(function, source)
    except Exception:  # of the two errors the first is told: it names TensorFlow's operators
        with contextlib.suppress(Exception), _silent():
            module = _through_onnx(source, shapes)
            return imported(module, shapes, source.form, source.outputs)
        raise
    return imported(module, shapes, source.form, source.outputs)


def run(source: Source, inputs: list[Array]) -> list[Array]:
    """What TensorFlow itself computes."""
    import tensorflow as tf

    return [np.asarray(result) for result in source.call(*(tf.constant(array) for array in inputs))]


def cause(error: BaseException) -> str:
    """What `error` says, in one line that leaves room for the rest of a FailureReason."""
    text = one_line(error)
    return text if len(text) <= LONGEST_CAUSE else f"{text[:LONGEST_CAUSE]} ..."


def _specs(source: Source, shapes: Mapping[str, Shape]) -> list[Any]:
    """One tf.TensorSpec per input: input0, input1, ..., whatever the model calls them."""
    import tensorflow as tf

    return [
        tf.TensorSpec(shape, item.dtype, name=f"input{index}")
        for index, (item, shape) in enumerate(zip(source.inputs, shapes.values(), strict=True))
    ]


def _concrete(source: Source, shapes: Mapping[str, Shape]) -> Any:
    import tensorflow as tf

    return tf.function(lambda *inputs: list(source.call(*inputs))).get_concrete_function(*_specs(source, shapes))


def _through_tflite(function: Any, source: Source) -> IRModule:
    import tensorflow as tf
    import tflite

    from neo_compiler.frontends.tflite.operators import convert

    data = tf.lite.TFLiteConverter.from_concrete_functions([function]).convert()
    model = tflite.Model.GetRootAsModel(data, 0)
    graph = model.Subgraphs(0)
    found = [graph.Tensors(int(index)).Name().decode() for index in graph.InputsAsNumpy()]
    results = [graph.Tensors(int(index)).Name().decode() for index in graph.OutputsAsNumpy()]
    return _ordered(convert(model), found, results, source)


def _ordered(module: IRModule, inputs: list[str], outputs: list[str], source: Source) -> IRModule:
    """The module, whose ends a converter gave these names in this order, with its ends in the source's order."""
    main, body = module["main"], module["main"].body
    params = [main.params[inputs.index(f"input{index}")] for index in range(len(source.inputs))]
    wanted = [f"Identity_{index}" if index else "Identity" for index in range(len(source.outputs))]
    if sorted(outputs) != sorted(wanted):
        raise ValueError(f"TensorFlow's converter gives the outputs {', '.join(outputs)}.")
    if outputs != wanted:
        results = relax.Tuple([relax.TupleGetItem(body.body, outputs.index(name)) for name in wanted])
        body = relax.SeqExpr(body.blocks, results)
    module["main"] = relax.Function(params, body, None, main.is_pure, main.attrs)
    return relax.transform.Normalize()(module)


def _through_onnx(source: Source, shapes: Mapping[str, Shape]) -> IRModule:
    import tensorflow as tf
    import tf2onnx

    from neo_compiler.frontends.onnx import load as onnx_frontend

    function = tf.function(lambda *inputs: list(source.call(*inputs)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        tf2onnx.convert.from_function(function, _specs(source, shapes), opset=OPSET, output_path=str(path))
        result = onnx_frontend.load([path], None)
    inputs, outputs = ([item.name.partition(":")[0] for item in items] for items in (result.inputs, result.outputs))
    return _ordered(result.module, inputs, outputs, source)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Inside, neither Python's logging nor the C++ code behind TensorFlow writes: MLIR prints whole graphs."""
    sys.stderr.flush()
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    logging.disable(logging.CRITICAL)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        logging.disable(logging.NOTSET)
        os.close(stderr)
        os.close(nowhere)
