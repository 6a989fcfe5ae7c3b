"""Messages of a compiler are a stranger's: what is not one is told from what is."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from neo_compiler.errors import FAILURE_REASON_MAX_CHARS
from neo_workers.worker import messages
from neo_workers.worker.messages import Made, Nonsense

DIGEST = "ab" * 64
TUNED = {"product": "matmul 1x2", "tile": "8x16", "chosen": "4x16", "seconds": 0.1, "chosen_seconds": 0.2}


def line(kind: str, value: object) -> bytes:
    return json.dumps([kind, value]).encode()


def test_what_is_written_can_be_parsed() -> None:
    read, write = os.pipe()
    messages.write(write, "made", {"digest": DIGEST, "derived": None, "tuned": [TUNED], "complete": True})
    kind, made = messages.parse(os.read(read, 4096))
    os.close(read)
    os.close(write)
    assert kind == "made"
    assert isinstance(made, Made)
    assert (made.digest, made.tuned[0].tile, made.complete) == (DIGEST, "8x16", True)
    assert messages.parse(line("step", "import")) == ("step", "import")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b'{"not": "a message"}',
        b'["step"]',
        b'["other", 1]',
        b'[["step"], 1]',
        b"\xff\xfe",
        line("step", "upload"),  # not a compiler's
        line("step", "x" * 100),
        line("failed", 5),
        line("failed", "x" * 5000),
        line("done", {"artifact_uri": "s3://a/b", "artifact_digest": DIGEST}),
    ],
)
def test_nonsense(text: bytes) -> None:
    with pytest.raises(Nonsense):
        messages.parse(text)


@pytest.mark.parametrize(
    "change",
    [
        {"digest": "ab"},
        {"digest": DIGEST + "\n"},
        {"digest": 5},
        {"derived": {}},
        {"more": 1},
        {"complete": "yes"},
        {"tuned": [{**TUNED, "seconds": float("nan")}]},
        {"tuned": [{**TUNED, "seconds": -1}]},
        {"tuned": [{**TUNED, "tile": "a\nb"}]},
        {"tuned": [{**TUNED, "machine": "another"}]},
        {"tuned": [TUNED] * 1001},
    ],
)
def test_results_that_are_none(change: dict[str, Any]) -> None:
    with pytest.raises(Nonsense):
        messages.parse(line("made", {"digest": DIGEST, "derived": None} | change))


def test_reasons_are_made_fit_to_be_shown() -> None:
    folder = Path("/tmp/neo-work-x/job-1/work")
    good = "ClientError: InputConfiguration: no model"
    assert messages.clean_reason(good, folder) == good
    assert messages.clean_reason("boo", folder) == "ServerError: boo"
    assert messages.clean_reason(f"{good}\x1b[31m\nat {folder}/model/a.onnx", folder) == f"{good} [31m at model/a.onnx"
    where = f"File \"{sys.prefix}/lib/a.py\", '{Path.home()}/b'; s3://bucket{sys.prefix}/m.tar.gz"
    assert messages.clean_reason(f"ServerError: {where}", folder) == (
        f"ServerError: File \"<worker>/lib/a.py\", '<worker>/b'; s3://bucket{sys.prefix}/m.tar.gz"
    )
    assert len(messages.clean_reason("x" * 5000, folder)) == FAILURE_REASON_MAX_CHARS
