"""Jobs whose compiler is in the whole sandbox: every framework, every kind of target, the self check, tuning."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest
from e2e.compiling import tar_gz
from e2e.models import conv_net
from support import jobs
from support.sandboxed import NEEDS_SANDBOX

from neo_compiler.frontends import FRAMEWORKS
from neo_compiler.frontends.base import quiet
from neo_compiler.runtime.execute import this_cpu_flags
from neo_emulator.testing.server_process import ServerProcess

pytestmark = NEEDS_SANDBOX

MODELS = {
    "onnx": "transformer block",
    "pytorch": "tabular (trace)",
    "tflite": "cnn (int8)",
    "keras": "tabular (h5)",
    "tensorflow": "text (saved)",
    "mxnet": "mlp",
    "darknet": "classifier",
    "xgboost": "wine, softmax, UBJSON",
    "sklearn": "iris, scaled, logistic",
}
"""A row of support.framework_models for each framework."""
HOST = {"TargetPlatform": {"Os": "LINUX", "Arch": "X86_64"}}
TARGETS: dict[str, dict[str, Any]] = {
    "x86-64": {"TargetDevice": "ml_c5"},
    "Arm, 64 bits": {"TargetDevice": "ml_m6g"},
    "Arm, 32 bits": {"TargetDevice": "rasp3b"},
    "Android": {"TargetPlatform": {"Os": "ANDROID", "Arch": "ARM64"}},
    "NVIDIA": {"TargetDevice": "ml_g4dn"},
    "OpenCL": {"TargetDevice": "rk3399"},
    "Windows": {"TargetDevice": "x86_win64"},
    "Core ML": {"TargetDevice": "coreml"},
}


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess(sandbox="required", self_check=1, workers=1, cache="false") as server:
        server.client("s3").create_bucket(Bucket="neo")
        yield server


def compiled(
    server: ServerProcess, files: dict[str, bytes] | bytes, framework: str, config: Any, **target: Any
) -> list[str]:
    """The job's log, once it is COMPLETED."""
    server.client("s3").put_object(
        Bucket="neo", Key="m.tar.gz", Body=files if isinstance(files, bytes) else tar_gz(files)
    )
    sagemaker = server.client("sagemaker")
    inputs = None if config is None else json.dumps(config)
    name = jobs.create(sagemaker, "s3://neo/m.tar.gz", inputs, framework=framework, **target)
    job = jobs.wait(sagemaker, name)
    log = jobs.log(server.client("logs"), name)
    assert job["CompilationJobStatus"] == "COMPLETED", (job.get("FailureReason"), log)
    return log


@pytest.mark.parametrize("name", MODELS)
def test_every_framework_compiles_and_computes_its_own_numbers(server: ServerProcess, name: str) -> None:
    module = importlib.import_module(f"support.framework_models.{name}")
    if missing := [each for each in FRAMEWORKS[module.FRAMEWORK].modules if find_spec(each) is None]:
        pytest.skip(f"without {', '.join(missing)}")
    model = next(model for model in module.MODELS if model.name == MODELS[name])
    with quiet():
        files = model.files()
    log = compiled(server, files, module.FRAMEWORK, model.config, **HOST)
    checked = [line for line in log if line.startswith("self check")]
    assert checked
    assert "max abs error" in checked[0] or module.FRAMEWORK == "TFLITE", checked


@pytest.mark.parametrize("target", TARGETS)
def test_every_kind_of_target_compiles(server: ServerProcess, target: str) -> None:
    if target == "Core ML" and find_spec("coremltools") is None:
        pytest.skip("without coremltools")
    case = conv_net()
    compiled(server, {"model.onnx": case.model}, "ONNX", case.shapes, **TARGETS[target])


@pytest.mark.skipif("sse2" not in this_cpu_flags(), reason="times code for x86-64")
def test_kernels_are_timed_and_what_was_found_is_kept(tmp_path: Any) -> None:
    case = conv_net()
    settings = {
        "sandbox": "required",
        "tune_seconds": 120,
        "workers": 1,
        "cache": "true",
        "cache_dir": tmp_path / "cache",
    }
    with ServerProcess(**settings) as server:
        server.client("s3").create_bucket(Bucket="neo")
        archive = tar_gz({"model.onnx": case.model})
        first = compiled(server, archive, "ONNX", case.shapes, **HOST)
        assert sum("tiles timed in" in line for line in first) == 2, first
        assert len((tmp_path / "cache/tuning.jsonl").read_bytes().splitlines()) == 2
        again = compiled(server, archive, "ONNX", case.shapes, **HOST)
        assert [line for line in again if line.startswith("cache hit")], "\n".join(again)
        other = compiled(server, {"other.onnx": case.model}, "ONNX", case.shapes, **HOST)
        assert any(line.startswith("tuning: 0 of 2 kernels to try") for line in other), other
