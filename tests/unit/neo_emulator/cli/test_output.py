import pytest

from neo_emulator.cli import output


def test_cells_are_no_markup_and_steer_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("name", "reason"), [("[bold]a[/]", "\x1b[31mred\x07"), ("b", None)])
    shown = capsys.readouterr().out
    assert "[bold]a[/]" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_terminal_escapes_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    output.plain("input \x1b]0;title\x07\x1b[2J\x9b31m\r name\n[1] float32")
    assert capsys.readouterr().out == "input �]0;title��[2J�31m� name\n[1] float32\n"
