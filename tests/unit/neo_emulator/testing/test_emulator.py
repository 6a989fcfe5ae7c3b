import inspect
import os
from typing import Any

import boto3
import pytest

from neo_emulator import NeoEmulator
from neo_emulator.testing.endpoint import Endpoint

NAMES = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_PROFILE")


def test_plain_boto3_reaches_it_and_the_environment_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    before = {name: os.environ.get(name) for name in NAMES}
    with NeoEmulator(workers=1) as neo:
        boto3.client("s3").create_bucket(Bucket="made-without-an-endpoint")
        assert [row["Name"] for row in neo.s3.list_buckets()["Buckets"]] == ["made-without-an-endpoint"]
        assert os.environ["AWS_ENDPOINT_URL"] == neo.url
    assert {name: os.environ.get(name) for name in NAMES} == before
    with pytest.raises(OSError):
        neo.control("health")


def test_a_decorated_function_has_an_emulator_of_its_own_each_time() -> None:
    seen: list[str] = []

    @NeoEmulator(workers=1, min_run_seconds=7, environ=False)
    def check(word: str, neo: Endpoint) -> str:
        """A docstring."""
        seen.append(neo.url)
        assert os.environ.get("AWS_ENDPOINT_URL") != neo.url
        assert neo.control("pace")["min_run_seconds"] == 7
        return word

    assert check.__doc__ == "A docstring."
    assert list(inspect.signature(check).parameters) == ["word"]
    assert check("a") == "a"
    with pytest.raises(OSError):
        Endpoint(seen[0]).control("health")


def test_a_decorated_function_need_not_take_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NeoEmulator, "start", lambda self: self)
    monkeypatch.setattr(NeoEmulator, "stop", lambda self: None)

    @NeoEmulator()
    def check(*words: str, **options: Any) -> tuple[Any, ...]:
        return words, options

    assert check("a", b=1) == (("a",), {"b": 1})
