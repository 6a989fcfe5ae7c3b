"""Filters and joins, on the examples of the guide."""

from typing import Any

import pytest

from neo_workers.transform.data_processing import DataProcessing, ProcessingError
from neo_workers.transform.records import InputDataError


def made(kind: str = "text/csv", accept: str | None = None, **processing: str) -> DataProcessing:
    output = {"S3OutputPath": "s3://b/o", "Accept": kind if accept is None else accept}
    return DataProcessing.of(
        {"TransformInput": {"ContentType": kind}, "TransformOutput": output, "DataProcessing": processing}
    )


@pytest.mark.parametrize(
    ("processing", "sent", "stored"),
    [
        (made(), b"7,1,2", b"0.5"),
        (made(InputFilter="$", OutputFilter="$", JoinSource="None"), b"7,1,2", b"0.5"),
        (made(JoinSource="Input"), b"7,1,2", b"7,1,2,0.5"),
        (made(InputFilter="$[1:]", JoinSource="Input"), b"1,2", b"7,1,2,0.5"),
        (made(InputFilter="$[1:]", JoinSource="Input", OutputFilter="$[0,-1]"), b"1,2", b"7,0.5"),
        (made(InputFilter="$[0]", OutputFilter="$[0]"), b"7", b"0.5"),
    ],
)
def test_a_row(processing: DataProcessing, sent: bytes, stored: bytes) -> None:
    processing.check()
    assert processing.request_body(b"7,1,2") == sent
    assert processing.stored(b"7,1,2", b"0.5", "text/csv; charset=utf-8") == stored


@pytest.mark.parametrize(
    ("processing", "sent", "stored"),
    [
        (made("application/json", JoinSource="Input"), b'{"key": 1}', b'{"key":1,"SageMakerOutput":{"label":1}}'),
        (
            made("application/json", InputFilter="$.key", JoinSource="Input", OutputFilter="$.SageMakerOutput.label"),
            b"1",
            b"1",
        ),
        (made("application/jsonlines", OutputFilter="$.label"), b'{"key": 1}', b"1"),
    ],
)
def test_an_object(processing: DataProcessing, sent: bytes, stored: bytes) -> None:
    processing.check()
    assert processing.request_body(b'{"key": 1}') == sent
    assert processing.stored(b'{"key": 1}', b'{"label": 1}', "application/json") == stored


def test_what_is_no_object_is_joined_in_a_new_one() -> None:
    assert made("application/json", JoinSource="Input").stored(b'["a", 2]', b'["b"]', "application/json") == (
        b'{"SageMakerInput":["a",2],"SageMakerOutput":["b"]}'
    )


def test_rows_are_joined_one_by_one() -> None:
    join = made(JoinSource="Input")
    assert join.stored(b'"a, b",1\nc,2', b"0.5\n0.25\n", "text/csv") == b'"a, b",1,0.5\nc,2,0.25'
    with pytest.raises(InputDataError, match="mismatched line count between the input and the output: 2 and 1"):
        join.stored(b"a,1\nc,2", b"0.5,0.25", "text/csv")
    with pytest.raises(InputDataError, match="the input is text/csv and the output is application/json"):
        join.stored(b"a,1", b"[0.5]", "application/json")


def test_data_that_does_not_fit() -> None:
    with pytest.raises(InputDataError, match="does not fit the data"):
        made(InputFilter="$[5]").request_body(b"1,2")
    with pytest.raises(InputDataError, match="a record is no application/json"):
        made("application/json", InputFilter="$.a").request_body(b"{")


@pytest.mark.parametrize(
    ("processing", "said"),
    [
        (made("image/png", InputFilter="$.a"), "DataProcessing is for text/csv"),
        (made("", JoinSource="Input"), "not for no type"),
        (made(accept="application/json", JoinSource="Input"), "needs ContentType and Accept of one format"),
        (made(InputFilter="$.a"), "Only index based"),
        (made("application/json", OutputFilter="$.a_b"), 'Unexpected "_"'),
    ],
)
def test_what_is_refused(processing: Any, said: str) -> None:
    with pytest.raises(ProcessingError, match=said):
        processing.check()


def test_a_table_in_and_objects_out() -> None:
    processing = made(accept="application/json", InputFilter="$[:2]", OutputFilter="$['class']")
    processing.check()
    assert processing.request_body(b"1,2,3") == b"1,2"
    assert processing.stored(b"1,2,3", b'{"class": "a", "p": 1}', "application/json") == b'"a"'
