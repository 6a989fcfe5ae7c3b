"""The whole pipeline against a real S3 server: what is reported, when the upload happens, what is left there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from e2e.compiling import request, tar_gz
from e2e.models import conv_net
from support.moto_server import moto_server

from neo_compiler import pipeline
from neo_compiler.compilation import CompilationContext
from neo_compiler.errors import InputConfigurationError, OutputConfigurationError
from neo_workers.settings import Settings

UNTAR = "Unable to untar input model.Please confirm the model is a tar.gz file"
NO_ONNX = "No .onnx file found for ONNX model. Please make sure the framework you select is correct."
CANNOT_LOAD = "Framework cannot load ONNX model. Please make sure the framework you select is correct. "
WRONG_SHAPE = "Input data has wrong shape in Input Shape dictionary: [1, 3, 99, 32]. The model's inputs: data: "


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    for bucket in ("models", "artifacts"):
        client.create_bucket(Bucket=bucket)
    return client


@pytest.fixture
def context(endpoint: str, s3: Any, tmp_path: Path) -> Callable[..., CompilationContext]:
    def make(report: Callable[[str], None] = print, before_upload: Callable[[], None] = bool) -> CompilationContext:
        return CompilationContext(tmp_path, "us-east-1", Settings(s3_endpoint_url=endpoint), report, before_upload)

    return make


def keys(s3: Any) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket="artifacts").get("Contents", [])]


def test_run(s3: Any, context: Callable[..., CompilationContext]) -> None:
    s3.put_object(Bucket="models", Key="model.tar.gz", Body=tar_gz({"m.onnx": conv_net().model, ".hidden.onnx": b""}))
    steps: list[str] = []
    before: list[list[str]] = []
    result = pipeline.run(request("ml_m4"), context(steps.append, lambda: before.append(keys(s3))))
    assert steps == list(pipeline.STEPS)
    assert before == [[]]  # asked once, nothing there yet
    assert result.artifact_uri == "s3://artifacts/model-ml_m4.tar.gz"
    assert json.loads(result.derived_data_input_config or "") == {"data": [1, 3, 32, 32]}
    data = s3.get_object(Bucket="artifacts", Key="model-ml_m4.tar.gz")["Body"].read()
    assert result.artifact_digest == hashlib.blake2b(data).hexdigest()
    s3.delete_object(Bucket="artifacts", Key="model-ml_m4.tar.gz")


def test_nothing_is_derived_when_shapes_were_given(s3: Any, context: Callable[..., CompilationContext]) -> None:
    case = conv_net(batch="n")
    s3.put_object(Bucket="models", Key="model.tar.gz", Body=tar_gz({"m.onnx": case.model}))
    assert pipeline.run(request("rasp3b", case.shapes), context()).derived_data_input_config is None
    s3.delete_object(Bucket="artifacts", Key="model-rasp3b.tar.gz")


@pytest.mark.parametrize(
    "archive, shapes, text",
    [
        (b"no archive", None, UNTAR),
        (tar_gz({"readme.txt": b"1"}), None, NO_ONNX),
        (tar_gz({"a.onnx": b"", "b.onnx": b""}), None, "Exactly one .onnx file is allowed for ONNX models."),
        (tar_gz({"a.onnx": b"garbage"}), None, CANNOT_LOAD),
        (tar_gz({"a.onnx": conv_net().model}), {"image": [1, 3, 32, 32]}, "DataInputConfig names image, "),
        (tar_gz({"a.onnx": conv_net().model}), {"data": [1, 3, 99, 32]}, WRONG_SHAPE),
        (tar_gz({"a.onnx": conv_net("n").model}), None, "DataInputConfig must give the shape of input data"),
    ],
    ids=["no tar", "no onnx", "two onnx", "broken", "wrong name", "wrong shape", "open shape"],
)
def test_bad_input(archive: bytes, shapes: Any, text: str, s3: Any, context: Callable[..., CompilationContext]) -> None:
    s3.put_object(Bucket="models", Key="model.tar.gz", Body=archive)
    with pytest.raises(InputConfigurationError) as error:
        pipeline.run(request("ml_c5", shapes), context())
    assert error.value.reason.startswith(f"ClientError: InputConfiguration: {text}")
    assert keys(s3) == []


def test_missing_output_bucket_is_found_before_anything_is_fetched(
    s3: Any, context: Callable[..., CompilationContext], tmp_path: Path
) -> None:
    wanted = request("ml_c5")
    wanted["OutputConfig"]["S3OutputLocation"] = "s3://nowhere/out"
    with pytest.raises(OutputConfigurationError, match="Bucket: nowhere"):
        pipeline.run(wanted, context())
    assert not (tmp_path / "model.tar.gz").exists()


def test_missing_model(s3: Any, context: Callable[..., CompilationContext]) -> None:
    s3.delete_object(Bucket="models", Key="model.tar.gz")
    with pytest.raises(InputConfigurationError, match=r"does not exist\. Bucket: models, Key: model\.tar\.gz"):
        pipeline.run(request("ml_c5"), context())
