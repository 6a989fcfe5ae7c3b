"""The log's two forms."""

import json
import logging
from collections.abc import Iterator

import pytest

from neo_workers.observability import log_setup


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    log_setup.configure("INFO")
    logging.getLogger("x").info("hello %s", "you", extra={"job": "a:b:c"})
    assert capsys.readouterr().err.endswith(" INFO x [a:b:c] hello you\n")


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    log_setup.configure("INFO", "json")
    log = logging.getLogger("x")
    log.info("hello %s\n", "you", extra={"job": "a:b:c"})
    try:
        raise KeyError("k")
    except KeyError:
        log.exception("bad")
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (first["level"], first["logger"], first["message"], first["job"]) == ("INFO", "x", "hello you\n", "a:b:c")
    assert first["time"].endswith("+00:00")
    assert "KeyError: 'k'" in second["exception"]
    assert "job" not in second
