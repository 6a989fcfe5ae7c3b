import json

import pytest
import typer

from neo_emulator.cli.compiling import data_input_config, output_config


def test_targets_and_inputs_as_the_api_has_them() -> None:
    assert output_config("ml_c5", None) == {"TargetDevice": "ml_c5"}
    platform = {"Os": "LINUX", "Arch": "ARM64", "Accelerator": "NVIDIA"}
    assert output_config("linux/arm64/nvidia", "{}") == {"TargetPlatform": platform, "CompilerOptions": "{}"}
    assert data_input_config([]) is None
    assert json.loads(data_input_config(["a=1,3", "b:0=2x4", "c="]) or "") == {"a": [1, 3], "b:0": [2, 4], "c": []}
    assert data_input_config(['[{"shape": [1]}]']) == '[{"shape": [1]}]'


@pytest.mark.parametrize("text", ["a", "a=x", "=1,2"])
def test_wrong_inputs_are_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="NAME=1,3,224,224"):
        data_input_config([text])
