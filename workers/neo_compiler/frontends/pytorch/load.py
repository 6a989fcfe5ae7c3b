"""PyTorch: one file of TorchScript or torch.export; traced with inputs of the shapes asked for, as Neo does.

What tracing cannot take goes through torch.onnx and the ONNX importer. Inputs have no names of their own: they are
bound by position, to DataInputConfig's names in lexical order. Source: neo-ai's model loader (neo-loader, Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from neo_compiler.errors import InputConfigurationError, one_line
from neo_compiler.frontends.base import Array, Imported, one_file, optional, quiet
from neo_compiler.frontends.signature import imported
from neo_compiler.input_config import DYNAMIC, ModelInput, Shape, match

if TYPE_CHECKING:
    from neo_compiler.frontends.pytorch.model import Argument, Model

ENDINGS = (".pth", ".pt", ".pt2")
NO_FILE = "No pth file found for PyTorch model. Please make sure the framework you select is correct."
MANY_FILES = "Exactly one .pth file is allowed for PyTorch models."
CANNOT_LOAD = "Framework cannot load PyTorch model. "
CANNOT_CONVERT = (
    "TVM cannot convert the PyTorch model. Invalid model or input-shape mismatch. "
    "Make sure that inputs are lexically ordered and of the correct dimensionality. "
)
CPU_BUILD = "on Linux torch brings CUDA along; the README says how to install a build for CPUs"


@quiet()
def load(files: list[Path], config: dict[str, Shape] | list[Shape] | None) -> Imported:
    """The model of an unpacked archive. Raises InputConfigurationError with Neo's texts."""
    model = _read(files)
    from neo_compiler.frontends.pytorch import model as pytorch_model
    from neo_compiler.frontends.pytorch import trace

    shapes = bind(config, model.arguments)
    try:
        examples = pytorch_model.examples(model, list(shapes.values()))
        module = trace.to_relax(model, examples)
    except Exception as error:  # torch and TVM raise many types
        raise InputConfigurationError(
            f"{CANNOT_CONVERT}{pytorch_model.cause(error)} The model's inputs: {_listing(model.arguments)}"
        ) from error
    return imported(module, shapes, model.form)


@quiet()
def reference(files: list[Path], inputs: Mapping[str, Array]) -> list[Array]:
    """What PyTorch computes for inputs in the model's order."""
    from neo_compiler.frontends.pytorch import model as pytorch_model

    return pytorch_model.run(_read(files), list(inputs.values()))


def bind(config: dict[str, Shape] | list[Shape] | None, arguments: list[Argument]) -> dict[str, Shape]:
    """The shape of each input by its name, in the model's order. Raises InputConfigurationError.

    A dictionary's names belong to the inputs in lexical order; else they are input0, input1, ... Without
    DataInputConfig the shapes are those of the example that the model was traced with.
    """
    given: list[Shape | None]
    if isinstance(config, dict):
        names: list[str] = sorted(config)
        given = [config[name] for name in names]
    else:
        given = list(config) if config is not None else [None for argument in arguments if argument.required]
        names = [f"input{index}" for index in range(len(given))]
    required = sum(argument.required for argument in arguments)
    if not required <= len(given) <= len(arguments):
        raise InputConfigurationError(
            f"{CANNOT_CONVERT}DataInputConfig gives {len(given)} shapes, the model has {len(arguments)} inputs: "
            f"{_listing(arguments)}"
        )
    own = zip(names, given, arguments, strict=False)
    inputs = [ModelInput(name, _known(shape, argument), argument.dtype or "float32") for name, shape, argument in own]
    return match({name: shape for name, shape in zip(names, given, strict=True) if shape is not None}, inputs)


def _known(given: Shape | None, argument: Argument) -> Shape | None:
    """What the model says on a shape: a traced one binds no other, but fills in what DataInputConfig leaves open."""
    own = argument.shape
    if given is None or own is None or len(own) != len(given):
        return own if given is None else None
    return tuple(mine if size == DYNAMIC else DYNAMIC for size, mine in zip(given, own, strict=True))


def _read(files: list[Path]) -> Model:
    optional("torch", "PYTORCH", CPU_BUILD)
    from neo_compiler.frontends.pytorch import file
    from neo_compiler.frontends.pytorch import model as pytorch_model

    path = one_file(files, ENDINGS, NO_FILE, MANY_FILES)
    try:
        return pytorch_model.Model(file.read(path))
    except Exception as error:  # torch raises many types
        raise InputConfigurationError(f"{CANNOT_LOAD}{one_line(error)}") from error


def _listing(arguments: list[Argument]) -> str:
    return "; ".join(map(str, arguments)) or "none"
