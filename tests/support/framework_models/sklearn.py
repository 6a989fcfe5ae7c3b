"""scikit-learn on the real data sets that it ships."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.framework_models import Arrays, Files, Model
from support.tabular_models import dataset, joblib_bytes

FRAMEWORK = "SKLEARN"


def _model(name: str, data: str, make: Callable[[], Any]) -> Model:
    def files() -> Files:
        pytest.importorskip("sklearn")
        return {"model.joblib": joblib_bytes(make().fit(*dataset(data)))}

    def inputs() -> Arrays:
        return {"data": dataset(data)[0][:100]}

    columns = {"breast_cancer": 30, "digits": 64, "diabetes": 10, "iris": 4}[data]
    return Model(name, "tabular", f"fitted to its own {data}", files, {"data": [100, columns]}, inputs)


def _scaled(module: str, name: str, **options: Any) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), _estimator(module, name, **options))


def _estimator(module: str, name: str, **options: Any) -> Any:
    import importlib

    return getattr(importlib.import_module(f"sklearn.{module}"), name)(**options)


MODELS = [
    _model("digits, forest", "digits", lambda: _estimator("ensemble", "RandomForestClassifier", random_state=0)),
    _model("cancer, histograms", "breast_cancer", lambda: _estimator("ensemble", "HistGradientBoostingClassifier")),
    _model("diabetes, boosting", "diabetes", lambda: _estimator("ensemble", "GradientBoostingRegressor")),
    _model("iris, scaled, logistic", "iris", lambda: _scaled("linear_model", "LogisticRegression")),
    _model("digits, scaled, network", "digits", lambda: _scaled("neural_network", "MLPClassifier", max_iter=60)),
]
