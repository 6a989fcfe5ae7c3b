import pytest

from neo_emulator.control.dashboard import formats


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (999, "999 B"), (35_869, "35.9 kB"), (3 * 10**9, "3.0 GB")])
def test_size(count: int, text: str) -> None:
    assert formats.size(count) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.314, "0.31 s"), (12.34, "12.3 s"), (245, "4 min 5 s"), (7_300, "2 h 1 min")]
)
def test_seconds(value: float, text: str) -> None:
    assert formats.seconds(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.4, "< 1 s"), (7.0, "7 s"), (61, "1 min 1 s")])
def test_whole(value: float, text: str) -> None:
    assert formats.whole(value) == text
