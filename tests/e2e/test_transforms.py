"""Batch transform: real models in real processes, their numbers those of the source framework."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import signal
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from support import hosting, processes, transforms
from support.waiting import until

from neo_compiler.frontends.onnx.reference import run_reference
from neo_emulator.testing.server_process import ServerProcess

COLUMNS = 4


def small_net(batch: int = 1) -> bytes:
    """[batch, 4] -> [batch, 2]."""
    weight = np.random.default_rng(7).standard_normal((COLUMNS, 2)).astype("float32")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["data", "w"], ["p"]), helper.make_node("Relu", ["p"], ["out"])],
        "small",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [batch, COLUMNS])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [batch, 2])],
        [onnx.numpy_helper.from_array(weight, "w")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(made.SerializeToString())


def rows(count: int, seed: int = 1) -> Any:
    return np.random.default_rng(seed).standard_normal((count, COLUMNS)).round(3).astype("float32")


def wanted(data: Any) -> Any:
    """What ONNX Runtime computes."""
    return run_reference(small_net(len(data)), {"data": data})[0]


def csv(data: Any) -> bytes:
    return "\n".join(",".join(f"{cell:.3f}" for cell in row) for row in data).encode() + b"\n"


def table(text: bytes) -> Any:
    return np.loadtxt(io.BytesIO(text), delimiter=",", ndmin=2)


class Bucket:
    """A folder of its own in the bucket, and a model."""

    def __init__(self, server: ServerProcess, model: str) -> None:
        self.server, self.model = server, model
        self.s3 = server.client("s3")
        self.folder = uuid4().hex[:8]

    def put(self, key: str, data: bytes) -> None:
        self.s3.put_object(Bucket="neo", Key=f"{self.folder}/in/{key}", Body=data)

    def get(self, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket="neo", Key=f"{self.folder}/out/{key}")["Body"].read())

    def outputs(self) -> list[str]:
        found = self.s3.list_objects_v2(Bucket="neo", Prefix=f"{self.folder}/out/").get("Contents", [])
        return [row["Key"].removeprefix(f"{self.folder}/out/") for row in found]

    def request(self, source: str = "in/", **more: Any) -> dict[str, Any]:
        place = f"s3://neo/{self.folder}"
        return transforms.request(self.model, f"{place}/{source}", f"{place}/out", **more)

    def run(self, status: str = "Completed", **more: Any) -> dict[str, Any]:
        return transforms.run(self.server, self.request(**more), status)


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--workers", "2") as server:
        server.client("s3").create_bucket(Bucket="neo")
        yield server


@pytest.fixture(scope="module")
def artifact(server: ServerProcess) -> str:
    return hosting.compiled(server, {"model.onnx": small_net()}, "ONNX", {"data": [1, COLUMNS]})


@pytest.fixture(scope="module")
def model(server: ServerProcess, artifact: str) -> str:
    return hosting.model(server, artifact)


@pytest.fixture
def bucket(server: ServerProcess, model: str) -> Bucket:
    return Bucket(server, model)


def test_every_object_below_a_prefix_is_transformed(bucket: Bucket) -> None:
    first, second = rows(3, 1), rows(5, 2)
    bucket.put("a.csv", csv(first))
    bucket.put("sub/b.csv", csv(second))
    bucket.put("sub/", b"")
    asked = bucket.request(SplitType="Line", Accept="text/csv", AssembleWith="Line", MaxPayloadInMB=1, Tags=[])
    asked["Environment"] = {"NAME": "value"}
    job = transforms.run(bucket.server, asked)
    assert bucket.outputs() == ["a.csv.out", "sub/b.csv.out"]
    np.testing.assert_allclose(table(bucket.get("a.csv.out")), wanted(first), atol=1e-5)
    np.testing.assert_allclose(table(bucket.get("sub/b.csv.out")), wanted(second), atol=1e-5)
    del asked["Tags"]
    assert {name: job[name] for name in asked} == asked
    assert job["CreationTime"] <= job["TransformStartTime"] <= job["TransformEndTime"]
    assert "FailureReason" not in job
    lines = until(lambda: transforms.log(bucket.server, asked["TransformJobName"]))
    assert any(
        line.endswith("MaxConcurrentTransforms=1, MaxPayloadInMB=1, BatchStrategy=MULTI_RECORD") for line in lines
    )
    waiter = bucket.server.client("sagemaker").get_waiter("transform_job_completed_or_stopped")
    waiter.wait(TransformJobName=asked["TransformJobName"])


def test_single_records_in_order_while_several_are_under_way(bucket: Bucket) -> None:
    data = rows(40)
    bucket.put("a.csv", csv(data))
    more = {"BatchStrategy": "SingleRecord", "MaxConcurrentTransforms": 8}
    bucket.run(source="in/a.csv", SplitType="Line", Accept="text/csv", AssembleWith="Line", **more)
    np.testing.assert_allclose(table(bucket.get("a.csv.out")), wanted(data), atol=1e-5)


def test_compressed_input_and_results_without_line_ends(bucket: Bucket) -> None:
    data = rows(2)
    bucket.put("a.json.gz", gzip.compress(json.dumps(data.tolist()).encode()))
    bucket.run(content_type="application/json", CompressionType="Gzip")
    result = bucket.get("a.json.gz.out")
    assert not result.endswith(b"\n")
    np.testing.assert_allclose(json.loads(result), wanted(data), atol=1e-5)


def test_a_manifest_names_the_objects(bucket: Bucket) -> None:
    data = rows(2)
    for key in ("x/a.csv", "x/b.csv", "x/other.csv"):
        bucket.put(key, csv(data))
    manifest = [{"prefix": f"s3://neo/{bucket.folder}/in/"}, "x/b.csv", "x/a.csv"]
    bucket.put("manifest", json.dumps(manifest).encode())
    bucket.run(source="in/manifest", S3DataType="ManifestFile", Accept="text/csv")
    assert bucket.outputs() == ["x/a.csv.out", "x/b.csv.out"]
    np.testing.assert_allclose(table(bucket.get("x/b.csv.out")), wanted(data), atol=1e-5)
    bucket.put("manifest", b'["x/b.csv"]')
    job = bucket.run("Failed", source="in/manifest", S3DataType="ManifestFile")
    assert job["FailureReason"].startswith("ClientError: the manifest s3://neo/")


def test_columns_are_filtered_and_joined(bucket: Bucket) -> None:
    data = rows(4)
    lines = csv(data).splitlines()
    bucket.put("a.csv", b"\n".join(b'"id, %d",%s' % (n, line) for n, line in enumerate(lines)))
    processing = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-2,-1]"}
    bucket.run(SplitType="Line", Accept="text/csv", AssembleWith="Line", DataProcessing=processing)
    stored = bucket.get("a.csv.out").splitlines()
    assert [line.rpartition(b'",')[0] for line in stored] == [b'"id, %d' % n for n in range(4)]
    numbers = table(b"\n".join(line.rpartition(b'",')[2] for line in stored))
    np.testing.assert_allclose(numbers, wanted(data), atol=1e-5)


def test_attributes_are_filtered_and_joined(bucket: Bucket) -> None:
    data = rows(3)
    records = [{"id": n, "features": [row.tolist()], "note": None} for n, row in enumerate(data)]
    bucket.put("a.jsonl", b"\n".join(json.dumps(record).encode() for record in records))
    processing = {"InputFilter": "$.features", "JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"}
    more = {"BatchStrategy": "SingleRecord", "Accept": "application/json", "AssembleWith": "Line"}
    bucket.run(content_type="application/json", SplitType="Line", DataProcessing=processing, **more)
    stored = [json.loads(line) for line in bucket.get("a.jsonl.out").splitlines()]
    assert [sorted(record) for record in stored] == [["SageMakerOutput", "id"]] * 3
    assert [record["id"] for record in stored] == [0, 1, 2]
    np.testing.assert_allclose([record["SageMakerOutput"][0] for record in stored], wanted(data), atol=1e-5)


def test_a_bad_record_costs_its_object_alone(bucket: Bucket) -> None:
    data = rows(2)
    bucket.put("a.csv", csv(data) + b"1,2\n")
    bucket.put("b.csv", csv(data))
    asked = bucket.request(SplitType="Line", BatchStrategy="SingleRecord", Accept="text/csv", AssembleWith="Line")
    job = transforms.run(bucket.server, asked, "Failed")
    assert job["FailureReason"] == "ClientError: See job logs for more information"
    assert bucket.outputs() == ["b.csv.out"]
    np.testing.assert_allclose(table(bucket.get("b.csv.out")), wanted(data), atol=1e-5)
    name = f"neo/{bucket.folder}/in/a.csv"
    lines = until(lambda: transforms.log(bucket.server, asked["TransformJobName"]))
    assert any(f"{name}: ClientError: 400" in line for line in lines)
    assert any(f"{name}: ClientError: input shapes do not match" in line for line in lines)


def test_what_is_too_large_is_not_sent(bucket: Bucket) -> None:
    bucket.put("a.csv", b"1,2,3,4\n" * 200_000)  # 1.6 MB
    job = bucket.run("Failed", MaxPayloadInMB=1)
    assert job["FailureReason"] == "ClientError: See job logs for more information"
    assert bucket.outputs() == []


def test_a_damaged_input_file_fails(bucket: Bucket) -> None:
    bucket.put("a.csv.gz", b"not compressed")
    job = bucket.run("Failed", CompressionType="Gzip")
    assert job["FailureReason"] == "ClientError: See job logs for more information"


def test_a_damaged_artifact_is_a_failed_job(bucket: Bucket, server: ServerProcess) -> None:
    address = hosting.compiled(server, {"model.onnx": small_net()}, "ONNX", {"data": [1, COLUMNS]})
    broken = Bucket(server, hosting.model(server, address))
    place, key = address.removeprefix("s3://").split("/", 1)
    broken.s3.put_object(Bucket=place, Key=key, Body=b"damaged")
    broken.put("a.csv", csv(rows(1)))
    assert "a tar.gz file" in broken.run("Failed")["FailureReason"]


def test_a_twin_transforms_what_this_machine_cannot_run(server: ServerProcess) -> None:
    target = {"TargetDevice": "ml_m6g"}
    address = hosting.compiled(server, {"model.onnx": small_net()}, "ONNX", {"data": [1, COLUMNS]}, target)
    twin, data = Bucket(server, hosting.model(server, address)), rows(2)
    twin.put("a.csv", csv(data))
    twin.run(Accept="text/csv")
    np.testing.assert_allclose(table(twin.get("a.csv.out")), wanted(data), atol=1e-5)


def test_tags_lists_and_events(bucket: Bucket) -> None:
    server = bucket.server
    events, sqs, sagemaker = (server.client(service) for service in ("events", "sqs", "sagemaker"))
    url = sqs.create_queue(QueueName="transforms")["QueueUrl"].replace("https://queue.amazonaws.com", server.url)
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Transform Job State Change"]}
    events.put_rule(Name="transforms", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="transforms", Targets=[{"Id": "q", "Arn": arn}])
    bucket.put("a.csv", csv(rows(1)))
    job = transforms.run(server, bucket.request(Tags=[{"Key": "team", "Value": "a"}]))
    assert sagemaker.list_tags(ResourceArn=job["TransformJobArn"])["Tags"] == [{"Key": "team", "Value": "a"}]
    listed = sagemaker.list_transform_jobs(NameContains=job["TransformJobName"])["TransformJobSummaries"]
    assert [row["TransformJobStatus"] for row in listed] == ["Completed"]
    assert listed[0]["TransformEndTime"] == job["TransformEndTime"]
    seen: list[str] = []

    def all_came() -> bool:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            event = json.loads(message["Body"])
            if event["detail"]["TransformJobName"] == job["TransformJobName"]:
                assert event["resources"] == [job["TransformJobArn"]]
                seen.append(event["detail"]["TransformJobStatus"])
        return len(seen) >= 2

    until(all_came)
    assert seen == ["InProgress", "Completed"]


def test_a_job_is_stopped(bucket: Bucket) -> None:
    bucket.put("a.csv", csv(rows(20_000)))
    asked = bucket.request(SplitType="Line", BatchStrategy="SingleRecord", Accept="text/csv", AssembleWith="Line")
    sagemaker, name = bucket.server.client("sagemaker"), asked["TransformJobName"]
    sagemaker.create_transform_job(**asked)
    until(lambda: any("MaxPayloadInMB" in line for line in transforms.log(bucket.server, name)))
    sagemaker.stop_transform_job(TransformJobName=name)
    job = transforms.wait(bucket.server, name, "Stopped")
    assert "TransformEndTime" in job
    assert bucket.outputs() == []


def workers(server: ServerProcess) -> list[int]:
    """Pids of worker processes, not of what supervises them."""
    assert server.pid is not None
    commands = {pid: processes.command(pid) for pid in processes.descendants(server.pid)}
    return [pid for pid, command in commands.items() if "-m neo_workers" in command and "lifeline" not in command]


def test_a_job_outlives_its_worker(tmp_path: Path) -> None:
    with ServerProcess("--workers", "1", work_dir=tmp_path / "work") as server:
        server.client("s3").create_bucket(Bucket="neo")
        address = hosting.compiled(server, {"model.onnx": small_net()}, "ONNX", {"data": [1, COLUMNS]})
        bucket, data = Bucket(server, hosting.model(server, address)), rows(4000)
        bucket.put("a.csv", csv(data))
        bucket.put("b.csv", csv(data))
        asked = bucket.request(SplitType="Line", BatchStrategy="SingleRecord", Accept="text/csv", AssembleWith="Line")
        name = asked["TransformJobName"]
        server.client("sagemaker").create_transform_job(**asked)
        until(lambda: any("MaxPayloadInMB" in line for line in transforms.log(server, name)))
        for pid in workers(server):
            os.kill(pid, signal.SIGKILL)
        transforms.wait(server, name, "Completed")
        begun = [line for line in transforms.log(server, name) if "MaxPayloadInMB" in line]
        assert len(begun) == 2  # it was run again
        assert bucket.outputs() == ["a.csv.out", "b.csv.out"]
        expected = wanted(data)
        for key in bucket.outputs():
            np.testing.assert_allclose(table(bucket.get(key)), expected, atol=1e-5)


def test_a_killed_model_process_is_started_again(tmp_path: Path) -> None:
    with ServerProcess("--workers", "1", work_dir=tmp_path / "work") as server:
        server.client("s3").create_bucket(Bucket="neo")
        address = hosting.compiled(server, {"model.onnx": small_net()}, "ONNX", {"data": [1, COLUMNS]})
        bucket, data = Bucket(server, hosting.model(server, address)), rows(4000)
        bucket.put("a.csv", csv(data))
        asked = bucket.request(SplitType="Line", BatchStrategy="SingleRecord", Accept="text/csv", AssembleWith="Line")
        server.client("sagemaker").create_transform_job(**asked)
        until(lambda: any("MaxPayloadInMB" in line for line in transforms.log(server, asked["TransformJobName"])))
        (pid,) = until(lambda: model_processes(server))
        os.kill(pid, signal.SIGKILL)
        transforms.wait(server, asked["TransformJobName"], "Completed")
        assert any("it is restarted" in line for line in transforms.log(server, asked["TransformJobName"]))
        np.testing.assert_allclose(table(bucket.get("a.csv.out")), wanted(data), atol=1e-5)


def model_processes(server: ServerProcess) -> list[int]:
    """Pids below the server that have a transform job's library loaded."""
    assert server.pid is not None
    pids = []
    for pid in processes.descendants(server.pid):
        try:
            maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
        except OSError:
            continue
        if re.search(r"/transform/.*/process/model/", maps):
            pids.append(pid)
    return pids


def test_other_models_stay_moto_s(server: ServerProcess) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("weights"), io.BytesIO())
    server.client("s3").put_object(Bucket="neo", Key="foreign.tar.gz", Body=archive.getvalue())
    foreign = Bucket(server, hosting.model(server, "s3://neo/foreign.tar.gz"))
    foreign.run()
    assert foreign.outputs() == []
