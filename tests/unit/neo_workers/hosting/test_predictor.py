"""Batches, shapes, types and errors, with a model whose numbers are known: it doubles."""

import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from neo_workers.hosting.invocations import Answer, Invocation
from neo_workers.hosting.predictor import Predictor


@dataclass(frozen=True)
class Item:
    name: str
    shape: tuple[int, ...] | None
    dtype: str = "float32"


class Doubling:
    """A model of inputs and outputs of one shape that takes exactly that."""

    def __init__(self, *shape: int, names: tuple[str, ...] = ("data",), dtype: str = "float32", kind: str = "ONNX"):
        self.runs = 0
        self.shape, self.dtype = shape, dtype
        inputs = tuple(Item(name, shape, dtype) for name in names)
        outputs = tuple(Item(f"{name}_doubled", shape, dtype) for name in names)
        self.predictor = Predictor(kind, inputs, outputs, self.run)

    def run(self, inputs: Any) -> dict[str, Any]:
        self.runs += 1
        assert all(array.shape == self.shape and array.dtype == self.dtype for array in inputs.values())
        return {f"{name}_doubled": 2 * array for name, array in reversed(inputs.items())}

    def ask(self, body: Any, kind: str = "application/json", accept: str = "") -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.predictor.answer(Invocation(kind, accept, data))

    def value(self, body: Any, kind: str = "application/json") -> Any:
        answer = self.ask(body, kind)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)


def test_the_compiled_shape() -> None:
    model = Doubling(2, 2)
    assert model.value([[1, 2], [3, 4]]) == [[2, 4], [6, 8]]
    assert model.runs == 1


def test_rows_run_one_by_one_where_the_batch_is_one() -> None:
    model = Doubling(1, 2)
    assert model.value([[1, 2], [3, 4], [5, 6]]) == [[2, 4], [6, 8], [10, 12]]
    assert model.runs == 3
    assert model.value([1, 2]) == [[2, 4]]  # the batch's dimension is left out


def test_rows_of_tables_run_in_the_compiled_batch() -> None:
    model = Doubling(2, 2, kind="SKLEARN")
    assert model.value([[1, 2], [3, 4], [5, 6]]) == [[2, 4], [6, 8], [10, 12]]
    assert model.runs == 2


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (Doubling(2, 2), [[1, 2]]),  # a batch of two, whose rows may know each other
        (Doubling(2, 2), [[1, 2], [3, 4], [5, 6], [7, 8]]),
        (Doubling(1, 2), [[1, 2, 3]]),
        (Doubling(1, 2), 1),
        (Doubling(1, 2), []),
        (Doubling(1, 1, 2, 2), [[1, 2, 3, 4]]),  # flat rows are for csv alone
        (Doubling(1, 2, names=("a", "b")), {"a": [[1, 2]], "b": [[1, 2], [3, 4]]}),
    ],
)
def test_other_shapes_are_refused(model: Doubling, body: Any) -> None:
    answer = model.ask(body)
    assert answer.status == 400
    assert answer.body.startswith(b"ClientError: input shapes do not match: the model is compiled for ")
    assert model.runs == 0


def test_rows_of_csv_are_flat() -> None:
    model = Doubling(1, 1, 2, 2)
    assert model.value(b"1,2,3,4\n5,6,7,8", "text/csv") == [[[[2, 4], [6, 8]]], [[[10, 12], [14, 16]]]]
    assert Doubling(3).value(b"1,2,3", "text/csv") == [2, 4, 6]


def test_whole_numbers_are_not_cut() -> None:
    model = Doubling(1, 2, dtype="uint8")
    assert model.value([[1, 2.0]]) == [[2, 4]]
    for body in ([[1, 2.5]], [[1, 256]], [[-1, 0]]):
        answer = model.ask(body)
        assert (answer.status, model.runs) == (400, 1)
        assert b"input data takes uint8" in answer.body
    assert model.ask(b"1,", "text/csv").status == 400  # a missing value is no whole number


def test_several_outputs_come_in_the_model_s_order() -> None:
    model = Doubling(1, 2, names=("a", "b"))
    body = {"a": [[1, 2]], "b": [[3, 4]]}
    assert model.value(body) == [[[2, 4]], [[6, 8]]]
    rows = {"instances": [{"a": [1, 2], "b": [3, 4]}, {"a": [5, 6], "b": [7, 8]}]}
    assert model.value(rows) == {
        "predictions": [{"a_doubled": [2, 4], "b_doubled": [6, 8]}, {"a_doubled": [10, 12], "b_doubled": [14, 16]}]
    }
    assert model.value({"inputs": body}) == {"outputs": {"a_doubled": [[2, 4]], "b_doubled": [[6, 8]]}}
    assert model.ask(body, accept="text/csv").status == 400
    with np.load(io.BytesIO(model.ask(body, accept="application/x-npz").body)) as arrays:
        assert {name: arrays[name].tolist() for name in arrays} == {"a_doubled": [[2, 4]], "b_doubled": [[6, 8]]}


def test_one_output_in_each_form() -> None:
    model = Doubling(1, 2)
    assert model.value({"instances": [[1, 2], [3, 4]]}) == {"predictions": [[2, 4], [6, 8]]}
    assert model.value({"inputs": [[1, 2]]}) == {"outputs": [[2, 4]]}
    csv = model.ask([[1, 2], [3, 4]], accept="text/csv")
    assert (csv.content_type, csv.body) == ("text/csv", b"2.0,4.0\n6.0,8.0\n")
    npy = model.ask([[1, 2]], accept="application/x-npy, */*")
    assert npy.content_type == "application/x-npy"
    assert np.load(io.BytesIO(npy.body)).tolist() == [[2, 4]]
    assert model.ask([[1, 2]], accept="*/*").content_type == "application/json"
    refused = model.ask([[1, 2]], accept="image/png")
    assert (refused.status, refused.body[:32]) == (400, b"ClientError: Invalid accept type")


def test_xgboost_takes_and_gives_tables_alone() -> None:
    model = Doubling(1, 1, kind="XGBOOST")
    answer = model.ask(b"1\n2\n3", "text/csv", "application/json")
    assert (answer.status, answer.content_type) == (200, "text/csv")
    assert answer.body.count(b"\n") == 1
    assert [float(word) for word in answer.body.split(b",")] == [2, 4, 6]
    wide = Doubling(1, 2, kind="XGBOOST").ask(b"1,2\n3,4", "text/csv")
    assert [[float(w) for w in row.split(b",")] for row in wide.body.splitlines()] == [[2, 4], [6, 8]]
    refused = model.ask([[1]])
    assert refused.status == 400
    assert refused.body.decode() == (
        'ClientError: Invalid content type. Accepted content types are "text/libsvm" and "text/csv". '
        "Received application/json"
    )


def test_a_model_that_fails_is_a_server_error() -> None:
    def fail(_: Any) -> dict[str, Any]:
        raise OSError("libdlr said no")

    item = (Item("data", (1,)),)
    answer = Predictor("ONNX", item, item, fail).answer(Invocation("application/json", "", b"[1]"))
    assert (answer.status, answer.body) == (500, b"OSError: libdlr said no")
