"""XGBoost's numbers, from every form it saves; XGBoost itself is the yardstick."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import tabular
from support.tabular import COLUMNS, ROWS

from neo_compiler.errors import InputConfigurationError
from neo_compiler.frontends.base import Tensor
from neo_compiler.frontends.xgboost.load import CANNOT_CONVERT, MANY_FILES, NO_FILE, load, reference

xgb = pytest.importorskip("xgboost")
OLD = Path(__file__).parents[4] / "support" / "old_xgboost"
"""Saved by XGBoost 2.1.4, the last that writes the binary form, with what it predicted."""

ROUNDS = 5
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: ("two", {"objective": name}) for name in ("binary:logistic", "binary:logitraw", "binary:hinge")},
    **{name: ("positive", {"objective": name}) for name in ("count:poisson", "reg:gamma", "reg:tweedie")},
    **{name: ("three", {"objective": name, "num_class": 3}) for name in ("multi:softprob", "multi:softmax")},
    "reg:squarederror": ("real", {}),
    "reg:logistic": ("part", {"objective": "reg:logistic"}),
    "survival:cox": ("positive", {"objective": "survival:cox"}),
    "rank:ndcg": ("two", {"objective": "rank:ndcg"}),
    "quantiles": ("real", {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.9]}),
    "dart": ("three", {"booster": "dart", "objective": "multi:softprob", "num_class": 3, "rate_drop": 0.3}),
    "forest": ("two", {"objective": "binary:logistic", "num_parallel_tree": 4, "subsample": 0.6}),
    "base score": ("two", {"objective": "binary:logistic", "base_score": 0.3}),
    "targets": ("both", {}),
    "target vectors": ("both", {"multi_strategy": "multi_output_tree", "tree_method": "hist"}),
    "linear": ("two", {"booster": "gblinear", "objective": "binary:logistic"}),
    "linear classes": ("three", {"booster": "gblinear", "objective": "multi:softmax", "num_class": 3}),
    "categories": ("real", {"max_cat_to_onehot": 3}),
}


def trained(name: str, data: Any) -> Any:
    kind, parameters = CASES[name]
    matrix = xgb.DMatrix(data, tabular.targets(data)[kind], **options(name))
    if name.startswith("rank"):
        matrix.set_group([ROWS // 4] * 4)
    depth = {} if "linear" in name else {"max_depth": 4}
    return xgb.train({**depth, "nthread": 1, "verbosity": 0, **parameters}, matrix, ROUNDS)


def options(name: str) -> dict[str, Any]:
    return {"feature_types": list("qccqqq"), "enable_categorical": True} if name == "categories" else {}


def saved(booster: Any, folder: Path, form: str) -> Path:
    path = folder / f"model.{form}"
    if form == "pkl":
        return tabular.written(path, pickle.dumps(booster))
    booster.save_model(path)
    return path


def expected(booster: Any, data: Any, name: str = "") -> Any:
    return booster.predict(xgb.DMatrix(data, **options(name))).reshape(len(data), -1)


def complaint(files: list[Path], config: Any = None) -> str:
    with pytest.raises(InputConfigurationError) as error:
        load(files, config)
    return str(error.value)


@pytest.mark.parametrize("name", CASES)
def test_numbers_are_xgboosts(name: str, tmp_path: Path) -> None:
    data = tabular.table(missing=0.05, categories=40 if name == "categories" else 0)
    booster = trained(name, data)
    path = saved(booster, tmp_path, "json")
    found = tabular.run(load([path], {"data": data.shape}), data)["prediction"]
    wanted = expected(booster, data, name)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=2e-6)
    np.testing.assert_array_equal(reference([path], {"data": data})[0], wanted)


@pytest.mark.parametrize("form", ["json", "ubj", "pkl"])
def test_every_form_is_the_same_model(form: str, tmp_path: Path) -> None:
    data = tabular.table(missing=0.05)
    booster = trained("dart", data)
    imported = load([saved(booster, tmp_path, form)], [data.shape])
    np.testing.assert_allclose(tabular.run(imported, data)["prediction"], expected(booster, data), atol=2e-6)
    assert imported.framework_version == f"XGBoost {xgb.__version__}"


@pytest.mark.parametrize("name", ["binary.model", "softmax.model", "poisson.pkl"])
def test_files_of_older_versions(name: str) -> None:
    known = np.load(OLD / "expected.npz")
    imported = load([OLD / name], [known["data"].shape])
    found = tabular.run(imported, known["data"])["prediction"]
    np.testing.assert_allclose(found.ravel(), known[name].ravel(), rtol=2e-6, atol=2e-7)
    assert imported.framework_version.startswith("XGBoost 2.1")


@pytest.mark.parametrize("rows", [1, 7, 9, 70])
def test_few_rows_are_walked_another_way(rows: int, tmp_path: Path) -> None:
    data = tabular.table(missing=0.05)
    booster = trained("multi:softprob", data)
    imported = load([saved(booster, tmp_path, "ubj")], [(rows, COLUMNS)])
    found = tabular.run(imported, data[:rows])["prediction"]
    np.testing.assert_allclose(found, expected(booster, data[:rows]), atol=2e-7)


def test_a_pickled_classifier_is_its_booster(tmp_path: Path) -> None:
    data = tabular.table()
    classifier = xgb.XGBClassifier(n_estimators=3, max_depth=3).fit(data, tabular.targets(data)["two"])
    path = tabular.written(tmp_path / "xgboost-model", pickle.dumps(classifier))
    found = tabular.run(load([path], [data.shape]), data)["prediction"]
    np.testing.assert_allclose(found, expected(classifier.get_booster(), data), atol=2e-7)


def test_without_data_input_config_there_is_one_row(tmp_path: Path) -> None:
    imported = load([saved(trained("reg:squarederror", tabular.table()), tmp_path, "ubj")], None)
    assert imported.inputs == (Tensor("data", (1, COLUMNS), "float32"),)
    assert imported.outputs == (Tensor("prediction", (1, 1), "float32"),)


def test_wrong_shapes_and_names(tmp_path: Path) -> None:
    files = [saved(trained("reg:squarederror", tabular.table()), tmp_path, "ubj")]
    assert "data: [-1, 6] float32" in complaint(files, {"data": (1, 5)})
    assert "names x, which the model does not have" in complaint(files, {"x": (1, 6)})


def test_which_file(tmp_path: Path) -> None:
    model = saved(trained("reg:squarederror", tabular.table()), tmp_path, "ubj")
    first = model.rename(tmp_path / "xgboost-model-0")
    other = tabular.written(tmp_path / "xgboost-model-1", b"")
    load([other, first, tmp_path / ".hidden"], None)
    assert complaint([]) == NO_FILE
    assert complaint([other, tabular.written(tmp_path / "b", b"")]) == MANY_FILES


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "Its bytes are those of no form that XGBoost saves."),
        (b"\x00" * 400, "Its bytes are those of no form that XGBoost saves."),
        (b'{"learner": {}}', "It is no XGBoost model in JSON"),
        (b'{"learner": {"objective": {"name": "binary:logistic"}}}', ""),
        (b"{L\x00\x00\x00\x00\x00\x00\x00\xff", "It is no XGBoost model in UBJSON"),
        (pickle.dumps([1, 2]), "It is no pickled XGBoost model"),
        (b"\x80\x04cos\nsystem\n(S'true'\ntR.", "Its pickle names os.system, which no XGBoost model needs."),
        (b"\x80\x04cxgboost.core\nos.system\n(S'true'\ntR.", "Its pickle names xgboost.core.os.system"),
    ],
    ids=["empty", "zeros", "no learner", "no trees", "cut", "list", "system", "hidden system"],
)
def test_what_is_no_model(data: bytes, says: str, tmp_path: Path) -> None:
    text = complaint([tabular.written(tmp_path / "model", data)])
    assert text.startswith(CANNOT_CONVERT.partition("{}")[0] + says)
    assert text.endswith("then load it back in current version.") and "\n" not in text
