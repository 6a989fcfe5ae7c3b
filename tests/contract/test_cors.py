"""What a browser would see: preflights and answers of every part of the endpoint, with signatures checked too."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.live import serving

from neo_emulator.gateway.app import create_app
from neo_workers.settings import Settings
from neo_workers.store.store import Store

SIGNED = "AWS4-HMAC-SHA256 Credential=AKID/20240101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
ORIGIN = "https://page.example"
ASKING = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-amz-target"}


@pytest.mark.parametrize("path", ["/", "/_neo/health", "/bucket/key"])
def test_preflights_are_allowed(curl: Callable[..., Any], path: str) -> None:
    answer = curl("OPTIONS", path, b"", ASKING)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] in ("*", ORIGIN)
    assert "PUT" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "x-amz-target"


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/", {"X-Amz-Target": "SageMaker.ListCompilationJobs"}),
        ("POST", "/", {"X-Amz-Target": "SageMaker.NoSuchThing"}),
        ("POST", "/", {"X-Amz-Target": "SageMaker.ListModels"}),
        ("GET", "/_neo/health", {}),
        ("GET", "/", {"Authorization": SIGNED}),
        ("GET", "/nobucket/key", {}),
    ],
)
def test_answers_can_be_read_by_pages(
    curl: Callable[..., Any], method: str, path: str, headers: dict[str, str]
) -> None:
    answer = curl(method, path, b"", {"Origin": ORIGIN, **headers})
    assert answer.headers["access-control-allow-origin"] in ("*", ORIGIN)
    assert "access-control-expose-headers" in answer.headers


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
