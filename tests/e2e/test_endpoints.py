"""Compile, deploy, predict: real models in real serving processes, their numbers those of the source framework."""

from __future__ import annotations

import io
import json
import os
import signal
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError
from e2e.models import Case, conv_net, transformer
from support import hosting, processes, tabular_models
from support.framework_models import mxnet
from support.kept import Kept
from support.waiting import until

from neo_compiler.frontends.onnx.reference import run_reference
from neo_emulator.testing.server_process import ServerProcess

SHAPE = {"data": [1, 3, 32, 32]}


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--workers", "2") as server:
        server.client("s3").create_bucket(Bucket="neo")
        yield server


@pytest.fixture(scope="module")
def artifact(server: ServerProcess) -> str:
    return hosting.compiled(server, {"model.onnx": conv_net().model}, "ONNX", SHAPE)


@pytest.fixture(scope="module")
def name(server: ServerProcess, artifact: str) -> str:
    """An endpoint of conv_net that tests only invoke."""
    return hosting.deployed(server, artifact)


def onnx(case: Case, inputs: Any = None) -> list[Any]:
    """What ONNX Runtime computes."""
    return run_reference(case.model, inputs or case.inputs)


def images(count: int) -> Any:
    return np.random.default_rng(3).standard_normal((count, 3, 32, 32)).astype("float32")


def refusal(server: ServerProcess, name: str, body: bytes, kind: str = "application/json", **more: Any) -> Any:
    """The error that InvokeEndpoint answers."""
    with pytest.raises(ClientError) as error:
        hosting.invoke(server, name, body, kind, **more)
    return error.value


def test_an_onnx_model_in_every_form(server: ServerProcess, name: str) -> None:
    data = images(1)
    (expected,) = onnx(conv_net(), {"data": data})
    np.testing.assert_allclose(hosting.predict(server, name, data), expected, atol=1e-6)
    rows = data.tolist()
    for body in (rows, {"data": rows}, {"instances": rows}, {"inputs": rows}, {"instances": [{"data": rows[0]}]}):
        answer = hosting.invoke(server, name, json.dumps(body).encode(), CustomAttributes="a=b", InferenceId="i")
        assert answer["ContentType"] == "application/json"
        assert answer["InvokedProductionVariant"] == "main"
        value = json.loads(answer["Body"])
        value = value if isinstance(value, list) else value.get("predictions", value.get("outputs"))
        np.testing.assert_allclose(value, expected, atol=1e-6)
    csv = hosting.invoke(server, name, ",".join(map(str, data.ravel())).encode(), "text/csv", Accept="text/csv")
    np.testing.assert_allclose(np.loadtxt(io.BytesIO(csv["Body"]), delimiter=",")[None], expected, atol=1e-6)


def test_a_request_of_several_rows(server: ServerProcess, name: str) -> None:
    data = images(5)
    expected = np.concatenate([onnx(conv_net(), {"data": row[None]})[0] for row in data])
    np.testing.assert_allclose(hosting.predict(server, name, data), expected, atol=1e-6)


def test_inputs_by_name_and_whole_numbers(server: ServerProcess) -> None:
    case = transformer()
    endpoint = hosting.deployed(server, hosting.compiled(server, {"model.onnx": case.model}, "ONNX", case.shapes))
    body = json.dumps({name: array.tolist() for name, array in case.inputs.items()}).encode()
    answer = json.loads(hosting.invoke(server, endpoint, body)["Body"])
    np.testing.assert_allclose(answer, onnx(case)[0], atol=1e-5)
    wrong = refusal(server, endpoint, b'{"nothing": [1]}')
    assert "input names do not match: the model expects" in str(wrong)


def test_a_boosted_model_takes_tables(server: ServerProcess) -> None:
    pytest.importorskip("treelite")
    case = tabular_models.boosted()
    assert case.expected is not None
    artifact = hosting.compiled(server, {case.file: case.model}, case.framework, {"data": [1, 30]})
    endpoint = hosting.deployed(server, artifact)
    rows = case.inputs["data"]
    csv = "\n".join(",".join("" if np.isnan(cell) else repr(float(cell)) for cell in row) for row in rows)
    present = [[(n, cell) for n, cell in enumerate(row) if not np.isnan(cell)] for row in rows]
    libsvm = "\n".join("0 " + " ".join(f"{n}:{float(cell)!r}" for n, cell in row) for row in present)
    for kind, body in (("text/csv", csv), ("text/libsvm", libsvm), ("text/x-libsvm", libsvm)):
        answer = hosting.invoke(server, endpoint, body.encode(), kind)
        assert answer["ContentType"] == "text/csv"
        scores = np.array([float(word) for word in answer["Body"].split(b",")])
        np.testing.assert_allclose(scores, case.expected["prediction"].ravel(), atol=1e-6)
    refused = refusal(server, endpoint, b"[[1]]")
    assert refused.response["OriginalStatusCode"] == 400
    assert 'Accepted content types are "text/libsvm" and "text/csv"' in refused.response["OriginalMessage"]


@pytest.mark.parametrize("model", ["mlp", "convolutions"])
def test_an_mxnet_model(server: ServerProcess, model: str) -> None:
    given, wanted = mxnet.inputs(model), mxnet.expected(model)
    shapes = {name: list(array.shape) for name, array in given.items()}
    endpoint = hosting.deployed(server, hosting.compiled(server, mxnet.files(model), "MXNET", shapes))
    body = json.dumps({name: array.tolist() for name, array in given.items()}).encode()
    answer = json.loads(hosting.invoke(server, endpoint, body)["Body"])
    for found, expected in zip(answer if len(wanted) > 1 else [answer], wanted, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


TWINS = [
    {"TargetDevice": "ml_m6g"},
    {"TargetDevice": "x86_win64"},
    {"TargetDevice": "ml_g4dn"},
    {"TargetPlatform": {"Os": "ANDROID", "Arch": "ARM64"}, "CompilerOptions": '{"ANDROID_PLATFORM": 28}'},
]


@pytest.mark.parametrize("target", TWINS, ids=lambda target: str(next(iter(target.values()))))
def test_a_twin_answers_for_what_this_machine_cannot_run(server: ServerProcess, target: dict[str, Any]) -> None:
    artifact = hosting.compiled(server, {"model.onnx": conv_net().model}, "ONNX", SHAPE, target)
    endpoint = hosting.deployed(server, artifact)
    data = images(1)
    np.testing.assert_allclose(hosting.predict(server, endpoint, data), onnx(conv_net(), {"data": data})[0], atol=1e-6)
    (variant,) = next(row for row in server.control("endpoints")["endpoints"] if row["name"] == endpoint)["variants"]
    assert variant["twin"] is True
    assert variant["artifact"] == artifact
    lines = "\n".join(hosting.log(server, endpoint))
    assert "this machine cannot run the artifact" in lines
    assert "is loaded: its twin" in lines


def test_no_twin_of_a_model_that_is_not_the_job_s(server: ServerProcess) -> None:
    artifact = hosting.compiled(server, {"model.onnx": conv_net().model}, "ONNX", SHAPE, {"TargetDevice": "ml_m6g"})
    folder = artifact.split("/")[3]
    s3, sagemaker = server.client("s3"), server.client("sagemaker")
    begun = sagemaker.describe_compilation_job(CompilationJobName=f"job-{folder}")["CompilationStartTime"]
    place = {"Bucket": "neo", "Key": f"{folder}/model.tar.gz"}

    def replaced() -> bool:
        s3.put_object(**place, Body=b"another model")
        return bool((s3.head_object(**place)["LastModified"] - begun).total_seconds() > 1)

    def reason() -> str:
        name = hosting.endpoint(server, hosting.config(server, main=hosting.model(server, artifact)), "Failed")
        return str(sagemaker.describe_endpoint(EndpointName=name)["FailureReason"])

    until(replaced)
    assert f"no twin could be made: s3://neo/{folder}/model.tar.gz was replaced after" in reason()
    s3.delete_object(**place)
    assert "no twin could be made: its model cannot be had" in reason()
    sagemaker.delete_compilation_job(CompilationJobName=f"job-{folder}")
    assert f"compilation job job-{folder}, which made it, is deleted" in reason()


def test_without_twins_what_cannot_run_fails() -> None:
    with ServerProcess("--workers", "1", endpoint_model="exact") as server:
        server.client("s3").create_bucket(Bucket="neo")
        target = {"TargetDevice": "ml_m6g"}
        artifact = hosting.compiled(server, {"model.onnx": conv_net().model}, "ONNX", SHAPE, target)
        name = hosting.endpoint(server, hosting.config(server, main=hosting.model(server, artifact)), "Failed")
        reason = server.client("sagemaker").describe_endpoint(EndpointName=name)["FailureReason"]
        assert "this machine cannot run the artifact: ml_m6g is compiled for ARM64" in reason


def test_errors_are_the_service_s(server: ServerProcess, name: str) -> None:
    unknown = refusal(server, "nobody", b"[]")
    assert unknown.response["Error"]["Code"] == "ValidationError"
    assert unknown.response["Error"]["Message"] == "Endpoint nobody of account 123456789012 not found."
    too_large = refusal(server, name, b" " * (6_291_456 + 1))
    assert too_large.response["Error"]["Code"] == "ValidationError"
    assert refusal(server, name, b"[1]", TargetVariant="other").response["Error"]["Code"] == "ValidationError"
    wrong = refusal(server, name, b"[[1, 2]]").response
    assert wrong["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert (wrong["Error"]["Code"], wrong["OriginalStatusCode"]) == ("ModelError", 400)
    assert wrong["OriginalMessage"].startswith("ClientError: input shapes do not match")
    assert wrong["Error"]["Message"].startswith('Received client error (400) from primary with message "ClientError: ')
    assert f"group=/aws/sagemaker/Endpoints/{name} in account 123456789012" in wrong["Error"]["Message"]
    assert f"log-group:/aws/sagemaker/Endpoints/{name}" in wrong["LogStreamArn"]
    assert any("400: ClientError: input shapes do not match" in line for line in hosting.log(server, name))


def test_variants_by_weight_and_by_name(server: ServerProcess, artifact: str) -> None:
    model = hosting.model(server, artifact)
    name = hosting.endpoint(server, hosting.config(server, a=model, b=model))
    sagemaker, data = server.client("sagemaker"), images(1)
    (expected,) = onnx(conv_net(), {"data": data})

    def invoked(**more: Any) -> str:
        answer = hosting.invoke(server, name, json.dumps(data.tolist()).encode(), **more)
        np.testing.assert_allclose(json.loads(answer["Body"]), expected, atol=1e-6)
        return str(answer["InvokedProductionVariant"])

    assert {invoked(TargetVariant=variant) for variant in "ab"} == {"a", "b"}
    assert {invoked() for _ in range(40)} == {"a", "b"}
    wanted = [{"VariantName": "a", "DesiredWeight": 0.0}, {"VariantName": "b", "DesiredWeight": 3.0}]
    sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=wanted)
    found = hosting.wait(server, name, "InService")
    assert [row["CurrentWeight"] for row in found["ProductionVariants"]] == [0.0, 3.0]
    assert {invoked() for _ in range(20)} == {"b"}
    with pytest.raises(ClientError, match=r'The variant name\(s\) "c" is/are not present'):
        sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": "c", "DesiredWeight": 1.0}]
        )


def other_net() -> Case:
    """conv_net's shapes, other numbers."""
    import onnx as package

    case = conv_net()
    model = package.load_from_string(case.model)
    for weight in model.graph.initializer:
        if weight.name == "b3":
            weight.CopyFrom(package.numpy_helper.from_array(np.arange(10, dtype="float32"), "b3"))
    return Case("other", model.SerializeToString(), case.inputs)


def test_an_update_changes_the_model_and_no_answer_is_between(server: ServerProcess, artifact: str) -> None:
    other = other_net()
    later = hosting.compiled(server, {"model.onnx": other.model}, "ONNX", SHAPE)
    name, data = hosting.deployed(server, artifact), images(1)
    before, after = (onnx(case, {"data": data})[0] for case in (conv_net(), other))
    assert np.abs(before - after).max() > 0.1
    answers: list[Any] = []
    stop = threading.Event()

    def load() -> None:
        while not stop.is_set():
            answers.append(hosting.predict(server, name, data))

    users = [threading.Thread(target=load) for _ in range(2)]
    for user in users:
        user.start()
    until(lambda: len(answers) > 5)
    config = hosting.config(server, main=hosting.model(server, later))
    server.client("sagemaker").update_endpoint(EndpointName=name, EndpointConfigName=config)
    assert hosting.wait(server, name, "InService")["EndpointConfigName"] == config
    seen = len(answers)
    until(lambda: len(answers) > seen + 5)
    stop.set()
    for user in users:
        user.join()
    kinds = ["before" if np.allclose(one, before, atol=1e-6) else "after" for one in answers]
    assert all(np.allclose(one, before, atol=1e-6) or np.allclose(one, after, atol=1e-6) for one in answers)
    assert kinds[0] == "before"
    assert set(kinds[seen + 2 :]) == {"after"}  # two were under way


def serving_processes(server: ServerProcess, name: str) -> list[int]:
    """Pids below the server that have the artifact's library loaded."""
    assert server.pid is not None
    pids = []
    for pid in processes.descendants(server.pid):
        try:
            maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
        except OSError:
            continue
        if "/hosting/" in maps:
            pids.append(pid)
    return pids


def test_a_killed_serving_process_loses_no_request(tmp_path: Path) -> None:
    with ServerProcess("--workers", "1", work_dir=tmp_path / "work") as server:
        server.client("s3").create_bucket(Bucket="neo")
        artifact = hosting.compiled(server, {"model.onnx": conv_net().model}, "ONNX", SHAPE)
        name, data = hosting.deployed(server, artifact), images(1)
        (expected,) = onnx(conv_net(), {"data": data})
        answers: list[Any] = []
        failures: list[ClientError] = []
        stop = threading.Event()

        def load() -> None:
            while not stop.is_set():
                try:
                    answers.append(hosting.predict(server, name, data))
                except ClientError as error:
                    failures.append(error)

        users = [threading.Thread(target=load) for _ in range(3)]
        for user in users:
            user.start()
        for _ in range(3):
            seen = len(answers)
            until(lambda seen=seen: len(answers) > seen + 5)
            (pid,) = until(lambda: serving_processes(server, name))
            os.kill(pid, signal.SIGKILL)
        seen = len(answers)
        until(lambda: len(answers) > seen + 5)
        stop.set()
        for user in users:
            user.join()
        assert server.client("sagemaker").describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"
        assert any("ended with status -9; it is restarted" in line for line in hosting.log(server, name))
        for answer in answers:
            np.testing.assert_allclose(answer, expected, atol=1e-6)
        assert failures == []


def test_an_endpoint_outlives_its_worker(tmp_path: Path) -> None:
    with ServerProcess("--workers", "1", work_dir=tmp_path / "work") as server:
        server.client("s3").create_bucket(Bucket="neo")
        artifact = hosting.compiled(server, {"model.onnx": conv_net().model}, "ONNX", SHAPE)
        name, data = hosting.deployed(server, artifact), images(1)
        before = hosting.predict(server, name, data)
        assert server.pid is not None
        (serving,) = serving_processes(server, name)
        workers = [pid for pid in processes.descendants(server.pid) if "-m neo_workers" in processes.command(pid)]
        for pid in workers:
            if "lifeline.py" not in processes.command(pid):
                os.kill(pid, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{serving}").exists())
        assert np.array_equal(hosting.predict(server, name, data), before)  # waits for the worker to be started again
        assert serving_processes(server, name) != [serving]


def test_deleting_ends_the_process_and_the_name_is_free(server: ServerProcess, artifact: str) -> None:
    name = hosting.deployed(server, artifact)
    sagemaker = server.client("sagemaker")
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    assert refusal(server, name, b"[]").response["Error"]["Code"] == "ValidationError"
    config = hosting.config(server, main=hosting.model(server, artifact))
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    assert hosting.predict(server, name, images(1)).shape == (1, 10)


def test_a_script_is_refused_and_says_so(server: ServerProcess, artifact: str) -> None:
    s3 = server.client("s3")
    bucket, key = artifact.removeprefix("s3://").split("/", 1)
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(body)) as old, tarfile.open(fileobj=buffer, mode="w:gz") as new:
        for member in old:
            new.addfile(member, old.extractfile(member))
        script = tarfile.TarInfo("code/inference.py")
        script.size = 1
        new.addfile(script, io.BytesIO(b"\n"))
    s3.put_object(Bucket="neo", Key="repacked.tar.gz", Body=buffer.getvalue())
    for model, what in (
        (hosting.model(server, "s3://neo/repacked.tar.gz"), "the model's archive has code/inference.py"),
        (hosting.model(server, artifact, {"SAGEMAKER_PROGRAM": "inference.py"}), "Environment has SAGEMAKER_PROGRAM"),
    ):
        name = hosting.endpoint(server, hosting.config(server, main=model), "Failed")
        reason = server.client("sagemaker").describe_endpoint(EndpointName=name)["FailureReason"]
        assert "runs no inference scripts" in reason
        assert what in reason
        assert "is not InService: it is Failed" in str(refusal(server, name, b"[]"))


@pytest.mark.parametrize(
    ("damage", "said"),
    [("another file", "a tar.gz file"), ("cut short", "a tar.gz file"), ("deleted", "Failed to download model data")],
)
def test_a_damaged_artifact_is_no_endpoint(server: ServerProcess, damage: str, said: str) -> None:
    address = hosting.compiled(server, {"model.onnx": conv_net().model}, "ONNX", SHAPE)
    s3, (bucket, key) = server.client("s3"), address.removeprefix("s3://").split("/", 1)
    if damage == "deleted":
        s3.delete_object(Bucket=bucket, Key=key)
    else:
        whole = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        s3.put_object(Bucket=bucket, Key=key, Body=b"foreign" if damage == "another file" else whole[:1000])
    name = hosting.endpoint(server, hosting.config(server, main=hosting.model(server, address)), "Failed")
    reason = server.client("sagemaker").describe_endpoint(EndpointName=name)["FailureReason"]
    assert said in reason
    assert "is not InService: it is Failed" in str(refusal(server, name, b"[]"))


def test_what_was_not_compiled_here_is_moto_s(server: ServerProcess) -> None:
    server.client("s3").put_object(Bucket="neo", Key="foreign.tar.gz", Body=b"foreign")
    name = hosting.deployed(server, "s3://neo/foreign.tar.gz")
    assert hosting.invoke(server, name, b"anything")["Body"] == b"body"
    assert server.control("endpoints")["endpoints"] == [
        row for row in server.control("endpoints")["endpoints"] if row["name"] != name
    ]


def test_changes_of_status_are_events(server: ServerProcess, artifact: str) -> None:
    events, sqs, sagemaker = (server.client(service) for service in ("events", "sqs", "sagemaker"))
    url = sqs.create_queue(QueueName="endpoints")["QueueUrl"].replace("https://queue.amazonaws.com", server.url)
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Endpoint State Change"]}
    events.put_rule(Name="endpoints", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="endpoints", Targets=[{"Id": "q", "Arn": arn}])
    name = hosting.deployed(server, artifact)
    sagemaker.delete_endpoint(EndpointName=name)
    seen: list[str] = []

    def all_came() -> bool:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            event = json.loads(message["Body"])
            if event["detail"]["EndpointName"] == name:
                assert event["resources"] == [event["detail"]["EndpointArn"]]
                seen.append(event["detail"]["EndpointStatus"])
        return len(seen) >= 2

    until(all_came)
    assert seen[:2] == ["CREATING", "IN_SERVICE"]


def test_endpoints_outlive_their_server(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "data", workers=1).start()
    try:
        kept.client("s3").create_bucket(Bucket="neo")
        artifact = hosting.compiled(kept.endpoint, {"model.onnx": conv_net().model}, "ONNX", SHAPE)
        name, data = hosting.deployed(kept.endpoint, artifact), images(1)
        before = hosting.predict(kept.endpoint, name, data)
        bucket, key = artifact.removeprefix("s3://").split("/", 1)
        kept.client("s3").put_object(Bucket=bucket, Key=key, Body=b"replaced")  # what is served stays what it was
        kept.restart()
        hosting.wait(kept.endpoint, name, "InService")
        assert np.array_equal(hosting.predict(kept.endpoint, name, data), before)
        kept.endpoint.reset()
        assert kept.client("sagemaker").list_endpoints()["Endpoints"] == []
        assert kept.endpoint.control("endpoints") == {"endpoints": []}
        until(lambda: not list((tmp_path / "data" / "hosting").iterdir()))
    finally:
        kept.stop()
