import json
from typing import Any

import pytest

from neo_emulator.aws.moto import Moto, keep_underscores
from neo_emulator.aws.moto_errors import SERVICE
from neo_workers.settings import Settings

S3 = "AWS4-HMAC-SHA256 Credential=AK/20240101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
PAGE = b"<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>"


def bridge(status: str = "200 OK", body: bytes = b"", kind: str = "text/html", raises: Exception | None = None) -> Moto:
    """A Moto whose application gives this answer, or raises."""
    moto = Moto(Settings())

    def application(environ: Any, start_response: Any) -> list[bytes]:
        environ[SERVICE] = "sagemaker"
        if raises is not None:
            raise raises
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    moto._application = application
    return moto


def test_unsigned_sagemaker_call_is_routed(send: Any, make_environ: Any) -> None:
    environ = make_environ("ListModels", {})
    send(bridge(), environ)
    assert "/us-east-1/sagemaker/aws4_request" in environ["HTTP_AUTHORIZATION"]
    other = make_environ()
    send(bridge(), other)
    assert "HTTP_AUTHORIZATION" not in other


@pytest.mark.parametrize(
    ("operation", "err", "status", "code"),
    [
        ("NoSuchThing", KeyError("x"), 400, "UnknownOperationException"),
        ("CreateHub", NotImplementedError("create_hub"), 400, "ValidationException"),  # {} breaks the model
        ("ListModels", NotImplementedError("list_models"), 501, "NotImplemented"),
        ("ListModels", KeyError("x"), 501, "NotImplemented"),
        ("ListModels", ValueError("no date"), 400, "ValidationException"),
    ],
)
def test_moto_s_exceptions(
    send: Any, make_environ: Any, operation: str, err: Exception, status: int, code: str
) -> None:
    got, headers, body = send(bridge(raises=err), make_environ(operation, {}))
    assert (got, json.loads(body)["__type"]) == (status, code)
    assert headers["x-amzn-errortype"] == code


def test_error_pages_become_aws_errors(send: Any, make_environ: Any) -> None:
    moto = bridge("404 NOT FOUND", PAGE)
    status, _, body = send(moto, make_environ("ListModels", {}))
    assert (status, json.loads(body)["__type"]) == (404, "UnknownOperationException")
    status, headers, body = send(moto, make_environ(PATH_INFO="/a<b", HTTP_AUTHORIZATION=S3))
    assert (status, headers["content-type"]) == (404, "application/xml")
    assert b"<Error><Code>UnknownOperationException</Code>" in body
    assert b"/a&lt;b" in body
    status, _, body = send(moto, make_environ(HTTP_AUTHORIZATION=S3.replace("/s3/", "/iam/")))
    assert b"<ErrorResponse><Error><Code>" in body


def test_other_answers_pass(send: Any, make_environ: Any) -> None:
    assert send(bridge("200 OK", PAGE), make_environ())[2] == PAGE
    assert send(bridge("404 NOT FOUND", PAGE), make_environ(REQUEST_METHOD="HEAD"))[2] == PAGE
    assert send(bridge("404 NOT FOUND", b"<Error/>", "application/xml"), make_environ())[2] == b"<Error/>"
    plain = send(bridge("400 BAD REQUEST", b"{}"), make_environ())
    assert (plain[0], plain[2]) == (400, b"{}")


def test_account(make_environ: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOTO_ACCOUNT_ID", raising=False)
    moto = Moto(Settings(account_id="999988887777"))
    assert moto.account(make_environ(HTTP_AUTHORIZATION=S3)) == "999988887777"
    assert moto.account(make_environ(HTTP_X_MOTO_ACCOUNT_ID="111122223333")) == "111122223333"
    assert moto.account(make_environ(HTTP_X_MOTO_ACCOUNT_ID="rubbish")) == "999988887777"
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "444455556666")
    assert moto.account(make_environ(HTTP_X_MOTO_ACCOUNT_ID="111122223333")) == "444455556666"


def test_reset_of_an_unused_moto_loads_nothing() -> None:
    moto = Moto(Settings())
    moto.reset()
    assert moto._application is None


def test_keep_underscores() -> None:
    environ: dict[str, Any] = {"HTTP_X_AMZ_META_B_C": "dashed"}
    headers = {"x-amz-meta-a_b": "1", "x-amz-meta-b_c": "2", "X-Amz-Meta-B-C": "dashed", "x_forwarded_for": "evil"}
    keep_underscores(environ, headers)
    assert environ["HTTP_X_AMZ_META_A_B"] == "1"
    assert environ["HTTP_X_AMZ_META_B_C"] == "dashed"
    assert "HTTP_X_FORWARDED_FOR" not in environ
