from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import tabular

from neo_compiler.kernels.forest import LESS_OR_EQUAL, LESS_THAN, as_less_than, from_treelite

treelite = pytest.importorskip("treelite")
numbers = st.floats(allow_nan=False, allow_infinity=False, width=64, min_value=-1e38, max_value=1e38)


@given(threshold=numbers, operator=st.sampled_from([LESS_THAN, LESS_OR_EQUAL]), steps=st.integers(-2, 2))
def test_float32_thresholds_decide_as_float64_ones(threshold: float, operator: int, steps: int) -> None:
    value = np.float32(threshold)
    for _ in range(abs(steps)):
        value = np.nextafter(value, np.float32(np.inf if steps > 0 else -np.inf))
    exact = float(value) < threshold if operator == LESS_THAN else float(value) <= threshold
    assert bool(value < as_less_than(np.array([threshold]), np.array([operator]))[0]) == exact


def test_from_treelite_puts_siblings_side_by_side() -> None:
    ensemble = pytest.importorskip("sklearn.ensemble")
    data = tabular.table()
    fitted = ensemble.RandomForestClassifier(3, random_state=0).fit(data, tabular.targets(data)["three"])
    forest = from_treelite(treelite.sklearn.import_model(fitted))
    assert (forest.features, forest.outputs, len(forest.roots)) == (data.shape[1], 3, 3)
    assert forest.depth == max(tree.get_depth() for tree in fitted.estimators_)
    left = forest.nodes[:, 2]
    is_leaf = left == np.arange(len(left))
    assert np.isnan(forest.nodes[is_leaf, 1].view("float32")).all()
    assert sorted([*left[~is_leaf], *(left[~is_leaf] + 1), *forest.roots]) == list(range(len(left)))
    assert forest.scale is not None and np.allclose(forest.scale, 1 / 3)


def test_a_set_of_categories_says_who_goes_right() -> None:
    xgb = pytest.importorskip("xgboost")
    data = tabular.table(categories=40)
    matrix = xgb.DMatrix(data, data[:, 1] % 2, feature_types=list("qcqqqq"), enable_categorical=True)
    booster = xgb.train({"max_depth": 1, "tree_method": "hist", "max_cat_to_onehot": 1}, matrix, 1)
    model = treelite.frontend.load_xgboost_model
    forest = from_treelite(_loaded(model, booster))
    assert forest.categorical
    right = np.flatnonzero(np.unpackbits(forest.sets.view("uint8"), bitorder="little"))
    assert len(right) > 10 and len({category % 2 for category in right.tolist()}) == 1


def _loaded(load: object, booster: object) -> object:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.ubj"
        booster.save_model(path)  # type: ignore[attr-defined]
        return load(path)  # type: ignore[operator]
