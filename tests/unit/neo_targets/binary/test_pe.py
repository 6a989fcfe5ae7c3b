import pytest

from neo_targets.binary.pe import AMD64, PeError, machine
from neo_targets.runtime import RUNTIMES


def test_machine() -> None:
    assert machine(RUNTIMES["x86_64-windows"].path.read_bytes()) == AMD64


@pytest.mark.parametrize("data", [b"", b"MZ", b"MZ" + bytes(100), RUNTIMES["x86_64-linux"].path.read_bytes()])
def test_what_is_no_dll(data: bytes) -> None:
    with pytest.raises(PeError):
        machine(data)
