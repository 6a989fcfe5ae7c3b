import json
import shutil
from typing import Any

import pytest

from neo_emulator import cli
from neo_emulator.commands import doctor


def found(capsys: pytest.CaptureFixture[str], status: int = 0) -> dict[str, dict[str, Any]]:
    assert cli.main(["doctor", "--json"]) == status
    return {row["name"]: row for row in json.loads(capsys.readouterr().out)}


def test_this_machine_has_what_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    rows = found(capsys)
    assert rows["private Valkey"]["state"] == doctor.OK
    assert rows["apache-tvm"]["found"].startswith("0.27")
    assert cli.main(["doctor"]) == 0
    assert "how to get it" in capsys.readouterr().out


def test_what_is_missing_is_said_with_its_remedy(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEO_EMULATOR_REDIS_URL", "redis://127.0.0.1:9")
    monkeypatch.setenv("NEO_EMULATOR_WORKRES", "2")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    rows = found(capsys, status=1)
    assert rows["Redis"]["state"] == doctor.MISSING
    assert "NEO_EMULATOR_REDIS_URL" in rows["Redis"]["remedy"]
    assert rows["NEO_EMULATOR_WORKRES"]["found"] == "no setting has this name"
    assert rows["qemu-aarch64-static"] == {
        "name": "qemu-aarch64-static",
        "state": doctor.OPTIONAL,
        "found": "runs ARM artifacts in tests",
        "remedy": "apt install qemu-user-static, brew install qemu",
    }
