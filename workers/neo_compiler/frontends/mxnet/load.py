"""MXNET: a -symbol.json and its .params, as ONNX by our own reader, then the ONNX route. MXNet is not needed.

Source: neo-ai's model loader (neo-loader, Apache-2.0) for the texts and the choice among several files.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from neo_compiler.errors import InputConfigurationError, one_line
from neo_compiler.frontends.base import Array, Imported, visible
from neo_compiler.frontends.mxnet.file import SavedParameters, read_params, read_symbol
from neo_compiler.frontends.mxnet.graph import Network, convert, declared_inputs
from neo_compiler.frontends.onnx import load as onnx_frontend
from neo_compiler.frontends.onnx.reference import run_reference
from neo_compiler.input_config import Shape, match

HINT = "Please make sure the framework you select is correct."
NO_SYMBOL = f"No symbol file found for MXNet model. {HINT}"
MANY_SYMBOLS = f"Only one symbol file is allowed for MXNet model. {HINT}"
NO_PARAMS = f"No parameter file found for MXNet model. {HINT}"
NO_PAIR = (
    "No parameter file found for MXNet model: {} "
    "Please make sure the prefix of params file match the prefix of symbol file."
)
CANNOT_LOAD = "Framework can't load the MXNet model: "
SAVED = (
    "Please use HybridBlock.export() or gluoncv.utils.export_block() "
    "to export your model instead of Block.save_parameters()."
)
CANNOT_CONVERT = "TVM can't convert the MXNet model. "

NO_SYMBOLS = frozenset({"model-shapes.json", "hyperparams.json", "amba_config.json", "model-metadata.json"})
"""JSON files that SageMaker's containers add."""


def load(files: list[Path], config: dict[str, Shape] | list[Shape] | None) -> Imported:
    """The model of an unpacked archive. Raises InputConfigurationError with Neo's texts."""
    network = _network(files)
    shapes = match(config, declared_inputs(network))
    try:
        model = convert(network, shapes)
        wanted = {value.name for value in model.graph.input}
        fed = {name: shape for name, shape in shapes.items() if name in wanted}
        return onnx_frontend.compilable(model, fed, f"MXNet {network.symbol.version}")
    except Exception as error:  # TVM raises many types
        raise InputConfigurationError(
            f"{CANNOT_CONVERT}{one_line(error)}\nMXNet Version running: none. "
            f"Model Version found: {network.symbol.version}."
        ) from error


def reference(files: list[Path], inputs: Mapping[str, Array]) -> list[Array]:
    """What ONNX Runtime computes for the network as it was read: this checks the compiler, tests check the reading."""
    return run_reference(convert(_network(files), {name: array.shape for name, array in inputs.items()}), inputs)


def _network(files: list[Path]) -> Network:
    symbol = _symbol_file(files)
    params = _params_file(files, symbol)
    try:
        return Network(read_symbol(symbol), read_params(params))
    except SavedParameters as error:
        raise InputConfigurationError(f"{CANNOT_LOAD}{SAVED} {error}") from error
    except (ValueError, OSError) as error:
        raise InputConfigurationError(f"{CANNOT_LOAD}{one_line(error)}") from error


def _symbol_file(files: list[Path]) -> Path:
    found = [path for path in visible(files, ".json") if path.name not in NO_SYMBOLS]
    if not found:
        raise InputConfigurationError(NO_SYMBOL)
    if len(found) > 1:
        found = [path for path in found if path.name.startswith("model0")]
    if len(found) != 1:
        raise InputConfigurationError(MANY_SYMBOLS)
    return found[0]


def _params_file(files: list[Path], symbol: Path) -> Path:
    """Of the files with the symbol's prefix the one of the highest epoch."""
    found = visible(files, ".params")
    if not found:
        raise InputConfigurationError(NO_PARAMS)
    prefix = symbol.name.removesuffix(".json").removesuffix("-symbol")
    mine = [path for path in found if path.name == f"{prefix}.params" or path.name.rpartition("-")[0] == prefix]
    if not mine:
        raise InputConfigurationError(NO_PAIR.format(symbol.name))
    return max(mine, key=lambda path: (path.name[-11:-7], path.name))
