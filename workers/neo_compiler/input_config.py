"""DataInputConfig: the names and shapes of the model's inputs.

    {"data": [1, 3, 224, 224]}        {"data": {"shape": [1, 3, 224, 224]}}        [[1, 3, 224, 224]]

in JSON or with Python's single quotes. A list means input0, input1, ... in the model's own order.
Source: API_InputConfig; neo-ai's model loader (neo-loader, Apache-2.0) for the texts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from neo_compiler.errors import InputConfigurationError
from neo_targets.options import literal, shown

Shape = tuple[int, ...]
"""Sizes in the order of the model's dimensions; -1 is one that is unknown before run time."""

DYNAMIC = -1
MAX_RANK = 16
MAX_DIMENSION = 2**31 - 1
MAX_ELEMENTS = 2**31 - 1
"""Maximum number of elements of an input; compiled code uses 32-bit indices."""

MAX_CHARS = 16384
"""Maximum length of DataInputConfig. Source: API_InputConfig."""


@dataclass(frozen=True)
class ModelInput:
    """One input as declared by the model."""

    name: str
    shape: Shape | None  # None: unknown rank
    dtype: str  # numpy name

    def __str__(self) -> str:
        dims = "unknown shape" if self.shape is None else list(self.shape)
        return f"{self.name}: {dims} {self.dtype}"


def parse(text: str) -> dict[str, Shape] | list[Shape]:
    """DataInputConfig as shapes by name, or as shapes in order. Raises InputConfigurationError with Neo's texts."""
    if len(text) > MAX_CHARS:
        raise InputConfigurationError(f"DataInputConfig has {len(text)} characters; the most allowed is {MAX_CHARS}")
    try:
        config = literal(text)
    except ValueError as error:
        raise InputConfigurationError(f"Cannot load DataInputConfig. Incorrect json format. {error}") from error
    if isinstance(config, dict):
        return {_name(key): _shape(str(key), value) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return [_shape(f"input{index}", value) for index, value in enumerate(config)]
    raise InputConfigurationError("DataInputConfig is not dictionary or list.")


def match(given: dict[str, Shape] | list[Shape] | None, inputs: Iterable[ModelInput]) -> dict[str, Shape]:
    """The shape of every input, in the model's order: from `given`, else the model's own.

    Raises InputConfigurationError for an unknown name, a missing or dynamic shape, a wrong rank or a wrong size.
    """
    declared = list(inputs)
    named = _by_name(given, declared)
    listing = "; ".join(str(item) for item in declared)
    unknown = sorted(set(named) - {item.name for item in declared})
    if unknown:
        raise InputConfigurationError(
            f"DataInputConfig names {', '.join(unknown)}, which the model does not have. The model's inputs: {listing}"
        )
    return {item.name: _match_one(item, named.get(item.name), listing) for item in declared}


def derived(shapes: Mapping[str, Shape]) -> str:
    """DerivedDataInputConfig: the shapes that were derived from the model, as JSON."""
    return json.dumps({name: list(shape) for name, shape in shapes.items()})


def _by_name(given: dict[str, Shape] | list[Shape] | None, declared: list[ModelInput]) -> dict[str, Shape]:
    if isinstance(given, dict):
        return given
    if given is None:
        return {}
    if len(given) != len(declared):
        listing = "; ".join(str(item) for item in declared)
        raise InputConfigurationError(
            f"DataInputConfig lists {len(given)} shapes, the model has {len(declared)} inputs: {listing}"
        )
    return {item.name: shape for item, shape in zip(declared, given, strict=True)}


def _match_one(item: ModelInput, given: Shape | None, listing: str) -> Shape:
    shape = given if given is not None else item.shape
    if shape is None or (given is None and DYNAMIC in shape):
        raise InputConfigurationError(
            f"DataInputConfig must give the shape of input {item.name}: the model leaves it open. "
            f"The model's inputs: {listing}"
        )
    fits = item.shape is None or (
        len(shape) == len(item.shape)
        and all(own in (size, DYNAMIC) or size == DYNAMIC for own, size in zip(item.shape, shape, strict=True))
    )
    if not fits:
        raise InputConfigurationError(
            f"Input {item.name} has wrong shape in Input Shape dictionary: {list(shape)}. The model's inputs: {listing}"
        )
    return _resolve(item, shape)


def _resolve(item: ModelInput, shape: Shape) -> Shape:
    """`shape` with -1 replaced by the model's size. Raises InputConfigurationError if the model has none."""
    own = item.shape or (DYNAMIC,) * len(shape)
    resolved = tuple(mine if size == DYNAMIC else size for mine, size in zip(own, shape, strict=True))
    if DYNAMIC in resolved:
        raise InputConfigurationError(
            f"Input {item.name} has a dynamic dimension (-1) in DataInputConfig {list(shape)}: "
            "this version compiles fixed shapes only, please give a number"
        )
    if math.prod(resolved) > MAX_ELEMENTS:
        raise InputConfigurationError(
            f"Input {item.name} of shape {list(resolved)} has more than {MAX_ELEMENTS} elements, the most allowed"
        )
    return resolved


def _name(key: object) -> str:
    if not isinstance(key, str):
        raise InputConfigurationError(f"DataInputConfig: the name of an input must be text, not {shown(key)}")
    return key


def _shape(name: str, value: object) -> Shape:
    """A shape list, or the "shape" member of a dictionary. Raises InputConfigurationError."""
    if isinstance(value, dict):
        value = value.get("shape")
    if not isinstance(value, list | tuple) or len(value) > MAX_RANK:
        raise InputConfigurationError(f"DataInputConfig: the shape of {name} must be a list of numbers")
    for size in value:
        if not isinstance(size, int) or isinstance(size, bool) or not (size == DYNAMIC or 0 < size <= MAX_DIMENSION):
            raise InputConfigurationError(f"DataInputConfig: {shown(size)} in the shape of {name} is not a size")
    return tuple(value)
