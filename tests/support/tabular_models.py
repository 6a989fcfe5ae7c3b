"""Models of XGBoost and scikit-learn, fitted to the real data sets that scikit-learn ships; with their numbers."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from e2e.models import Arrays, Case

ROWS = 16


def boosted() -> Case:
    """Is it cancer? Trees on the breast cancer data; some of what they are asked about is missing."""
    xgb = pytest.importorskip("xgboost")
    data, target = dataset("breast_cancer")
    booster = xgb.train(
        {"objective": "binary:logistic", "max_depth": 5, "nthread": 1}, xgb.DMatrix(data, target), num_boost_round=40
    )
    rows = data[:ROWS].copy()
    rows[::3, 1] = np.nan
    expected = booster.predict(xgb.DMatrix(rows)).reshape(-1, 1)
    return _case("boosted", "XGBOOST", "xgboost-model", bytes(booster.save_raw("ubj")), rows, {"prediction": expected})


def pipeline() -> Case:
    """Which digit? Scaled, then a logistic regression."""
    pytest.importorskip("sklearn")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    data, target = dataset("digits")
    fitted = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)).fit(data[:600], target[:600])
    return _sklearn("pipeline", fitted, data[-ROWS:])


def forest() -> Case:
    """Which wine? A forest."""
    ensemble = pytest.importorskip("sklearn.ensemble")
    data, target = dataset("wine")
    return _sklearn("forest", ensemble.RandomForestClassifier(40, random_state=0).fit(data, target), data[:ROWS])


CASES: dict[str, Callable[[], Case]] = {"boosted": boosted, "pipeline": pipeline, "forest": forest}


@cache
def dataset(name: str) -> tuple[Any, Any]:
    """(data [rows, columns] float32, target [rows])."""
    datasets = pytest.importorskip("sklearn.datasets")
    data, target = getattr(datasets, f"load_{name}")(return_X_y=True)
    return data.astype("float32"), target


def joblib_bytes(estimator: Any) -> bytes:
    import joblib

    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    return buffer.getvalue()


def _sklearn(name: str, fitted: Any, rows: Any) -> Case:
    expected = {"label": fitted.predict(rows), "probabilities": fitted.predict_proba(rows).astype("float32")}
    return _case(name, "SKLEARN", "model.joblib", joblib_bytes(fitted), rows, expected)


def _case(name: str, framework: str, file: str, model: bytes, rows: Any, expected: Arrays) -> Case:
    return Case(name, model, {"data": rows}, framework, file, expected)
