"""TENSORFLOW: a SavedModel or a frozen graph.

Source: neo-ai's model loader (neo-loader, Apache-2.0) for the texts and the order of checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neo_compiler.errors import InputConfigurationError
from neo_compiler.frontends.base import Array, Imported, quiet, visible
from neo_compiler.frontends.tensorflow import graph_check
from neo_compiler.frontends.tensorflow import source as tensorflow_source
from neo_compiler.frontends.tensorflow.source import Source, cause
from neo_compiler.input_config import DYNAMIC, ModelInput, Shape, match

HINT = "Please make sure the framework you select is correct."
CHECKPOINT = f"TF Checkpoints are not supported. {HINT}"
MANY_SAVED = "Exactly one saved model is allowed for TensorFlow models."
MANY_GRAPHS = "Exactly one .pb or .pbtxt file is allowed for TensorFlow models."
NO_MODEL = f"No valid TensorFlow model found in input files. {HINT}"
CANNOT_LOAD = "Framework cannot load Tensorflow model: "
CANNOT_CONVERT = "TVM cannot convert Tensorflow model. Please make sure the framework you selected is correct. "

GRAPHS = (".pb", ".pbtxt")
BESIDE = ("fingerprint.pb", "keras_metadata.pb")
"""What newer TensorFlows and Keras write beside saved_model.pb."""

VARIABLES = "variables"
SIGNATURE = "serving_default"
NO_OUTPUTS = ("Const", "Assign", "NoOp", "Placeholder", "PlaceholderWithDefault")
"""Operations whose results are no outputs of a frozen graph though none uses them."""


@quiet()
def load(files: list[Path], config: dict[str, Shape] | list[Shape] | None) -> Imported:
    """The model of an unpacked archive. Raises InputConfigurationError with Neo's texts."""
    source = _source(files, config)
    shapes = match(config, source.inputs)
    return tensorflow_source.to_relax(source, shapes, CANNOT_CONVERT)


@quiet()
def reference(files: list[Path], inputs: Mapping[str, Array]) -> list[Array]:
    """What TensorFlow computes for inputs in the model's order."""
    return tensorflow_source.run(_source(files, None), list(inputs.values()))


def find(files: list[Path]) -> Path:
    """The file that holds the graph. Raises InputConfigurationError."""
    shown = visible(files, "")
    graphs = [path for path in visible(files, *GRAPHS) if path.name not in BESIDE]
    if len(graphs) > 1:
        raise InputConfigurationError(MANY_GRAPHS)
    if any(path.name == "checkpoint" or _checkpoint(path) for path in shown):
        raise InputConfigurationError(CHECKPOINT)
    if len({path.parent for path in shown if path.parent.name == VARIABLES}) > 1:
        raise InputConfigurationError(MANY_SAVED)
    if not graphs:
        raise InputConfigurationError(NO_MODEL)
    return graphs[0]


def _checkpoint(path: Path) -> bool:
    """Whether training left the file; a SavedModel has the like in its folder of variables."""
    return path.parent.name != VARIABLES and (".ckpt" in path.name or path.suffix in (".meta", ".index"))


def _source(files: list[Path], config: dict[str, Shape] | list[Shape] | None) -> Source:
    path = find(files)
    tensorflow_source.tensorflow("TENSORFLOW")
    given = list(config) if isinstance(config, dict) else []
    try:
        if path.stem == "saved_model" or (path.parent / VARIABLES).is_dir():
            return _saved(path, given)
        return _frozen(path, given)
    except Exception as error:  # TensorFlow raises many types
        raise InputConfigurationError(f"{CANNOT_LOAD}{cause(error)}") from error


def _saved(path: Path, given: list[str]) -> Source:
    """A SavedModel's signature; its inputs may go by their keys or by their tensors' names."""
    model = _loaded(path)
    signatures = dict(model.signatures)
    if SIGNATURE not in signatures and len(signatures) != 1:
        raise ValueError(f"it has no signature {SIGNATURE}; its signatures: {', '.join(sorted(signatures)) or 'none'}")
    key = SIGNATURE if SIGNATURE in signatures else next(iter(signatures))
    signature = signatures[key]
    # the file is a protobuf, whose maps come in another order each time
    specs = dict(sorted(signature.structured_input_signature[1].items()))
    results = sorted(signature.structured_outputs)

    def call(*inputs: Any) -> list[Any]:
        found = model.signatures[key](
            **dict(zip(specs, inputs, strict=True))
        )  # through the model, which owns variables
        return [found[name] for name in results]

    inputs = [
        ModelInput(_name(given, name, f"{key}_{name}"), _shape(spec.shape), spec.dtype.name)
        for name, spec in specs.items()
    ]
    return Source(call, inputs, results, f"SavedModel of TensorFlow {model.tensorflow_version}")


def _loaded(path: Path) -> Any:
    """The SavedModel of a folder, without optimizer slots, which Keras 3 cannot restore from Keras 2.

    The file is rewritten in place without them: the folder is the job's own copy, and the sandbox allows no links.
    Raises ValueError if loading it would run operators that touch files.
    """
    import tensorflow as tf
    from google.protobuf import text_format
    from tensorflow.core.protobuf import saved_model_pb2

    if path.name not in graph_check.FILES_OF_A_MODEL:
        raise ValueError(f"The file of a SavedModel is called {graph_check.FILES_OF_A_MODEL[0]}.")
    saved = saved_model_pb2.SavedModel()
    if path.suffix == ".pb":
        saved.ParseFromString(path.read_bytes())
    else:
        text_format.Parse(path.read_bytes(), saved)
    graph_check.check_saved(saved, path.parent)
    try:
        return tf.saved_model.load(str(path.parent))
    except AttributeError:  # the optimizer's object has no add_slot
        if path.suffix != ".pb":
            raise
    for graph in saved.meta_graphs:
        for node in graph.object_graph_def.nodes:
            del node.slot_variables[:]
    path.write_bytes(saved.SerializeToString())
    return tf.saved_model.load(str(path.parent))


def _frozen(path: Path, given: list[str]) -> Source:
    """A graph without variables: its placeholders are the inputs, what nobody uses the outputs. Source: neo-loader."""
    import tensorflow as tf
    from google.protobuf import text_format

    graph = tf.compat.v1.GraphDef()
    if path.suffix.lower() == ".pbtxt":
        text_format.Parse(path.read_text(encoding="utf-8"), graph)
    else:
        graph.ParseFromString(path.read_bytes())
    graph_check.check(graph)
    used = {name.lstrip("^").partition(":")[0] for node in graph.node for name in node.input}
    function = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph, name=""), [])
    placeholders = [node.name for node in graph.node if node.op == "Placeholder" and node.name in used]
    places = [function.graph.get_tensor_by_name(f"{name}:0") for name in placeholders]
    outputs = [node.name for node in graph.node if _is_output(function.graph, node, used)]
    if not outputs:
        raise ValueError("the graph has no output")
    pruned = function.prune(places, [function.graph.get_tensor_by_name(f"{name}:0") for name in outputs])
    inputs = [ModelInput(_name(given, item.op.name), _shape(item.shape), item.dtype.name) for item in places]
    version = graph.versions.producer
    return Source(lambda *args: list(pruned(*args)), inputs, outputs, f"frozen graph, version {version}")


def _is_output(graph: Any, node: Any, used: set[str]) -> bool:
    return node.op not in NO_OUTPUTS and node.name not in used and bool(graph.get_operation_by_name(node.name).outputs)


def _name(given: list[str], *names: str) -> str:
    """What DataInputConfig calls an input that may go by `names`, with or without the :0 of a tensor."""
    known = [spelling for name in names for spelling in (name, f"{name}:0")]
    return next((spelling for spelling in known if spelling in given), names[0])


def _shape(shape: Any) -> Shape | None:
    if shape.rank is None:
        return None
    return tuple(DYNAMIC if size is None else int(size) for size in shape)
