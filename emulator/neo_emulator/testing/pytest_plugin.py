"""Fixtures for users' tests: an emulator per test process, empty at the start of each test, and boto3 clients on it.

    def test_my_pipeline(neo_client, neo_s3, neo_bucket, neo_wait):
        neo_s3.put_object(Bucket=neo_bucket, Key="model.tar.gz", Body=...)
        neo_client.create_compilation_job(CompilationJobName="mine", ...)
        assert neo_wait("mine")["CompilationJobStatus"] == "COMPLETED"

`pytest --neo-url URL` runs the tests against an emulator that is already running. fixtures.py creates more fixtures.
"""

from __future__ import annotations

import pytest

from neo_emulator.testing import fixtures

neo_server = fixtures.server()
neo_server_noproc = fixtures.server_noproc()
neo = fixtures.clean()
neo_client = fixtures.client("sagemaker")
neo_s3 = fixtures.client("s3")
neo_bucket = fixtures.bucket()
neo_wait = fixtures.wait()
neo_endpoint = fixtures.deployed()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds --neo-url, and `neo_url` in pytest's configuration."""
    text = "URL of a running neo-emulator; without it the tests start their own"
    parser.getgroup("neo-emulator").addoption("--neo-url", dest="neo_url", metavar="URL", help=text)
    parser.addini("neo_url", text, default="")
