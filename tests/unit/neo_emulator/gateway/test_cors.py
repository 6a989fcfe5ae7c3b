"""Cross-origin requests, as a browser makes them."""

from typing import Any

import pytest

from neo_emulator.gateway.cors import Cors

ASKED = {"REQUEST_METHOD": "OPTIONS", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST", "PATH_INFO": "/"}
HERE, AWAY = "http://localhost:3000", "https://page.example"


def answer(cors: Cors, environ: dict[str, Any]) -> tuple[str, dict[str, str]] | None:
    said: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        said.append((status, dict(headers)))
        return lambda data: None

    whole = {**ASKED, **environ}
    return said[0] if cors(whole, cors.allowing(whole, start)) is not None else None


@pytest.mark.parametrize(
    ("origins", "origin", "path", "allowed"),
    [
        ("", HERE, "/", True),
        ("", "http://127.0.0.1", "/bucket/key", True),
        ("", "https://[::1]:8443", "/", True),
        ("", AWAY, "/", False),
        ("", "null", "/", False),
        ("", "http://localhost.evil.example", "/", False),
        ("", "http://[", "/", False),
        ("", HERE, "/_neo/reset", False),
        (f"{AWAY}/", AWAY, "/", True),
        (AWAY, AWAY, "/_neo/reset", True),
        ("*", AWAY, "/", True),
        ("*", AWAY, "/_neo/reset", False),
        ("*", AWAY, "/moto-api/reset", False),
    ],
)
def test_preflight(origins: str, origin: str, path: str, allowed: bool) -> None:
    said = answer(Cors(origins, lambda _: False), {"HTTP_ORIGIN": origin, "PATH_INFO": path})
    assert said is not None
    status, headers = said
    assert headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
    assert status.startswith("200" if allowed else "403")
    if allowed:
        assert "POST" in headers["Access-Control-Allow-Methods"]


def test_the_headers_asked_for_are_allowed() -> None:
    environ = {"HTTP_ORIGIN": HERE, "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": "x-amz-target,content-type"}
    said = answer(Cors("", lambda _: False), environ)
    assert said is not None
    assert said[1]["Access-Control-Allow-Headers"] == "x-amz-target,content-type"


def test_all_else_is_declined() -> None:
    cors = Cors("", lambda bucket: bucket == "ruled")
    assert answer(cors, {"HTTP_ORIGIN": HERE, "REQUEST_METHOD": "POST"}) is None
    assert answer(cors, {"HTTP_ORIGIN": HERE, "PATH_INFO": "/ruled/key"}) is None
    assert cors({"REQUEST_METHOD": "OPTIONS", "PATH_INFO": "/"}, lambda *_: lambda data: None) is None


def test_a_bucket_s_own_rules_are_not_widened() -> None:
    said: list[Any] = []
    cors = Cors("*", lambda bucket: bucket == "ruled")
    for path, allowed in (("/ruled/key", None), ("/other/key", AWAY)):
        environ = {"HTTP_ORIGIN": AWAY, "PATH_INFO": path, "REQUEST_METHOD": "GET"}
        cors.allowing(environ, lambda status, headers, exc_info=None: said.append(dict(headers)))("200 OK", [])
        assert said[-1].get("Access-Control-Allow-Origin") == allowed
