"""scikit-learn's predictors as relax operators: class -> (graph, fitted estimator, x) -> outputs by name.

label          [rows] what `predict` gives a classifier: its classes where they are numbers, else their indices, int64
probabilities  [rows, classes] what `predict_proba` gives
scores         what `decision_function` gives, of classifiers that have no probabilities
prediction     [rows] or [rows, targets] what `predict` gives a regressor
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import treelite
from tvm import relax

from neo_compiler.errors import last_line
from neo_compiler.frontends.relax_graph import Graph
from neo_compiler.frontends.sklearn.transforms import Estimator, NotSupported, matmul
from neo_compiler.kernels.forest import NotATree, from_treelite
from neo_compiler.kernels.tree_traversal import emit
from neo_compiler.tvm_types import Expr

Outputs = dict[str, Expr]
Predict = Callable[[Graph, Estimator, Expr], Outputs]

LABEL, PROBABILITIES, SCORES, PREDICTION = "label", "probabilities", "scores", "prediction"


def predict(graph: Graph, estimator: Estimator, x: Expr) -> Outputs:
    """What the estimator predicts of x."""
    return PREDICTORS[type(estimator).__name__](graph, estimator, x)


def _label(graph: Graph, classes: Any, index: Expr) -> Expr:
    """[rows]: the classes at the indices [rows] int64."""
    if isinstance(classes, list):
        raise NotSupported("A classifier of several outputs")
    classes = np.asarray(classes)
    if classes.dtype.kind not in "iub" and not np.array_equal(classes, np.arange(len(classes))):
        return index  # texts: the artifact's users have the estimator's classes_
    if np.array_equal(classes, np.arange(len(classes))):
        return index
    return graph.emit(relax.op.take(graph.constant(classes, "int64"), index, axis=0, mode="clip"))


def _of_probabilities(graph: Graph, e: Estimator, probabilities: Expr) -> Outputs:
    index = graph.emit(relax.op.argmax(probabilities, axis=1))
    return {LABEL: _label(graph, e.classes_, index), PROBABILITIES: probabilities}


def _of_scores(graph: Graph, e: Estimator, scores: Expr) -> Outputs:
    """Scores [rows, classes], or [rows, 1] of the second of two classes."""
    index = graph.emit(relax.op.argmax(_both(graph, scores, 0.0), axis=1))
    shown = _flat(graph, scores) if len(e.classes_) == 2 else scores
    return {LABEL: _label(graph, e.classes_, index), SCORES: shown}


def _both(graph: Graph, last: Expr, whole: float) -> Expr:
    """The columns of two classes where there is only the second one's."""
    if int(last.ty.shape.values[1]) > 1:
        return last
    if whole:
        first = relax.op.subtract(graph.constant(whole), last)
    else:
        first = relax.op.full((graph.rows, 1), graph.constant(0), "float32")
    return graph.emit(relax.op.concat([graph.emit(first), last], axis=1))


def _flat(graph: Graph, column: Expr) -> Expr:
    """[rows] of [rows, 1]."""
    return graph.emit(relax.op.reshape(column, (graph.rows,)))


def _margin(graph: Graph, e: Estimator, x: Expr) -> Expr:
    """x @ coef_ + intercept_, [rows, 1 or more]."""
    return matmul(graph, x, np.atleast_2d(e.coef_).T, e.intercept_)


def _regression(graph: Graph, e: Estimator, x: Expr) -> Outputs:
    result = _margin(graph, e, x)
    return {PREDICTION: _flat(graph, result) if np.ndim(e.coef_) == 1 else result}


def _generalized(graph: Graph, e: Estimator, x: Expr) -> Outputs:
    """Poisson, gamma and Tweedie regression: the inverse of the link of the linear prediction."""
    link = type(e._get_loss().link).__name__
    result = _flat(graph, _margin(graph, e, x))
    if link not in ("LogLink", "IdentityLink"):
        raise NotSupported(f"{type(e).__name__} with {link}")
    return {PREDICTION: graph.emit(relax.op.exp(result)) if link == "LogLink" else result}


def _logistic(graph: Graph, e: Estimator, x: Expr) -> Outputs:
    margin = _margin(graph, e, x)
    if getattr(e, "multi_class", "deprecated") == "ovr" or (e.solver == "liblinear" and len(e.classes_) > 2):
        return _of_probabilities(graph, e, _one_versus_rest(graph, margin))
    return _of_probabilities(graph, e, _softmax(graph, margin))


def _softmax(graph: Graph, margin: Expr) -> Expr:
    """Probabilities of margins; a single one is that of the second class."""
    if int(margin.ty.shape.values[1]) == 1:
        return _both(graph, graph.emit(relax.op.sigmoid(margin)), 1.0)
    return graph.emit(relax.op.nn.softmax(margin, axis=1))


def _one_versus_rest(graph: Graph, margin: Expr) -> Expr:
    each = graph.emit(relax.op.sigmoid(margin))
    if int(margin.ty.shape.values[1]) == 1:
        return _both(graph, each, 1.0)
    return graph.emit(relax.op.divide(each, relax.op.sum(each, axis=1, keepdims=True)))


def _sgd(graph: Graph, e: Estimator, x: Expr) -> Outputs:
    margin = _margin(graph, e, x)
    if e.loss == "log_loss":
        return _of_probabilities(graph, e, _one_versus_rest(graph, margin))
    return _of_scores(graph, e, margin)


def _scores(graph: Graph, e: Estimator, x: Expr) -> Outputs:
    return _of_scores(graph, e, _margin(graph, e, x))


def _discriminant(graph: Graph, e: Estimator, x: Expr) -> Outputs:
    return _of_probabilities(graph, e, _softmax(graph, _margin(graph, e, x)))


def _naive_bayes(graph: Graph, e: Estimator, x: Expr) -> Outputs:
    """Gaussian: the log likelihoods of the classes are quadratic in x."""
    mean, variance = np.asarray(e.theta_, "float64"), np.asarray(e.var_, "float64")
    constant = np.log(e.class_prior_) - 0.5 * np.log(2 * np.pi * variance).sum(1) - 0.5 * (mean**2 / variance).sum(1)
    squares = graph.emit(relax.op.multiply(x, x))
    joint = relax.op.add(matmul(graph, squares, -0.5 / variance.T), matmul(graph, x, (mean / variance).T, constant))
    return _of_probabilities(graph, e, graph.emit(relax.op.nn.softmax(graph.emit(joint), axis=1)))


_ACTIVATIONS: dict[str, Callable[[Expr], Expr]] = {
    "identity": lambda x: x,
    "logistic": relax.op.sigmoid,
    "tanh": relax.op.tanh,
    "relu": relax.op.nn.relu,
    "softmax": lambda x: relax.op.nn.softmax(x, axis=1),
}


def _network(graph: Graph, e: Estimator, x: Expr) -> Expr:
    names = [e.activation] * (len(e.coefs_) - 1) + [e.out_activation_]
    for weights, bias, name in zip(e.coefs_, e.intercepts_, names, strict=True):
        x = matmul(graph, x, weights, bias)
        if name != "identity":
            x = graph.emit(_ACTIVATIONS[name](x))
    return x


def _network_classes(graph: Graph, e: Estimator, x: Expr) -> Outputs:
    result = _network(graph, e, x)
    if e._label_binarizer.y_type_ == "multilabel-indicator":
        label = graph.emit(relax.op.astype(relax.op.greater(result, graph.constant(0.5)), "int64"))
        return {LABEL: label, PROBABILITIES: result}
    return _of_probabilities(graph, e, _both(graph, result, 1.0))


def _network_values(graph: Graph, e: Estimator, x: Expr) -> Outputs:
    result = _network(graph, e, x)
    return {PREDICTION: _flat(graph, result) if e.n_outputs_ == 1 else result}


def _clusters(graph: Graph, e: Estimator, x: Expr) -> Outputs:
    """KMeans: distances as `transform` gives them; |x|^2 - 2xc + |c|^2 would lose digits."""
    centers = np.asarray(e.cluster_centers_)
    points = graph.emit(relax.op.reshape(x, (graph.rows, 1, centers.shape[1])))
    apart = graph.emit(relax.op.subtract(points, graph.constant(centers[None])))
    squares = graph.emit(relax.op.sum(relax.op.multiply(apart, apart), axis=2))
    return {LABEL: graph.emit(relax.op.argmin(squares, axis=1)), "distances": graph.emit(relax.op.sqrt(squares))}


def _trees(graph: Graph, e: Estimator, x: Expr) -> tuple[Expr, str]:
    """The sums of leaves [rows, outputs] and treelite's name of what is to be done to them."""
    try:
        model = treelite.sklearn.import_model(e)
        forest = from_treelite(model)
    except (treelite.TreeliteError, NotATree, NotImplementedError, AttributeError) as error:
        raise NotSupported(f"{type(e).__name__}: {last_line(error)}") from error
    sums = emit(graph.builder, forest, x, graph.rows)
    return sums, str(model.get_header_accessor().get_field("postprocessor"))


def _tree_classes(graph: Graph, e: Estimator, x: Expr) -> Outputs:
    if isinstance(e.classes_, list):
        raise NotSupported("A classifier of several outputs")
    sums, post = _trees(graph, e, x)
    if post == "sigmoid":
        return _of_probabilities(graph, e, _both(graph, graph.emit(relax.op.sigmoid(sums)), 1.0))
    if post == "softmax":
        return _of_probabilities(graph, e, graph.emit(relax.op.nn.softmax(sums, axis=1)))
    return _of_probabilities(graph, e, _both(graph, sums, 1.0))


def _tree_values(graph: Graph, e: Estimator, x: Expr) -> Outputs:
    sums, post = _trees(graph, e, x)
    if post == "exponential":
        sums = graph.emit(relax.op.exp(sums))
    return {PREDICTION: _flat(graph, sums) if int(sums.ty.shape.values[1]) == 1 else sums}


def _single_tree(forest: str, predict: Predict) -> Predict:
    """A tree is a forest of one: treelite knows forests."""

    def one(graph: Graph, e: Estimator, x: Expr) -> Outputs:
        import sklearn.ensemble

        shell = getattr(sklearn.ensemble, forest)(n_estimators=1)
        shell.estimators_, shell.n_features_in_, shell.n_outputs_ = [e], e.n_features_in_, e.n_outputs_
        if hasattr(e, "classes_"):
            shell.classes_, shell.n_classes_ = e.classes_, e.n_classes_
        return predict(graph, shell, x)

    return one


def _isolation(graph: Graph, e: Estimator, x: Expr) -> Outputs:
    """1 for what lies within, -1 for an outlier, and `decision_function`: a score above 0 lies within."""
    model = treelite.sklearn.import_model(e)
    depths = emit(graph.builder, from_treelite(model), x, graph.rows)
    ratio = float(model.get_header_accessor().get_field("ratio_c")[0])
    factor = graph.constant(-np.log(2.0) / ratio)
    anomaly = graph.emit(relax.op.exp(relax.op.multiply(_flat(graph, depths), factor)))
    scores = graph.emit(relax.op.subtract(graph.constant(-e.offset_), anomaly))
    inside = relax.op.astype(relax.op.greater_equal(scores, graph.constant(0)), "int64")
    label = relax.op.subtract(relax.op.multiply(inside, graph.constant(2, "int64")), graph.constant(1, "int64"))
    return {LABEL: graph.emit(label), SCORES: scores}


_LINEAR = (
    *("LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "LassoLars", "ElasticNet", "ElasticNetCV", "Lars"),
    *("BayesianRidge", "ARDRegression", "HuberRegressor", "SGDRegressor", "TheilSenRegressor", "QuantileRegressor"),
    *("OrthogonalMatchingPursuit", "LinearSVR", "PassiveAggressiveRegressor", "MultiTaskLasso", "MultiTaskElasticNet"),
)
PREDICTORS: dict[str, Predict] = {
    **dict.fromkeys(_LINEAR, _regression),
    **dict.fromkeys(("PoissonRegressor", "GammaRegressor", "TweedieRegressor"), _generalized),
    **dict.fromkeys(("LogisticRegression", "LogisticRegressionCV"), _logistic),
    "SGDClassifier": _sgd,
    **dict.fromkeys(
        ("LinearSVC", "RidgeClassifier", "RidgeClassifierCV", "Perceptron", "PassiveAggressiveClassifier"), _scores
    ),
    "LinearDiscriminantAnalysis": _discriminant,
    "GaussianNB": _naive_bayes,
    "MLPClassifier": _network_classes,
    "MLPRegressor": _network_values,
    **dict.fromkeys(("KMeans", "MiniBatchKMeans"), _clusters),
    **dict.fromkeys(
        ("DecisionTreeClassifier", "ExtraTreeClassifier"), _single_tree("RandomForestClassifier", _tree_classes)
    ),
    **dict.fromkeys(
        ("DecisionTreeRegressor", "ExtraTreeRegressor"), _single_tree("RandomForestRegressor", _tree_values)
    ),
    **dict.fromkeys(
        (
            "RandomForestClassifier",
            "ExtraTreesClassifier",
            "GradientBoostingClassifier",
            "HistGradientBoostingClassifier",
        ),
        _tree_classes,
    ),
    **dict.fromkeys(
        ("RandomForestRegressor", "ExtraTreesRegressor", "GradientBoostingRegressor", "HistGradientBoostingRegressor"),
        _tree_values,
    ),
    "IsolationForest": _isolation,
}
