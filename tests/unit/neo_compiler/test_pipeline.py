import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from neo_compiler import pipeline
from neo_compiler.compilation import Compilation, CompilationContext
from neo_compiler.errors import CompilationError, CompileError, InputConfigurationError, OutputConfigurationError
from neo_workers.settings import Settings


def request(**changes: Any) -> dict[str, Any]:
    source = {"S3Uri": "s3://in/m.tar.gz", "Framework": "ONNX", "DataInputConfig": '{"data": [1]}'}
    output = {"S3OutputLocation": "s3://out/", "TargetDevice": "ml_c5"}
    for key, value in changes.items():
        (source if key in ("S3Uri", "Framework", "DataInputConfig") else output)[key] = value
    return {"InputConfig": source, "OutputConfig": output}


def context(folder: Path) -> CompilationContext:
    return CompilationContext(folder, "us-east-1", Settings(), lambda step: None, lambda: None)


def test_prepare(tmp_path: Path) -> None:
    work = Compilation.prepare(request(), context(tmp_path))
    assert str(work.request.artifact_uri) == "s3://out/m-ml_c5.tar.gz"
    assert work.spec.name == "ml_c5"
    assert work.request.shapes == {"data": (1,)}


@pytest.mark.parametrize(
    "wrong, error, text",
    [
        ({"S3Uri": "ftp://in"}, InputConfigurationError, "not an S3 URI: 'ftp://in'"),
        ({"S3OutputLocation": "out"}, OutputConfigurationError, "not an S3 URI: 'out'"),
        (
            {"TargetDevice": "ml_inf1"},
            CompilationError,
            "Unable to compile model for ml_inf1: its machine code is made by",
        ),
        ({"CompilerOptions": "{'x': 1}"}, CompilationError, "unknown key 'x'"),
        ({"Framework": "CAFFE"}, CompilationError, "Framework CAFFE is not available in this version"),
        ({"DataInputConfig": "{"}, InputConfigurationError, "Cannot load DataInputConfig. Incorrect json format."),
        ({"DataInputConfig": "1"}, InputConfigurationError, "DataInputConfig is not dictionary or list."),
    ],
)
def test_prepare_refuses(wrong: dict[str, str], error: type[CompileError], text: str, tmp_path: Path) -> None:
    with pytest.raises(error) as refused:
        Compilation.prepare(request(**wrong), context(tmp_path))
    assert text in refused.value.reason
    assert refused.value.reason.startswith(error.prefix)


def test_model_packages_are_not_available(tmp_path: Path) -> None:
    with pytest.raises(CompilationError, match="ModelPackageVersionArn is not available"):
        Compilation.prepare({"OutputConfig": request()["OutputConfig"]}, context(tmp_path))


def test_unpack_of_an_empty_archive(tmp_path: Path) -> None:
    from neo_compiler.storage.archive import pack

    work = Compilation.prepare(request(), context(tmp_path))
    pack([], tmp_path / "model.tar.gz")
    with pytest.raises(InputConfigurationError, match=r"No model file found\."):
        pipeline.unpack(work)


ONE_PROCESS = """
import os, sys, threading
os.environ["OPENBLAS_NUM_THREADS"] = "1"
import {modules}
heavy = sorted(name for name in ("tvm", "onnx", "onnxruntime", "torch") if name in sys.modules)
print(heavy, threading.active_count(), len(os.listdir("/proc/self/task")))
"""


def in_a_fresh_process(modules: str, then: str = "") -> str:
    source = ONE_PROCESS.format(modules=modules).replace("heavy =", f"{then}\nheavy =", 1)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.strip()


LIGHT = (
    *("neo_workers.jobs", "neo_workers.settings", "neo_workers.store.store", "neo_workers.queue.publisher"),
    *("neo_workers.queue.celery_app", "neo_workers.queue.routing", "neo_workers.worker.main"),
    *("neo_compiler.errors", "neo_compiler.frontends", "neo_compiler.pipeline", "neo_compiler.storage.s3"),
)


@pytest.mark.parametrize("module", LIGHT)
def test_these_modules_load_no_compiler(module: str) -> None:
    assert in_a_fresh_process(module).startswith("[]")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads through /proc")
def test_preload_starts_no_thread() -> None:
    found = in_a_fresh_process(
        "neo_compiler.pipeline",
        "import neo_compiler.settings as s; neo_compiler.pipeline.preload(s.CompilerSettings())",
    )
    assert found == "['onnx', 'tvm'] 1 1"


@pytest.mark.parametrize(("version", "target"), [("1.13", "ml_c5"), ("2.0", "rasp3b"), (None, "rasp3b")])
def test_shapes_of_old_or_edge_pytorch_must_be_given(version: str | None, target: str, tmp_path: Path) -> None:
    wanted = request(Framework="PYTORCH", TargetDevice=target)
    del wanted["InputConfig"]["DataInputConfig"]
    if version:
        wanted["InputConfig"]["FrameworkVersion"] = version
    with pytest.raises(InputConfigurationError, match="DataInputConfig must be given"):
        Compilation.prepare(wanted, context(tmp_path))
