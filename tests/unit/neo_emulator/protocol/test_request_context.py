from typing import Any
from uuid import UUID

import pytest

from neo_emulator.protocol.request_context import Credential, authorize, context_of, read_body, with_body

SIGNED = "AWS4-HMAC-SHA256 Credential=AK/20240101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (
            "AWS4-HMAC-SHA256 Credential=AK/20240101/eu-west-1/sagemaker/aws4_request, SignedHeaders=h, Signature=0",
            Credential("AK", "eu-west-1", "sagemaker"),
        ),
        ("AWS4-HMAC-SHA256 Credential=AK/20240101/EU:1/sagemaker/aws4_request, Signature=0", None),
        ("AWS AK:signature", None),
        ("", None),
    ],
)
def test_credential(header: str, found: Any) -> None:
    assert context_of({"HTTP_AUTHORIZATION": header}).credential == found
    assert context_of({}).credential is None


def test_a_request_has_one_context(make_environ: Any) -> None:
    environ = make_environ(HTTP_AUTHORIZATION=SIGNED, HTTP_AMZ_SDK_INVOCATION_ID="a" * 99)
    context = context_of(environ)
    assert context_of(environ) is context
    assert (context.service, context.invocation) == ("s3", "a" * 64)
    assert UUID(context.request_id).version == 4
    assert context.request_id == context.request_id
    assert context_of(make_environ()).service == ""


def test_another_authorization_gives_another_context(make_environ: Any) -> None:
    environ = make_environ(HTTP_AUTHORIZATION=SIGNED)
    assert context_of(environ).service == "s3"
    authorize(environ, SIGNED.replace("/s3/", "/logs/"))
    assert context_of(environ).service == "logs"


@pytest.mark.parametrize("more", [{}, {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}])
def test_a_body_is_read_once_and_can_be_read_again(make_environ: Any, more: dict[str, Any]) -> None:
    environ = make_environ(body=b"hello", **more)
    sent = environ["wsgi.input"]
    assert read_body(environ) == b"hello"
    assert sent.read() == b""
    assert environ["CONTENT_LENGTH"] == "5"
    assert environ["wsgi.input"].read(2) == b"he"
    assert read_body(environ) == b"hello"
    assert environ["wsgi.input"].read() == b"hello"


def test_no_more_is_read_than_the_body(make_environ: Any) -> None:
    environ = make_environ(body=b"hello, next request", CONTENT_LENGTH="5")
    sent = environ["wsgi.input"]
    assert read_body(environ) == b"hello"
    assert sent.read() == b", next request"


def test_a_copy_with_another_body(make_environ: Any) -> None:
    environ = make_environ(body=b"mine", HTTP_AUTHORIZATION=SIGNED)
    context = context_of(environ)
    copy = with_body(environ, b"another")
    assert (read_body(copy), read_body(environ)) == (b"another", b"mine")
    assert copy["PATH_INFO"] == environ["PATH_INFO"]
    assert context_of(copy).credential == context.credential
