"""Environments that broke jobs or the start: proxies, a missing profile, half of a pair of keys, an ASCII locale."""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e.compiling import request
from e2e.models import conv_net
from support import jobs

from neo_emulator import NeoEmulator

PROXY = "http://127.0.0.1:9"
"""Nothing listens there."""

ENVIRONMENTS: dict[str, dict[str, str]] = {
    "proxies": {name: PROXY for upper in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY") for name in (upper, upper.lower())},
    "a profile that does not exist": {"AWS_PROFILE": "nonsense"},
    "a key without its secret": {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"},
    "a damaged configuration": {"AWS_CONFIG_FILE": "{folder}/config", "AWS_SHARED_CREDENTIALS_FILE": "{folder}/config"},
    "another endpoint": {"AWS_ENDPOINT_URL": PROXY, "AWS_ENDPOINT_URL_S3": PROXY},
    "an ASCII locale": {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_job_is_completed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text("no [configuration", encoding="utf-8")
    for variable in ("NO_PROXY", "no_proxy", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in ENVIRONMENTS[name].items():
        monkeypatch.setenv(variable, value.format(folder=tmp_path))
    with NeoEmulator(workers=1, data_dir=tmp_path / "données") as neo:
        neo.s3.create_bucket(Bucket="models")
        neo.s3.create_bucket(Bucket="artifacts")
        neo.s3.put_object(Bucket="models", Key="model.tar.gz", Body=jobs.archive(model__onnx=conv_net().model))
        neo.sagemaker.create_compilation_job(
            CompilationJobName="here",
            RoleArn="arn:aws:iam::123456789012:role/neo",
            StoppingCondition={"MaxRuntimeInSeconds": 900},
            **request("ml_c5"),
        )
        assert neo.download("here")
