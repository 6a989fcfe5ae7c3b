import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from neo_emulator.cli import main
from neo_emulator.version import VERSION
from neo_workers.settings import get_settings

COMMANDS = ["serve", "worker", "api", "compile", "run", "inspect", "jobs", "logs", "targets", "env", "demo", "doctor"]


@pytest.fixture(autouse=True)
def fresh_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEO_EMULATOR_REDIS_URL", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    get_settings.cache_clear()


@pytest.mark.parametrize(
    "argv",
    [[], ["serve", "--port", "70000"], ["serve", "--port", "x"], ["serve", "--workers", "0"], ["nonsense"]],
)
def test_wrong_arguments_end_with_status_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(argv) == 2
    assert "Usage: neo-emulator" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"neo-emulator {VERSION}"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert [name for name in COMMANDS if f"\n  {name} " not in shown] == []
    for name in COMMANDS:
        assert main.main([name, "--help"]) == 0
        shown = capsys.readouterr().out
        assert "--json" in shown, name


@pytest.mark.parametrize("command", ["api", "worker"])
def test_parts_alone_need_a_redis(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main([command]) == 1
    assert "NEO_EMULATOR_REDIS_URL" in capsys.readouterr().err


def test_a_taken_port_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main.main(["serve", "--port", str(port)]) == 1
    assert capsys.readouterr().err == (
        f"neo-emulator: cannot listen on 127.0.0.1:{port}: Address already in use; choose another with --port\n"
    )


def test_a_bad_setting_is_said_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NEO_EMULATOR_MIN_RUN_SECONDS", "soon")
    assert main.main(["serve"]) == 1
    assert "min_run_seconds" in capsys.readouterr().err


def test_serve_imports_neither_the_compiler_nor_what_only_other_commands_need() -> None:
    names = ("tvm", "onnx", "numpy", "rich", "jinja2", "boto3", "moto", "neo_emulator.control.dashboard.pages")
    code = (
        f"import sys, neo_emulator.cli.main, neo_emulator.stack.serve; print([n for n in {names} if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_completion_knows_targets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("_NEO_EMULATOR_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "neo-emulator compile model.onnx --target ml_c")
    monkeypatch.setenv("COMP_CWORD", "4")
    main.main([])
    assert {"ml_c4", "ml_c5", "ml_c6g"} <= set(capsys.readouterr().out.split())


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = [sys.executable, "-m", "neo_emulator", "targets", "--json"]
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as nowhere:
        done = subprocess.run(command, stdout=nowhere, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.stderr == ""


def test_what_needs_a_server_says_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["jobs"], ["jobs", "a"], ["logs", "-f", "a"]):
        assert main.main([*argv, "--url", "http://127.0.0.1:9"]) == 1
        assert "start one with `neo-emulator serve`" in capsys.readouterr().err


def test_targets_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["targets", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["ml_g4dn"]["accelerator"] == "NVIDIA, sm_75"
    assert rows["LINUX/ARM64/NVIDIA"]["kind"] == "TargetPlatform"


def test_wrong_arguments_show_the_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(b"")
    for argv, text in (
        (["env", "--shell", "csh"], "Invalid value for --shell: 'csh' is not one of sh, fish, powershell, dotenv."),
        (["compile", str(model), "-i", "data=1,x"], "Invalid value for --input: 'data=1,x': expected NAME=1,3,224,224"),
        (["serve", "--cert", "c.pem"], "--cert and --key go together"),
        (["serve", "--port", "70000"], "less than or equal to 65535"),
    ):
        assert main.main(argv) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"Usage: neo-emulator {argv[0]}")
        assert text in error
