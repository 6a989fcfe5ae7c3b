import pytest

from neo_emulator.cli import output


def test_cells_are_no_markup_and_steer_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("name", "reason"), [("[bold]a[/]", "\x1b[31mred\x07"), ("b", None)])
    shown = capsys.readouterr().out
    assert "[bold]a[/]" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown
