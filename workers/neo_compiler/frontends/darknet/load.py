"""DARKNET: a .cfg and its .weights, as ONNX by our own reader, then the ONNX route.

Source: neo-ai's model loader (neo-loader, Apache-2.0) for the texts; the layers' modules for the format.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from neo_compiler.errors import InputConfigurationError, one_line
from neo_compiler.frontends.base import Array, Imported, one_file
from neo_compiler.frontends.darknet.file import Network, read
from neo_compiler.frontends.darknet.layers import convert
from neo_compiler.frontends.onnx import load as onnx_frontend
from neo_compiler.frontends.onnx.reference import run_reference
from neo_compiler.input_config import DYNAMIC, ModelInput, Shape, match

HINT = "Please make sure the framework you select is correct."
NO_CFG = f"No .cfg file found for DarkNet model. {HINT}"
MANY_CFG = "Exactly one .cfg file is allowed for DarkNet models."
NO_WEIGHTS = f"No .weights file found for DarkNet model. {HINT}"
MANY_WEIGHTS = "Exactly one .weights file is allowed for DarkNet models."
CANNOT_LOAD = "Unable to load DarkNet model. "
CANNOT_CONVERT = "TVM cannot convert DarkNet model. Please make sure the framework you selected is correct. "

INPUT = "data"
"""Name of the input where DataInputConfig is a list or missing: a .cfg names none."""


def load(files: list[Path], config: dict[str, Shape] | list[Shape] | None) -> Imported:
    """The model of an unpacked archive. Raises InputConfigurationError with Neo's texts."""
    network = _network(files)
    ((name, shape),) = _shape(network, config).items()
    try:
        return onnx_frontend.compilable(convert(network, name, shape), {name: shape}, f"weights {network.version}")
    except Exception as error:  # TVM raises many types
        raise InputConfigurationError(f"{CANNOT_CONVERT}{one_line(error)}") from error


def reference(files: list[Path], inputs: Mapping[str, Array]) -> list[Array]:
    """What ONNX Runtime computes for the network as it was read: this checks the compiler, tests check the reading."""
    network = _network(files)
    ((name, data),) = inputs.items()
    return run_reference(convert(network, name, data.shape), inputs)


def _network(files: list[Path]) -> Network:
    cfg = one_file(files, (".cfg",), NO_CFG, MANY_CFG)
    weights = one_file(files, (".weights",), NO_WEIGHTS, MANY_WEIGHTS)
    try:
        return read(cfg, weights)
    except (ValueError, OSError) as error:
        raise InputConfigurationError(f"{CANNOT_LOAD}{one_line(error)}") from error


def _shape(network: Network, config: dict[str, Shape] | list[Shape] | None) -> dict[str, Shape]:
    """The input's name and shape. The name is free; batch, height and width too, the channels are the network's."""
    name = next(iter(config), INPUT) if isinstance(config, dict) else INPUT
    if config is None:
        return {name: network.shape}
    return match(config, [ModelInput(name, (DYNAMIC, network.shape[1], DYNAMIC, DYNAMIC), "float32")])
