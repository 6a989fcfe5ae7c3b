"""Cross-origin requests, as a browser makes them."""

from typing import Any

import pytest

from neo_emulator.gateway import cors


def start(said: list[Any]) -> Any:
    return lambda status, headers, exc_info=None: said.append((status, dict(headers)))


def test_preflight() -> None:
    said: list[Any] = []
    environ = {
        "REQUEST_METHOD": "OPTIONS",
        "PATH_INFO": "/",
        "HTTP_ORIGIN": "https://example.com",
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST",
        "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": "x-amz-target,content-type",
    }
    assert cors.Preflight(lambda _: False)(environ, cors.allowing(environ, start(said))) == [b""]
    status, headers = said[0]
    assert status == "200 OK"
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in headers["Access-Control-Allow-Methods"]
    assert headers["Access-Control-Allow-Headers"] == "x-amz-target,content-type"


@pytest.mark.parametrize(
    "environ",
    [
        {"REQUEST_METHOD": "OPTIONS", "PATH_INFO": "/"},
        {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST"},
        {"REQUEST_METHOD": "OPTIONS", "PATH_INFO": "/ruled/key", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"},
    ],
)
def test_all_else_is_declined(environ: dict[str, Any]) -> None:
    assert cors.Preflight(lambda bucket: bucket == "ruled")(environ, start([])) is None


def test_answers_are_open_to_pages_only_once() -> None:
    said: list[Any] = []
    without = start(said)
    assert cors.allowing({}, without) is without
    cors.allowing({"HTTP_ORIGIN": "null"}, without)("200 OK", [("access-control-allow-origin", "https://a")])
    assert said[0][1]["access-control-allow-origin"] == "https://a"
    assert "Access-Control-Allow-Origin" not in said[0][1]
    assert "x-amzn-requestid" in said[0][1]["Access-Control-Expose-Headers"]
