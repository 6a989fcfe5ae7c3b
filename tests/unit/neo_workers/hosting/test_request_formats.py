"""Bodies as arrays."""

import io
import json
from typing import Any

import numpy as np
import pytest

from neo_workers.hosting.request_formats import READERS, ClientRequestError, Signature, read

ONE = Signature(("data",), 3)
TWO = Signature(("a", "b"), 3)
NAN = float("nan")


def packed(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def npy(array: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "body", "form", "value"),
    [
        ("application/json", b"[[1, 2.5, 3]]", "", [[1, 2.5, 3]]),
        ("application/json; charset=utf-8", b'{"data": [1, 2, 3]}', "", [1, 2, 3]),
        ("", b"[1]", "", [1]),
        ("application/json", b'{"instances": [[1, 2, 3], [4, 5, 6]]}', "instances", [[1, 2, 3], [4, 5, 6]]),
        ("application/json", b'{"instances": [{"data": [1, 2]}], "signature_name": "s"}', "instances", [[1, 2]]),
        ("application/json", b'{"inputs": [[1, 2]]}', "inputs", [[1, 2]]),
        ("application/json", b'{"inputs": {"data": [[1, 2]]}}', "inputs", [[1, 2]]),
        ("application/x-npy", npy(np.array([[1, 2]], "int8")), "", [[1, 2]]),
        ("application/x-npz", packed(data=[1, 2]), "", [1, 2]),
        ("text/csv", b"1,2,3\n4,5,6\n", "", [[1, 2, 3], [4, 5, 6]]),
        ("text/csv", b"1;2;3", "", [[1, 2, 3]]),
        ("text/csv", b"1\t\t3\r\n", "", [[1, NAN, 3]]),
        ("text/csv", b"1.5", "", [[1.5]]),
        ("text/csv", b'"1", 2e3, nan', "", [[1, 2000, NAN]]),
        ("text/libsvm", b"1 0:5 2:7\n0 1:6", "", [[5, NAN, 7], [NAN, 6, NAN]]),
        ("text/x-libsvm", b"2:7", "", [[NAN, NAN, 7]]),
    ],
)
def test_each_type_is_read(kind: str, body: bytes, form: str, value: Any) -> None:
    payload = read(kind, body, ONE)
    assert payload.form == form
    np.testing.assert_array_equal(payload.arrays["data"], np.array(value))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"a": [1], "b": [[2]]}'),
        ("application/json", b'{"instances": [{"a": 1, "b": [2]}]}'),
        ("application/json", b'{"inputs": {"a": [1], "b": [[2]]}}'),
        ("application/x-npz", packed(a=[1], b=[[2]])),
    ],
)
def test_several_inputs_by_name(kind: str, body: bytes) -> None:
    arrays = read(kind, body, TWO).arrays
    assert arrays["a"].tolist() == [1]
    assert arrays["b"].tolist() == [[2]]


@pytest.mark.parametrize(
    ("kind", "body", "signature", "said"),
    [
        ("image/jpeg", b"", ONE, "Invalid content type. Accepted content types are application/json"),
        ("application/json", b"{", ONE, "the body is not valid application/json"),
        ("application/json", b"\xff", ONE, "the body is not valid application/json"),
        ("application/json", b"[" * 100_000, ONE, "the body is not valid application/json"),
        ("application/json", b"[[1], [1, 2]]", ONE, "rows of different lengths"),
        ("application/json", b'["x"]', ONE, "must contain numbers"),
        ("application/json", b"[null]", ONE, "must contain numbers"),
        ("application/json", b"[1" + b"0" * 400 + b"]", ONE, "must contain numbers"),
        ("application/json", b'{"x": [1]}', ONE, "the model expects ['data'], the request has ['x']"),
        ("application/json", b"[1]", TWO, "the body must name each of ['a', 'b']"),
        ("application/json", b'{"instances": []}', ONE, "at least one row"),
        ("application/json", b'{"instances": [{"a": 1}]}', TWO, "the request has ['a']"),
        ("application/x-npy", b"none", ONE, "the body is not valid application/x-npy"),
        (
            "application/x-npy",
            npy(np.array([{}], object), allow_pickle=True),
            ONE,
            "the body is not valid application/x-npy",
        ),
        ("application/x-npz", b"PK none", ONE, "the body is not valid application/x-npz"),
        ("text/csv", b"", ONE, "the body has no rows"),
        ("text/csv", b"a,b,c\n1,2,3", ONE, "the body is not valid text/csv"),
        ("text/csv", b"1,2\n1", ONE, "rows of different lengths"),
        ("text/libsvm", b"\n", ONE, "the body has no rows"),
        ("text/libsvm", b"3:1", ONE, "row 1 has column 3; the model has 3"),
        ("text/libsvm", b"-1:1", ONE, "row 1 has column -1"),
        ("text/libsvm", b"a:b", ONE, "the body is not valid text/libsvm"),
    ],
)
def test_what_is_wrong_is_said(kind: str, body: bytes, signature: Signature, said: str) -> None:
    with pytest.raises(ClientRequestError) as refused:
        read(kind, body, signature)
    assert said in str(refused.value)


def test_no_code_is_run() -> None:
    """A pickle in an npy file would be."""
    assert "application/x-npy" in READERS
    with pytest.raises(ClientRequestError, match="allow_pickle"):
        read("application/x-npy", npy(np.array([print], object), allow_pickle=True), ONE)


def test_json_keeps_every_digit() -> None:
    value = np.float32(0.1)
    body = json.dumps([float(value)]).encode()
    assert np.float32(read("application/json", body, ONE).arrays["data"][0]) == value
