"""What botocore signs with Signature Version 2 verifies, and nothing that was changed afterwards."""

from collections.abc import Callable
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import HmacV1Auth, HmacV1QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from neo_emulator.aws.signing import sigv2

KEYS = Credentials("AK", "s3cr3t/with+signs")


def environ_of(url: str, method: str, headers: Any = ()) -> dict[str, Any]:
    """The environ of a request as a server makes it: header bytes decoded as Latin-1."""
    parts = urlsplit(url)
    environ = {
        "REQUEST_METHOD": method,
        "RAW_URI": parts.path + ("?" + parts.query if parts.query else ""),
        "QUERY_STRING": parts.query,
        "HTTP_HOST": parts.netloc,
    }
    for name, value in dict(headers).items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value.encode().decode("latin-1")
    return environ


def signed(url: str, method: str = "GET", headers: dict[str, str] | None = None) -> dict[str, Any]:
    request = AWSRequest(method=method, url=url, headers=headers or {})
    HmacV1Auth(KEYS).add_auth(request)
    return environ_of(url, method, request.headers)


def presigned(url: str, method: str = "GET", headers: dict[str, str] | None = None) -> dict[str, Any]:
    request = AWSRequest(method=method, url=url, headers=headers or {})
    HmacV1QueryAuth(KEYS, expires=60).add_auth(request)
    return environ_of(request.url, method)


def verifies(environ: dict[str, Any], secret: str = KEYS.secret_key) -> bool:
    found = sigv2.signature(environ)
    assert found is not None and found.in_time
    return found.verifies(secret, environ, lambda: b"")


URLS = (
    "http://127.0.0.1:4577/bucket/a%20b%2Bc",
    "http://127.0.0.1:4577/bucket/key?uploads",
    "http://127.0.0.1:4577/bucket/key?partNumber=1&uploadId=a%2Fb&x=1",
    "http://127.0.0.1:4577/bucket?publicAccessBlock",
    "http://127.0.0.1:4577/bucket?list-type=2&prefix=a",
    "http://127.0.0.1:4577/bucket/key?response-content-disposition=attachment%3B%20filename%3D%E2%82%AC.txt",
)
HEADERS = {"Content-Type": "text/plain", "Content-MD5": "abc=", "x-amz-meta-a": " two  blanks ", "x-amz-acl": "private"}


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("sign", [signed, presigned])
@pytest.mark.parametrize("headers", [{}, HEADERS])
def test_botocores_signatures_verify(sign: Callable[..., Any], url: str, headers: dict[str, str]) -> None:
    environ = sign(url, "PUT", headers)
    assert verifies(environ)
    assert not verifies(environ, "another")
    assert not verifies({**environ, "REQUEST_METHOD": "DELETE"})
    assert not verifies({**environ, "RAW_URI": environ["RAW_URI"].replace("/bucket", "/bucked")})
    assert not verifies({**environ, "HTTP_X_AMZ_ACL": "public-read"}) or "x-amz-acl=private" in environ["QUERY_STRING"]


def test_a_bucket_in_the_host_is_signed_in_the_path() -> None:
    request = AWSRequest(method="GET", url="http://bucket.localhost:4577/key", auth_path="/bucket/key")
    HmacV1Auth(KEYS).add_auth(request)
    assert verifies(environ_of(request.url, "GET", request.headers))


def test_an_empty_value_is_signed_like_none() -> None:
    environ = signed("http://127.0.0.1:4577/bucket?acl")
    assert verifies({**environ, "QUERY_STRING": "acl="})


def test_x_amz_date_stands_in_for_date() -> None:
    now = formatdate(usegmt=True)
    signer = HmacV1Auth(KEYS)
    signer._get_date = lambda: ""
    request = AWSRequest(method="GET", url="http://127.0.0.1:4577/bucket/key", headers={"x-amz-date": now})
    signer.add_auth(request)
    assert verifies(environ_of(request.url, "GET", request.headers))


def test_a_header_that_is_not_utf_8_is_no_fault_of_ours() -> None:
    environ = signed("http://127.0.0.1:4577/bucket/key")
    assert not verifies({**environ, "HTTP_X_AMZ_META_A": "\xff"})


def test_old_and_expired_ones_are_not_in_time() -> None:
    old = {"HTTP_AUTHORIZATION": "AWS AK:x", "HTTP_DATE": "Tue, 27 Mar 2007 19:36:42 +0000"}
    gone = {"QUERY_STRING": "AWSAccessKeyId=AK&Signature=x&Expires=1175139620"}
    for environ in (old, gone):
        found = sigv2.signature(environ)
        assert found is not None and not found.in_time
