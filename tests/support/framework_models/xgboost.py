"""XGBoost on the real data sets that scikit-learn ships."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.framework_models import Arrays, Files, Model
from support.tabular_models import dataset

FRAMEWORK = "XGBOOST"


def _model(name: str, data: str, save: Callable[[Any], bytes], rounds: int = 60, **parameters: Any) -> Model:
    def files() -> Files:
        xgb = pytest.importorskip("xgboost")
        rows, target = dataset(data)
        return {"xgboost-model": save(xgb.train({"nthread": 1, **parameters}, xgb.DMatrix(rows, target), rounds))}

    def inputs() -> Arrays:
        rows = dataset(data)[0][:100].copy()
        rows[::5, 1] = np.nan
        return {"data": rows}

    rows, columns = 100, {"breast_cancer": 30, "digits": 64, "diabetes": 10, "wine": 13}[data]
    return Model(name, "tabular", f"trained on scikit-learn's {data}", files, {"data": [rows, columns]}, inputs)


MODELS = [
    _model(
        "cancer, logistic, UBJSON", "breast_cancer", lambda b: bytes(b.save_raw("ubj")), objective="binary:logistic"
    ),
    _model(
        *("digits, softprob, JSON", "digits", lambda b: bytes(b.save_raw("json"))),
        objective="multi:softprob",
        num_class=10,
    ),
    _model("diabetes, DART, pickle", "diabetes", pickle.dumps, booster="dart", rate_drop=0.1),
    _model("wine, softmax, UBJSON", "wine", lambda b: bytes(b.save_raw("ubj")), objective="multi:softmax", num_class=3),
]
