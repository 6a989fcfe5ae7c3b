import subprocess

import pytest

from neo_emulator.cli import main


def test_the_shell_takes_what_env_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["env", "--url", "http://127.0.0.1:1/a b"]) == 0
    script = capsys.readouterr().out + 'echo "$AWS_ENDPOINT_URL $AWS_ACCESS_KEY_ID $AWS_DEFAULT_REGION"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "http://127.0.0.1:1/a b test us-east-1\n"


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("fish", "set -gx AWS_ENDPOINT_URL http://127.0.0.1:4577"),
        ("powershell", '$env:AWS_ENDPOINT_URL = "http://127.0.0.1:4577"'),
        ("dotenv", "AWS_ENDPOINT_URL=http://127.0.0.1:4577"),
    ],
)
def test_other_shells(shell: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["env", "--url", "http://127.0.0.1:4577", "--shell", shell]) == 0
    assert line in capsys.readouterr().out.splitlines()


def test_an_unknown_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["env", "--shell", "tcsh"]) == 2
    assert "not one of sh, fish, powershell, dotenv" in capsys.readouterr().err
