"""What a browser would see: preflights and answers of every part of the endpoint, with signatures checked too."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.live import serving

from neo_emulator.gateway.app import create_app
from neo_workers.settings import Settings
from neo_workers.store.store import Store

SIGNED = "AWS4-HMAC-SHA256 Credential=AKID/20240101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
ORIGIN = "http://localhost:3000"
ASKING = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-amz-target"}


@pytest.mark.parametrize("path", ["/", "/bucket/key"])
def test_preflights_are_allowed(curl: Callable[..., Any], path: str) -> None:
    answer = curl("OPTIONS", path, b"", ASKING)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "PUT" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "x-amz-target"


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/", {"X-Amz-Target": "SageMaker.ListCompilationJobs"}),
        ("POST", "/", {"X-Amz-Target": "SageMaker.NoSuchThing"}),
        ("POST", "/", {"X-Amz-Target": "SageMaker.ListModels"}),
        ("GET", "/", {"Authorization": SIGNED}),
        ("GET", "/nobucket/key", {}),
    ],
)
def test_answers_can_be_read_by_pages(
    curl: Callable[..., Any], method: str, path: str, headers: dict[str, str]
) -> None:
    answer = curl(method, path, b"", {"Origin": ORIGIN, **headers})
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-expose-headers" in answer.headers


@pytest.mark.parametrize("path", ["/", "/_neo/reset", "/bucket/key", "/moto-api/reset"])
def test_pages_of_other_sites_are_refused(curl: Callable[..., Any], path: str) -> None:
    origin = {"Origin": "https://page.example"}
    asked = curl("OPTIONS", path, b"", {**ASKING, **origin})
    assert asked.status == 403
    headers = [
        asked.headers,
        curl("GET", path, b"", origin).headers,
        curl("GET", "/_neo/jobs.json", b"", origin).headers,
    ]
    assert not [each for each in headers if "access-control-allow-origin" in each]


@pytest.mark.parametrize(
    "path", ["/_neo/reset", "/_neo/pace", "/_neo/faults", "/moto-api/reset", "/moto-api/reset-auth"]
)
def test_pages_of_other_sites_change_nothing(curl: Callable[..., Any], url: str, path: str) -> None:
    for headers in (
        {"Origin": "https://page.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert curl("POST", path, b"{}", headers).status == 403, headers
    assert curl("POST", path, b"{}", {"Origin": url, "Sec-Fetch-Site": "same-origin"}).status != 403
    assert curl("POST", path, b"{}", {"Sec-Fetch-Site": "none"}).status != 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "a.b:4577"])
def test_foreign_hosts_are_refused(curl: Callable[..., Any], host: str) -> None:
    for path in ("/", "/_neo/health", "/bucket/key", "/moto-api/"):
        assert curl("GET", path, b"", {"Host": host}).status == 421, path
    assert b"NEO_EMULATOR_HOSTS" in curl("GET", "/_neo/info", b"", {"Host": host}).body


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "[::1]:4577", "10.0.0.7", "emulator:4577", "any-service", "host.docker.internal:4577"),
        *("LOCALHOST.", "neo.default.svc.cluster.local", "sagemaker.us-east-1.amazonaws.com"),
    ],
)
def test_the_emulator_s_own_hosts(curl: Callable[..., Any], host: str) -> None:
    assert curl("GET", "/_neo/health", b"", {"Host": host}).status == 200


@pytest.mark.parametrize(
    "host",
    [
        *("models.localhost", "models.s3.localhost:4577", "models.s3.us-west-2.localhost", "models.emulator"),
        *("models.s3.amazonaws.com", "models.s3.us-west-2.amazonaws.com", "models.s3-us-west-2.amazonaws.com"),
        "models.host.docker.internal",
    ],
)
def test_buckets_below_them(curl: Callable[..., Any], client: Callable[..., Any], host: str) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="models", ACL="public-read")
    s3.put_object(Bucket="models", Key="a/b c", Body=b"v", ACL="public-read")
    assert curl("GET", "/a/b%20c", b"", {"Host": host}).body == b"v"
    assert b"<Key>a/b c</Key>" in curl("GET", "/", b"", {"Host": host, "Authorization": SIGNED}).body


def test_a_bucket_with_rules_judges_by_them(curl: Callable[..., Any], client: Callable[..., Any]) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="ruled")
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://other.example"]}
    s3.put_bucket_cors(Bucket="ruled", CORSConfiguration={"CORSRules": [rule]})
    assert curl("OPTIONS", "/ruled/key", b"", ASKING).status == 403


@pytest.fixture
def strict(redis_url: str) -> Iterator[str]:
    settings = Settings(redis_url=redis_url, auth="sigv4", access_keys="AKIA:secret")
    with serving(create_app(settings, Store(settings), lambda _: None)) as url:
        yield url


def test_preflights_need_no_signature(strict: str) -> None:
    import urllib.request

    request = urllib.request.Request(f"{strict}/", headers=ASKING, method="OPTIONS")
    assert urllib.request.urlopen(request, timeout=60).status == 200
