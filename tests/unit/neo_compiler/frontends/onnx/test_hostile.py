"""The corpus of hostile ONNX models: refused in words, within the memory it was given, nothing read or written
outside the archive. One process imports them all, each in a fork of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.hostile_onnx import CASES, HARMLESS

TESTS = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What came of each case."""
    root = tmp_path_factory.mktemp("onnx")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "support.hostile_onnx_run", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=280)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in root.iterdir()] == ["a"]  # nothing that a model wrote
    return {line["case"]: line for line in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("case", CASES)
def test_case(case: str, results: dict[str, dict[str, Any]]) -> None:
    result = results[case]
    assert result["outcome"] == ("loaded" if case in HARMLESS else "InputConfigurationError"), result
    assert "root:" not in result["text"]
    assert case in HARMLESS or result["text"].startswith("ClientError: InputConfiguration: ")


def test_cases_of_external_data_say_so(results: dict[str, dict[str, Any]]) -> None:
    for case in ("external parent", "external absolute", "external symlink", "external in a branch"):
        assert "Its external data lies outside the archive" in results[case]["text"]
