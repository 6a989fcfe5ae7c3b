"""`make demo` as it is: a pretrained model for five targets, one of them run by the stock dlr package."""

import json
import subprocess
import sys


def test_every_target_comes_out_right() -> None:
    command = [sys.executable, "-m", "neo_emulator", "demo", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert len(rows) >= 5
    assert [row["reason"] for row in rows] == [""] * len(rows)
    ran = [row["check"] for row in rows if row["ran"]]
    assert ran
    assert all('"python"' in check for check in ran)
    assert any("sm_75" in row["code"] for row in rows)
