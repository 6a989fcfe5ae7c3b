import pytest

from neo_targets import neuron
from neo_targets.errors import TargetError


@pytest.mark.parametrize(
    "device, text",
    [
        ("ml_inf1", "--verbose 1 --num-neuroncores 2 -O2"),
        ("ml_inf1", "--neuroncore-pipeline-cores=4 --fp32-cast matmult --enable-saturate-infinity"),
        ("ml_inf1", "--fast-math fp32-cast-all no-fast-relayout --verbose INFO"),
        ("ml_inf1", "--dtype int64"),
        ("ml_inf1", ""),
        ("ml_trn1", "--model-type transformer --auto-cast all --auto-cast-type bf16 -O1"),
        ("ml_inf2", "--optlevel 3 --enable-fast-loading-neuron-binaries"),
    ],
)
def test_good(device: str, text: str) -> None:
    neuron.check(device, text)


@pytest.mark.parametrize(
    "device, text, complaint",
    [
        ("ml_inf1", "--quick", r"'--quick' is not a flag of ml_inf1; known are .*--num-neuroncores"),
        ("ml_inf1", "fast", "'fast' is not a flag"),
        ("ml_inf1", "--num-neuroncores", "--num-neuroncores expects 1 to 64"),
        ("ml_inf1", "--num-neuroncores 65", "--num-neuroncores expects 1 to 64, not '65'"),
        ("ml_inf1", "-O9", "-O expects 0, 1, 2, 3, not '9'"),
        ("ml_inf1", "--enable-saturate-infinity=1", "takes no value"),
        ("ml_inf1", "--fast-math all sometimes", "--fast-math expects all, none, .*, not 'sometimes'"),
        ("ml_inf1", "--verbose 'a", "No closing quotation"),
        ("ml_inf2", "--num-neuroncores 2", "'--num-neuroncores' is not a flag of ml_inf2"),
        ("ml_trn1", "--auto-cast some", "--auto-cast expects none, matmult, all, not 'some'"),
    ],
)
def test_bad(device: str, text: str, complaint: str) -> None:
    with pytest.raises(TargetError, match=complaint):
        neuron.check(device, text)
