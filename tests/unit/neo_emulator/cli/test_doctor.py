import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from neo_emulator.cli import doctor, extras, main


def found(capsys: pytest.CaptureFixture[str], status: int = 0) -> dict[str, dict[str, Any]]:
    assert main.main(["doctor", "--json"]) == status
    return {row["name"]: row for row in json.loads(capsys.readouterr().out)}


def test_this_machine_has_what_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    rows = found(capsys)
    assert rows["private Valkey"]["state"] == doctor.OK
    assert rows["apache-tvm"]["found"].startswith("0.27")
    assert main.main(["doctor"]) == 0
    assert "✓ private Valkey" in capsys.readouterr().out


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
    assert rows["qemu-aarch64-static"]["state"] == doctor.OPTIONAL
    assert rows["qemu-aarch64-static"]["remedy"].startswith("apt install qemu-user-static ")
    assert rows["wine64"]["remedy"] == "apt install wine64"
    assert rows["docker"]["remedy"].startswith("apt install docker.io")


def test_each_extra_that_is_not_there_has_the_line_that_installs_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "_version", lambda name: None)
    monkeypatch.setattr(doctor, "OPENCL_DRIVERS", Path("/nowhere"))
    rows = found(capsys)
    for extra in extras.EXTRAS:
        row = rows[f"neo-emulator[{extra.name}]"]
        assert row["state"] == doctor.OPTIONAL
        assert row["remedy"].endswith(f"pip install 'neo-emulator[{extra.name}]'")
        assert all(name in row["found"] for name in extra.packages())
    assert rows["pocl"]["remedy"] == "apt install pocl-opencl-icd"
    assert main.main(["doctor"]) == 0
    assert "-> pip install 'neo-emulator[trees]'\n" in capsys.readouterr().out
