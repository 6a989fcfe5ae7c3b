"""NEO_EMULATOR_DUMP_IR: the module after each phase, in numbered files."""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e.models import conv_net

from neo_compiler import local
from neo_compiler.ir_dump import after

CPU_PHASES = [
    *("imported", "simplified", "constants_folded", "scales_folded", "channels_last", "weights_packed", "fast_math"),
    *("fused", "scheduled", "finished"),
]


def dumped(target: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("NEO_EMULATOR_DUMP_IR", str(folder / "dump"))
    case = conv_net()
    model = folder / "net.onnx"
    model.write_bytes(case.model)
    request = local.request_for(model, "ONNX", None, {"TargetDevice": target})
    local.compile_file(model, folder / "out", request, lambda step: None, lambda line: None)
    (job,) = (folder / "dump").iterdir()
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(job.iterdir())}


def test_every_phase_of_a_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = dumped("ml_c5", tmp_path, monkeypatch)
    assert list(files) == [f"{number:02}-{name}.py" for number, name in enumerate(CPU_PHASES, 1)]
    assert "R.nn.conv2d" in files["01-imported.py"]
    assert "data_layout='NHWC'" in files["05-channels_last.py"].replace('"', "'")
    assert "T.vectorized" in files["09-scheduled.py"]


def test_a_gpus_source_is_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = dumped("ml_g4dn", tmp_path, monkeypatch)
    *_, finished, source = files
    assert finished.endswith("-finished.py")
    assert source.endswith("-kernels.cu")
    assert "__global__" in files[source]


def test_nothing_is_printed_where_nobody_asked() -> None:
    class Module:
        def script(self, **_: object) -> str:
            raise AssertionError

    module = Module()
    assert after("phase", module) is module
