"""The corpus of hostile texts: DataInputConfig refuses each in words, and evaluates none."""

from pathlib import Path

import pytest
from support.hostile_texts import TEXTS
from support.waiting import ends

from neo_compiler.errors import InputConfigurationError
from neo_compiler.input_config import MAX_CHARS, ModelInput, match, parse


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Code that ran would leave a file here."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("case", TEXTS)
def test_refused(case: str) -> None:
    with pytest.raises(InputConfigurationError) as refused, ends():
        parse(TEXTS[case])
    assert "DataInputConfig" in str(refused.value)
    assert 0 < len(refused.value.reason.encode()) < 4096
    assert list(Path().iterdir()) == []


def test_too_long() -> None:
    with pytest.raises(InputConfigurationError, match="has 16385 characters; the most allowed is 16384"):
        parse(" " * (MAX_CHARS + 1))
    with pytest.raises(InputConfigurationError, match="Incorrect json format"):
        parse("[" * MAX_CHARS)


@pytest.mark.parametrize("shape", [(1 << 30, 2), (2**31 - 1,) * 16])
@pytest.mark.parametrize("given", [True, False])
def test_an_input_that_no_machine_holds(shape: tuple[int, ...], given: bool) -> None:
    declared = ModelInput("data", None if given else shape, "float32")
    with pytest.raises(InputConfigurationError, match="has more than 2147483647 elements"):
        match({"data": shape} if given else None, [declared])
