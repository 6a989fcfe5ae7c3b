"""Models of every framework for `make test-frameworks`: one module per framework with FRAMEWORK and MODELS.

Each model is compiled for this machine by the pipeline's own steps, run, and held against its source framework.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]
Files = dict[str, bytes]
"""An archive: contents by path."""


@dataclass(frozen=True)
class Model:
    """One row of the table."""

    name: str
    kind: str  # image, audio, text or tabular
    source: str  # the package that has it, or what made it
    files: Callable[[], Files]  # skips (pytest.skip) where it cannot be had
    config: Any = None  # DataInputConfig
    inputs: Callable[[], Arrays] | None = None  # None: random ones
    expected: Callable[[Files, Arrays], list[Array]] | None = None  # None: the importer's `reference`
    max_error: float = 1e-4  # as a part of the largest expected value, of 1 if that is less


MODULES = ("onnx", "pytorch", "tflite", "keras", "tensorflow", "mxnet", "darknet", "xgboost", "sklearn")
"""The modules of this package that have rows, in the table's order."""


def normal(*shape: int) -> Array:
    """Random float32 around 0, the same at every call."""
    return np.random.default_rng(7).standard_normal(shape).astype("float32")
