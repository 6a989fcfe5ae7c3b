"""The corpus of hostile texts, as CompilerOptions: the API itself reads these."""

from pathlib import Path

import pytest
from support.hostile_texts import TEXTS
from support.waiting import ends

from neo_targets.errors import TargetError
from neo_targets.options import apply, parse
from neo_targets.registry import DEVICES

HARMLESS = ("empty", "blanks")


@pytest.mark.parametrize("case", [case for case in TEXTS if case not in HARMLESS])
def test_refused(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TargetError, match="CompilerOptions"), ends():
        apply(DEVICES["ml_c5"], parse(TEXTS[case]))
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    "value", ["0x" + "f" * 16000, "[" * 500 + "]" * 500, "1e999", "{1}", "b'x'", "'\\0'", "'../../x'"]
)
@pytest.mark.parametrize("option", ["mcpu", "mattr", "gpu-code", "trt-ver", "dtype"])
def test_values(option: str, value: str) -> None:
    with pytest.raises(TargetError, match="CompilerOptions"):
        parse(f"{{'{option}': {value}}}")
