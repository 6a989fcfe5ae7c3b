"""NEO_EMULATOR_AUTH=sigv4: every way around the signatures that was found once is closed."""

import base64
import hashlib
import http.client
import json
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import boto3
import pytest
from botocore.auth import HmacV1Auth, S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from support.live import serving

from neo_emulator.aws.signing import sigv4
from neo_emulator.gateway.app import create_app
from neo_workers.settings import Settings
from neo_workers.store.store import Store

KEY, SECRET, TOKEN = "AKIAKNOWN", "s3cr3t/with+signs", "the-admin-token"
KEYS = Credentials(KEY, SECRET)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ASSUME = b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn:aws:iam::1:role/r&RoleSessionName=x"
Send = Callable[..., tuple[int, bytes]]


@pytest.fixture
def url(redis_url: str) -> Iterator[str]:
    settings = Settings(redis_url=redis_url, auth="sigv4", access_keys=f"{KEY}:{SECRET}", admin_token=TOKEN)
    with serving(create_app(settings, Store(settings), lambda _: None)) as url:
        yield url


@pytest.fixture
def s3(url: str) -> Any:
    """Two buckets: everything in "public" may be read and listed by all, nothing in "private"."""
    keys = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET, "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=url, config=Config(s3={"addressing_style": "path"}), **keys)
    for bucket in ("public", "private", "latest", "service_us"):
        client.create_bucket(Bucket=bucket)
        client.put_object(Bucket=bucket, Key="key", Body=bucket.encode())
    for bucket in ("public", "latest"):
        statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}*"}
        client.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": [statement]}))
    return client


@pytest.fixture
def send(url: str) -> Send:
    """One request as it is given: status and body."""

    def call(method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    return call


@pytest.fixture
def signed(url: str) -> Callable[..., dict[str, str]]:
    """The headers of a signed request."""

    def sign(method: str, path: str, body: bytes = b"", service: str = "s3", **headers: str) -> dict[str, str]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = AWSRequest(method, url + path, data=body, headers=named)
        (S3SigV4Auth if service == "s3" else SigV4Auth)(KEYS, service, "us-east-1").add_auth(request)
        return dict(request.headers.items())

    return sign


def test_what_is_open_to_all(s3: Any, send: Send) -> None:
    assert send("GET", "/public/key") == (200, b"public")
    assert send("HEAD", "/public/key")[0] == 200
    assert send("GET", "/public/key?x-id=GetObject") == (200, b"public")
    assert b"<Key>key</Key>" in send("GET", "/public?list-type=2&prefix=k&encoding-type=url")[1]
    assert send("GET", "/private/key")[0] == 403


@pytest.mark.parametrize("query", ["", "?" + ASSUME.decode()])
@pytest.mark.parametrize("path", ["/public", "/public/key"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS"])
def test_a_public_bucket_leads_to_no_other_service(s3: Any, send: Send, method: str, path: str, query: str) -> None:
    preflight = {"Origin": "http://a", "Access-Control-Request-Method": "GET"} if method == "OPTIONS" else {}
    status, body = send(method, path + query, ASSUME, {**FORM, **preflight})
    assert b"AssumeRole" not in body
    assert b"SecretAccessKey" not in body
    assert status == 403 or (method == "GET" and not query) or method == "OPTIONS"


@pytest.mark.parametrize("suffix", ["svc.cluster.local", "s3-x.localhost", "localhost", "s3.localhost"])
def test_the_bucket_that_is_judged_is_the_one_that_is_read(s3: Any, send: Send, suffix: str) -> None:
    for host in (f"public.{suffix}", f"www.public.{suffix}", f"localhost.public.{suffix}"):
        status, body = send("GET", "/private/key", headers={"Host": host})
        assert (status, body == b"private") in ((403, False), (404, False)), host


@pytest.mark.parametrize("name", ["policy", "acl", "versions", "tagging", "uploads", "location", "cors", "versionId"])
def test_encoded_subresources_are_subresources(s3: Any, send: Send, name: str) -> None:
    encoded = f"%{ord(name[0]):02x}{name[1:]}"
    for path in ("/public", "/public/key"):
        for text in (name, encoded, f"x=1&{encoded}", f"list-type=2&{encoded}=1"):
            assert send("GET", f"{path}?{text}")[0] == 403, text


def test_no_parameter_of_an_object_is_open(s3: Any, send: Send) -> None:
    for text in ("response-content-type=text/html", "versionId=null", "torrent", "uploadId=1", "partNumber=1"):
        assert send("GET", f"/public/key?{text}")[0] == 403, text


@pytest.mark.parametrize(
    "headers",
    [{"x-amz-copy-source": "/private/key"}, {"x-amz-acl": "public-read"}, {"X-Moto-Account-Id": "111122223333"}],
)
def test_headers_that_are_not_signed_are_refused(s3: Any, send: Send, signed: Any, headers: dict[str, str]) -> None:
    status, body = send("PUT", "/private/new", headers={**signed("PUT", "/private/new"), **headers})
    assert (status, b"were not signed" in body) == (403, True)
    assert send("GET", "/public/key", headers=headers)[0] == 403
    assert "new" not in [row["Key"] for row in s3.list_objects_v2(Bucket="private")["Contents"]]


def test_a_signed_name_with_an_underscore_is_not_one_with_a_dash(s3: Any, send: Send, signed: Any) -> None:
    headers = signed("PUT", "/private/new", **{"x-amz-meta-a-b": "1"})
    value = headers.pop("x-amz-meta-a-b")
    assert send("PUT", "/private/new", headers={**headers, "x-amz-meta-a_b": value})[0] == 403


def test_moto_s_own_addresses(s3: Any, send: Send, signed: Any) -> None:
    for path in ("/moto-api/data.json", "/moto-api/", "/moto-api", "/moto-api/recorder/start-recording", "/_neo/info"):
        for method in ("GET", "POST"):
            status, body = send(method, path)
            assert (status, b"error" in body) == (403, True), path
    assert send("POST", "/_neo/reset")[0] == send("POST", "/moto-api/reset-auth")[0] == 403
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert send("GET", "/_neo/info", headers=bearer)[0] == send("GET", "/moto-api/data.json", headers=bearer)[0] == 200
    assert send("GET", "/_neo/info", headers={"Authorization": "Bearer nonsense"})[0] == 403
    assert send("GET", "/_neo/info", headers=signed("GET", "/_neo/info", service="any"))[0] == 200
    assert send("GET", "/_neo/health")[0] == 200
    assert send("GET", f"/_neo/?token={TOKEN}")[0] == 303
    assert send("GET", "/_neo/", headers={"Cookie": f"neo_emulator_admin={TOKEN}"})[0] == 200
    assert send("GET", "/_neo/", headers={"Cookie": "neo_emulator_admin=x"})[0] == 403


def test_paths_that_moto_gives_to_other_services(s3: Any, send: Send, signed: Any) -> None:
    for path in (
        "/latest/meta-data/iam/security-credentials/",
        "/latest/api/token",
        "/v20180820/tags/x",
        "/favicon.ico",
    ):
        assert send("GET", path)[0] in (403, 404), path
        assert b"SecretAccessKey" not in send("GET", path)[1]
    path = "/latest/meta-data/iam/security-credentials/default-role"
    assert send("GET", path, headers=signed("GET", path))[0] == 403
    assert send("GET", "/us-east-1_abc/.well-known/jwks.json")[0] == 403


def test_an_operation_is_of_the_service_that_was_signed_for(send: Send, signed: Any) -> None:
    target = {"X_Amz_Target": "SageMaker.ListCompilationJobs"}
    right = signed("POST", "/", b"{}", "sagemaker", **target)
    assert send("POST", "/", b"{}", right) == (200, b'{"CompilationJobSummaries": []}')
    wrong = signed("POST", "/", b"{}", "s3", **target)
    status, body = send("POST", "/", b"{}", wrong)
    assert (status, b"scoped to correct service: 'sagemaker'" in body) == (403, True)


def test_a_body_is_signed(send: Send, signed: Any) -> None:
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    headers = signed("POST", "/", body, "sts", **FORM)
    assert send("POST", "/", body, headers)[0] == 200
    assert send("POST", "/", ASSUME, headers)[0] == 403
    loose = signed("POST", "/", body, "sts", **FORM, x_amz_content_sha256="UNSIGNED-PAYLOAD")
    assert send("POST", "/", body, loose)[0] == 403


def test_numbers_that_have_no_end(s3: Any, send: Send) -> None:
    day = datetime.now(UTC).strftime("%Y%m%d")
    scope = quote(f"{KEY}/{day}/us-east-1/s3/aws4_request", safe="")
    query = (
        f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={scope}&X-Amz-Date={day}T000000Z&X-Amz-SignedHeaders=host"
    )
    assert send("GET", f"/private/key?{query}&X-Amz-Signature={'0' * 64}&X-Amz-Expires={'9' * 5000}")[0] == 403
    for date in ("Tue, 01 Dec 99999999999 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -2359", "0", "x" * 5000):
        assert send("GET", "/private/key", headers={"Authorization": f"AWS {KEY}:AAAA", "Date": date})[0] == 403


def test_version_2_does_not_sign_everything(s3: Any, send: Send, url: str) -> None:
    request = AWSRequest("GET", f"{url}/private")
    HmacV1Auth(KEYS).add_auth(request)
    headers = dict(request.headers.items())
    assert send("GET", "/private", headers=headers)[0] == 200
    assert send("GET", "/private?prefix=k", headers=headers)[0] == 200
    for query in ("publicAccessBlock", "ownershipControls", "encryption", "%70olicyStatus", "inventory"):
        assert send("GET", f"/private?{query}", headers=headers)[0] == 403, query


def chunked(url: str, body: bytes, trailer: str = "") -> tuple[dict[str, str], bytes]:
    """Headers and body of an aws-chunked PUT to /private/chunked, signed to the last chunk."""
    kind = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" + ("-TRAILER" if trailer else "")
    headers = {"X-Amz-Content-SHA256": kind, "X-Amz-Decoded-Content-Length": str(len(body))}
    if trailer:
        headers["X-Amz-Trailer"] = trailer.partition(":")[0]
    request = AWSRequest("PUT", f"{url}/private/chunked", headers=headers)

    class Streaming(S3SigV4Auth):
        def payload(self, request: Any) -> str:
            return kind

    Streaming(KEYS, "s3", "us-east-1").add_auth(request)
    made = dict(request.headers.items())
    made["X-Amz-Content-SHA256"] = kind
    environ = {"HTTP_AUTHORIZATION": made["Authorization"], "HTTP_X_AMZ_DATE": made["X-Amz-Date"]}
    claimed = sigv4.signature(environ)
    assert claimed is not None
    key, previous, out = claimed._key(SECRET), claimed.value, b""

    def link(kind: str, text: str) -> str:
        import hmac

        whole = f"AWS4-HMAC-SHA256-{kind}\n{claimed.time}\n{claimed.scope}\n{previous}\n{text}"
        return hmac.digest(key, whole.encode(), "sha256").hex()

    for piece in (body[:3], body[3:], b""):
        previous = link("PAYLOAD", f"{hashlib.sha256(b'').hexdigest()}\n{hashlib.sha256(piece).hexdigest()}")
        out += f"{len(piece):x};chunk-signature={previous}\r\n".encode() + piece + (b"\r\n" if piece else b"")
    if trailer:
        previous = link("TRAILER", hashlib.sha256(f"{trailer}\n".encode()).hexdigest())
        out += f"{trailer}\r\nx-amz-trailer-signature:{previous}\r\n".encode()
    return made, out + b"\r\n"


@pytest.mark.parametrize("with_trailer", [False, True])
def test_chunks_are_verified(s3: Any, send: Send, url: str, with_trailer: bool) -> None:
    digest = base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode()
    headers, body = chunked(url, b"hello", f"x-amz-checksum-crc32:{digest}" if with_trailer else "")
    assert send("PUT", "/private/chunked", body, headers)[0] == 200
    assert s3.get_object(Bucket="private", Key="chunked")["Body"].read() == b"hello"
    forged = [body.replace(b"hel", b"hex"), body.replace(b"signature=", b"signature=0", 1)[:-1]]
    first = body.index(b";")
    forged.append(body[:first] + body[body.index(b"\r\n") :])  # without the signature
    if with_trailer:
        forged.append(body.replace(digest.encode(), b"AAAAAA=="))
    for text in forged:
        assert send("PUT", "/private/chunked", text, headers)[0] in (400, 403), text
    assert s3.get_object(Bucket="private", Key="chunked")["Body"].read() == b"hello"
