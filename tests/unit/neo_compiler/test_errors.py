import pytest

from neo_compiler.errors import CompileError, InputConfigurationError, InternalError


def test_reason_is_prefix_text_and_suffix() -> None:
    reason = InputConfigurationError("No model file found.").reason
    assert reason.startswith("ClientError: InputConfiguration: No model file found.  For further troubleshooting")


@pytest.mark.parametrize("kind", [InputConfigurationError, InternalError])
@pytest.mark.parametrize("length", [1, 700, 1024, 100_000])
def test_reason_never_exceeds_the_api_and_keeps_both_ends(kind: type[CompileError], length: int) -> None:
    reason = kind("<" + "x" * length + ">").reason
    assert len(reason) <= 1024
    assert "<x" in reason
    assert "x>" in reason


def test_a_reason_can_be_stored_whatever_a_file_is_called() -> None:
    assert "caf\\udce9.onnx" in InputConfigurationError("no caf\udce9.onnx").reason
