"""`neo-emulator deploy` and `invoke`, and the fixture's function, against a running emulator."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from e2e.models import conv_net
from support import hosting

from neo_compiler.frontends.onnx.reference import run_reference
from neo_emulator.cli import main
from neo_emulator.testing import deploying
from neo_emulator.testing.server_process import ServerProcess


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--workers", "1") as server:
        server.client("s3").create_bucket(Bucket="neo")
        yield server


def test_deploy_and_invoke(server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = conv_net()
    artifact = hosting.compiled(server, {"model.onnx": case.model}, "ONNX", case.shapes)
    job = f"job-{artifact.split('/')[3]}"
    (wanted,) = run_reference(case.model, case.inputs)
    assert main.main(["deploy", job, "--url", server.url, "--name", "mine"]) == 0
    assert capsys.readouterr().out == "mine\n"
    body, array, answer = (tmp_path / name for name in ("body.json", "array.npy", "answer.npy"))
    body.write_text(json.dumps(case.inputs["data"].tolist()), encoding="utf-8")
    assert main.main(["invoke", "mine", "--input", str(body), "--url", server.url, "--accept", "text/csv"]) == 0
    np.testing.assert_allclose([[float(word) for word in capsys.readouterr().out.split(",")]], wanted, atol=1e-6)
    np.save(array, case.inputs["data"])
    asked = ["invoke", "mine", "--input", str(array), "--output", str(answer), "--accept", "application/x-npy"]
    assert main.main([*asked, "--url", server.url]) == 0
    np.testing.assert_allclose(np.load(answer), wanted, atol=1e-6)

    body.write_text("[1]", encoding="utf-8")
    assert main.main(["invoke", "mine", "--input", str(body), "--url", server.url]) == 1
    assert "input shapes do not match" in capsys.readouterr().err
    assert main.main(["invoke", "nobody", "--input", str(body), "--url", server.url]) == 1
    assert "Endpoint nobody of account 123456789012 not found." in capsys.readouterr().err
    assert main.main(["invoke", "mine", "--input", str(tmp_path / "none"), "--url", server.url]) == 2
    assert main.main(["deploy", "no-such-job", "--url", server.url]) == 1
    assert "Could not find compilation job 'no-such-job'" in capsys.readouterr().err
    assert main.main(["deploy", artifact, "--url", "http://127.0.0.1:1"]) == 1
    assert "no emulator responds" in capsys.readouterr().err


def test_a_failed_endpoint_is_an_error_with_the_reason(server: ServerProcess) -> None:
    case = conv_net()
    artifact = hosting.compiled(server, {"model.onnx": case.model}, "ONNX", case.shapes, {"TargetDevice": "ml_m6g"})
    server.client("s3").delete_object(Bucket="neo", Key=f"{artifact.split('/')[3]}/model.tar.gz")
    with pytest.raises(deploying.EndpointFailed, match="no twin could be made"):
        deploying.deploy(server.client("sagemaker"), artifact)
