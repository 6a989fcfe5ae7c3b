"""scikit-learn's own numbers, estimator by estimator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import tabular
from support.tabular import COLUMNS

from neo_compiler.errors import InputConfigurationError
from neo_compiler.frontends.base import Tensor
from neo_compiler.frontends.sklearn.load import (
    CANNOT_CONVERT,
    CANNOT_LOAD,
    MANY_FILES,
    NO_FILE,
    computed,
    load,
    reference,
)

pytest.importorskip("treelite")
joblib = pytest.importorskip("joblib")
pytest.importorskip("sklearn")
from sklearn import (  # noqa: E402
    cluster,
    compose,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_selection,
    impute,
    linear_model,
    naive_bayes,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)

FEW = {"n_estimators": 8, "random_state": 0}
NETWORK = {"hidden_layer_sizes": (8, 4), "max_iter": 300, "tol": 0.01, "random_state": 0}

Case = tuple[Callable[[], Any], str | None]
CASES: dict[str, Case] = {
    "forest": (lambda: ensemble.RandomForestClassifier(**FEW), "sevens"),
    "forest of texts": (lambda: ensemble.RandomForestClassifier(**FEW), "text"),
    "forest, values missing": (lambda: ensemble.RandomForestClassifier(**FEW), "two"),
    "forest of values": (lambda: ensemble.RandomForestRegressor(**FEW), "real"),
    "forest of targets": (lambda: ensemble.RandomForestRegressor(**FEW), "both"),
    "extra trees": (lambda: ensemble.ExtraTreesClassifier(**FEW), "three"),
    "boosting": (lambda: ensemble.GradientBoostingClassifier(**FEW), "two"),
    "boosting of three": (lambda: ensemble.GradientBoostingClassifier(**FEW), "three"),
    "boosting of values": (lambda: ensemble.GradientBoostingRegressor(**FEW), "real"),
    "histograms, values missing": (lambda: ensemble.HistGradientBoostingClassifier(max_iter=8), "three"),
    "histograms, categories": (
        lambda: ensemble.HistGradientBoostingRegressor(max_iter=8, categorical_features=[1, 2]),
        "real",
    ),
    "histograms of counts": (lambda: ensemble.HistGradientBoostingRegressor(max_iter=8, loss="poisson"), "positive"),
    "tree": (lambda: tree.DecisionTreeClassifier(random_state=0), "three"),
    "tree of values": (lambda: tree.DecisionTreeRegressor(random_state=0), "real"),
    "isolation": (lambda: ensemble.IsolationForest(**FEW), None),
    "linear": (linear_model.LinearRegression, "real"),
    "linear of targets": (linear_model.Ridge, "both"),
    "lasso": (lambda: linear_model.Lasso(0.01), "real"),
    "counts": (linear_model.PoissonRegressor, "positive"),
    "logistic": (linear_model.LogisticRegression, "text"),
    "logistic of three": (linear_model.LogisticRegression, "sevens"),
    "gradient descent": (lambda: linear_model.SGDClassifier(random_state=0), "three"),
    "gradient descent, logistic": (lambda: linear_model.SGDClassifier(loss="log_loss", random_state=0), "three"),
    "linear vectors": (svm.LinearSVC, "two"),
    "discriminant": (discriminant_analysis.LinearDiscriminantAnalysis, "three"),
    "bayes": (naive_bayes.GaussianNB, "three"),
    "network": (lambda: neural_network.MLPClassifier(**NETWORK), "two"),
    "network of values": (lambda: neural_network.MLPRegressor(activation="tanh", **NETWORK), "real"),
    "clusters": (lambda: cluster.KMeans(4, random_state=0, n_init=1), None),
    "standard": (preprocessing.StandardScaler, None),
    "range": (lambda: preprocessing.MinMaxScaler(clip=True), None),
    "robust": (preprocessing.RobustScaler, None),
    "largest": (preprocessing.MaxAbsScaler, None),
    "norm": (lambda: preprocessing.Normalizer("l1"), None),
    "binary": (lambda: preprocessing.Binarizer(threshold=0.3), None),
    "imputer, values missing": (lambda: impute.SimpleImputer(strategy="median"), None),
    "components": (lambda: decomposition.PCA(3, whiten=True), None),
    "powers": (lambda: preprocessing.PolynomialFeatures(3), None),
    "selection": (lambda: feature_selection.SelectKBest(k=2), "two"),
    "columns, categories": (
        lambda: compose.ColumnTransformer(
            [
                ("one hot", preprocessing.OneHotEncoder(handle_unknown="ignore"), [1]),
                ("scaled", preprocessing.StandardScaler(), slice(3, 5)),
            ],
            remainder="passthrough",
        ),
        None,
    ),
    "pipeline, values missing": (
        lambda: pipeline.make_pipeline(
            impute.SimpleImputer(),
            pipeline.make_union(preprocessing.StandardScaler(), decomposition.PCA(2)),
            linear_model.LogisticRegression(),
        ),
        "sevens",
    ),
}


def fitted(name: str, data: Any) -> Any:
    make, target = CASES[name]
    return make().fit(data, *([tabular.targets(data)[target]] if target else []))


def saved(estimator: Any, folder: Path, compress: int = 0) -> Path:
    path = folder / "model.joblib"
    joblib.dump(estimator, path, compress=compress)
    return path


def complaint(files: list[Path], config: Any = None) -> str:
    with pytest.raises(InputConfigurationError) as error:
        load(files, config)
    return str(error.value)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", CASES)
def test_numbers_are_scikit_learns(name: str, tmp_path: Path) -> None:
    data = tabular.table(missing=0.1 if "missing" in name else 0.0, categories=5 if "categories" in name else 0)
    estimator = fitted(name, data)
    imported = load([saved(estimator, tmp_path)], [data.shape])
    found = tabular.run(imported, data)
    wanted = computed(estimator, data)
    assert len(found) == len(wanted)
    for item, right in zip(imported.outputs, wanted, strict=True):
        assert found[item.name].shape == item.shape == np.shape(right)
        largest = max(1.0, float(np.abs(right).max()))
        np.testing.assert_allclose(found[item.name], right, rtol=0, atol=0 if item.name == "label" else 5e-6 * largest)


def test_reference_is_what_users_see(tmp_path: Path) -> None:
    data = tabular.table()
    estimator = fitted("logistic", data)
    label, probabilities = reference([saved(estimator, tmp_path)], {"data": data})
    np.testing.assert_array_equal(estimator.classes_[label], estimator.predict(data))
    np.testing.assert_array_equal(probabilities, estimator.predict_proba(data))


def test_without_data_input_config_there_is_one_row(tmp_path: Path) -> None:
    imported = load([saved(fitted("forest", tabular.table()), tmp_path)], None)
    assert imported.inputs == (Tensor("data", (1, COLUMNS), "float32"),)
    assert imported.outputs == (Tensor("label", (1,), "int64"), Tensor("probabilities", (1, 3), "float32"))
    assert imported.framework_version.startswith("scikit-learn 1.")


def test_the_inputs_name_is_free(tmp_path: Path) -> None:
    imported = load([saved(fitted("standard", tabular.table()), tmp_path)], {"input": (3, COLUMNS)})
    assert imported.inputs == (Tensor("input", (3, COLUMNS), "float32"),)


def test_wrong_shapes(tmp_path: Path) -> None:
    files = [saved(fitted("standard", tabular.table()), tmp_path)]
    assert complaint(files, [(6,)]) == "InputShape for Sklearn model must have two dimensions, but got 1."
    assert "must have a static value for the second dimension" in complaint(files, {"input": (1, -1)})
    assert "The model's inputs: data: [-1, 6] float32" in complaint(files, [(1, 5)])


def test_which_file(tmp_path: Path) -> None:
    one, other = (tabular.written(tmp_path / f"{name}.joblib", b"") for name in "ab")
    assert complaint([tmp_path / "model.pkl"]) == NO_FILE
    assert complaint([one, other]) == MANY_FILES


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda data: [1, 2], "The file holds a list, no estimator."),
        (lambda data: preprocessing.StandardScaler(), "The StandardScaler is not fitted."),
    ],
    ids=["list", "unfitted"],
)
def test_what_is_no_estimator(make: Any, says: str, tmp_path: Path) -> None:
    assert complaint([saved(make(tabular.table()), tmp_path)]) == CANNOT_LOAD + says


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: svm.SVC(), "SVC is not"),
        (lambda: impute.SimpleImputer(add_indicator=True), "SimpleImputer with add_indicator"),
        (lambda: preprocessing.FunctionTransformer(np.sinh).fit(np.zeros((1, COLUMNS))), "FunctionTransformer of sinh"),
    ],
    ids=["kernel", "indicator", "function"],
)
def test_what_has_no_form_here_is_named(make: Any, says: str, tmp_path: Path) -> None:
    data = tabular.table(missing=0.1 if "indicator" in says else 0)
    estimator = make().fit(data, tabular.targets(data)["two"])
    assert complaint([saved(estimator, tmp_path)]).startswith(CANNOT_CONVERT + says)
