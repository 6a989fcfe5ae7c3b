import socket

import pytest

from neo_emulator import __version__, cli
from neo_workers.settings import get_settings


@pytest.fixture(autouse=True)
def fresh_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEO_EMULATOR_REDIS_URL", raising=False)
    get_settings.cache_clear()


@pytest.mark.parametrize(
    "argv",
    [[], ["serve", "--port", "70000"], ["serve", "--port", "x"], ["serve", "--workers", "0"], ["nonsense"]],
)
def test_wrong_arguments_end_with_status_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(argv)
    assert exit_.value.code == 2
    assert "usage: neo-emulator" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out.strip() == f"neo-emulator {__version__}"


@pytest.mark.parametrize("command", ["api", "worker"])
def test_parts_alone_need_a_redis(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([command]) == 1
    assert "NEO_EMULATOR_REDIS_URL" in capsys.readouterr().err


def test_a_taken_port_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert cli.main(["serve", "--port", str(port)]) == 1
    assert capsys.readouterr().err == (
        f"neo-emulator: cannot listen on 127.0.0.1:{port}: Address already in use; choose another with --port\n"
    )


def test_a_bad_setting_is_said_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NEO_EMULATOR_MIN_RUN_SECONDS", "soon")
    assert cli.main(["serve"]) == 1
    assert "min_run_seconds" in capsys.readouterr().err
