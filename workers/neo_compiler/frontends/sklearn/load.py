"""SKLEARN: one file of a fitted estimator or Pipeline, as relax operators and our tree kernel.

    input    data [rows, columns] float32, or the name that DataInputConfig gives it; without one a single row
    outputs  label, probabilities, scores, prediction (see sklearn_models) or transformed

Source: neo-ai's model loader (neo-loader, Apache-2.0) for the texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neo_compiler.errors import InputConfigurationError
from neo_compiler.frontends.base import Array, Imported, one_file, optional
from neo_compiler.frontends.relax_graph import INPUT, Graph, input_shape
from neo_compiler.input_config import DYNAMIC, Shape
from neo_compiler.settings import CompilerSettings
from neo_compiler.tvm_types import Expr

NO_FILE = "No .joblib file found for Scikit-Learn model. Please make sure the framework you select is correct."
MANY_FILES = "Exactly one .joblib file is allowed for Scikit-Learn models."
CANNOT_LOAD = "Framework cannot load Scikit-Learn model. Please make sure the framework you select is correct. "
CANNOT_CONVERT = "TVM cannot convert Scikit-Learn model. Please make sure the framework you selected is correct. "
NOT_TWO = "InputShape for Sklearn model must have two dimensions, but got {}."
NOT_STATIC = (
    "InputShape for Sklearn model must have a static value for the second dimension, equal to the number of input "
    "columns or features."
)
TRANSFORMED = "transformed"


def load(files: list[Path], config: dict[str, Shape] | list[Shape] | None) -> Imported:
    """The model of an unpacked archive. Raises InputConfigurationError with Neo's texts."""
    for module in ("treelite", "sklearn", "joblib"):
        optional(module, "SKLEARN")
    import sklearn

    from neo_compiler.frontends.sklearn.transforms import NotSupported

    estimator = _read(files)
    name, shape = _input(config, int(estimator.n_features_in_))
    version = f"scikit-learn {getattr(estimator, '_sklearn_version', sklearn.__version__)}"
    try:
        return Graph(shape, name).imported(lambda graph: _outputs(graph, estimator, graph.data), version)
    except Exception as error:  # an estimator of another version may lack what this one reads; TVM raises many types
        said = str(error) if isinstance(error, NotSupported) else f"{type(error).__name__}: {error}"
        raise InputConfigurationError(f"{CANNOT_CONVERT}{said}") from error


def reference(files: list[Path], inputs: Mapping[str, Array]) -> list[Array]:
    """What scikit-learn itself computes. Raises ImportError where it is not installed."""
    (data,) = inputs.values()
    return computed(_read(files), data)


def computed(estimator: Any, data: Array) -> list[Array]:
    """What a fitted estimator computes for the rows of `data`, as the outputs of its compiled form."""
    last = estimator.steps[-1][1] if type(estimator).__name__ == "Pipeline" else estimator
    if not hasattr(last, "predict"):
        found = estimator.transform(data)
        return [np.asarray(found.todense() if hasattr(found, "todense") else found)]
    predicted = estimator.predict(data)
    if not hasattr(last, "classes_"):
        beside = next((name for name in ("decision_function", "transform") if hasattr(last, name)), None)
        return [predicted, getattr(estimator, beside)(data)] if beside else [predicted]
    if np.asarray(last.classes_).dtype.kind not in "iub":
        predicted = np.searchsorted(last.classes_, predicted)
    scores = "predict_proba" if hasattr(last, "predict_proba") else "decision_function"
    return [predicted, getattr(estimator, scores)(data)]


def _read(files: list[Path]) -> Any:
    """A fitted estimator. Raises InputConfigurationError."""
    from sklearn.base import BaseEstimator

    from neo_compiler.frontends.sklearn.files import read

    path = one_file(files, (".joblib", ".skops"), NO_FILE, MANY_FILES)
    try:
        estimator = read(path, CompilerSettings().unsafe_pickles)
    except Exception as error:  # a pickle can fail in any way
        raise InputConfigurationError(f"{CANNOT_LOAD}{type(error).__name__}: {error}") from error
    if not isinstance(estimator, BaseEstimator):
        raise InputConfigurationError(f"{CANNOT_LOAD}The file holds a {type(estimator).__name__}, no estimator.")
    if not isinstance(getattr(estimator, "n_features_in_", None), int):
        raise InputConfigurationError(f"{CANNOT_LOAD}The {type(estimator).__name__} is not fitted.")
    return estimator


def _input(config: dict[str, Shape] | list[Shape] | None, columns: int) -> tuple[str, Shape]:
    """The input's name and shape; a single shape may come under any name."""
    name, shapes = INPUT, []
    if isinstance(config, dict):
        name, shapes = next(iter(config), INPUT) if len(config) == 1 else INPUT, list(config.values())
    elif config is not None:
        shapes = config
    for shape in shapes:
        if len(shape) != 2:
            raise InputConfigurationError(NOT_TWO.format(len(shape)))
        if shape[1] == DYNAMIC:
            raise InputConfigurationError(NOT_STATIC)
    return name, input_shape(config, columns, name)


def _outputs(graph: Graph, estimator: Any, x: Expr) -> dict[str, Expr]:
    """The outputs by name: of a Pipeline those of its last step."""
    from neo_compiler.frontends.sklearn.models import PREDICTORS, predict
    from neo_compiler.frontends.sklearn.transforms import transform

    if type(estimator).__name__ == "Pipeline":
        *first, (_, last) = estimator.steps
        for _, step in first:
            x = x if step is None else transform(graph, step, x)
        if last is None or isinstance(last, str):
            return {TRANSFORMED: x}
        return _outputs(graph, last, x)
    if type(estimator).__name__ in PREDICTORS:
        return predict(graph, estimator, x)
    return {TRANSFORMED: transform(graph, estimator, x)}
