"""CloudWatch log lines and EventBridge events of real jobs, read as users read them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from e2e.models import conv_net
from support import jobs
from support.waiting import until

from neo_emulator.testing.server_process import ServerProcess

CONV = '{"data": [1, 3, 32, 32]}'


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--workers", "2") as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="neo")
        s3.put_object(Bucket="neo", Key="conv.tar.gz", Body=jobs.archive(model__onnx=conv_net().model))
        yield server


def messages(server: ServerProcess, name: str) -> list[str]:
    return jobs.log(server.client("logs"), name)


def test_log_lines_appear_while_the_job_runs(server: ServerProcess) -> None:
    sagemaker, logs = server.client("sagemaker"), server.client("logs")
    server.pace(min_run_seconds=3600)
    name = jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV)
    until(lambda: "step: fetch" in messages(server, name))
    assert jobs.status(sagemaker, name) == "INPROGRESS"
    server.pace(min_run_seconds=0)
    jobs.wait(sagemaker, name)
    assert messages(server, name)[-1] == "COMPLETED"
    streams = logs.describe_log_streams(logGroupName=jobs.LOG_GROUP, logStreamNamePrefix=name)["logStreams"]
    assert [stream["logStreamName"] for stream in streams] == [name]


def test_failure_is_in_the_log(server: ServerProcess) -> None:
    sagemaker = server.client("sagemaker")
    name = jobs.create(sagemaker, "s3://neo/nothing.tar.gz", CONV)
    reason = jobs.wait(sagemaker, name)["FailureReason"]
    assert messages(server, name)[-1] == f"FAILED {reason}"


def test_events_reach_a_queue(server: ServerProcess) -> None:
    events, sqs, sagemaker = (server.client(service) for service in ("events", "sqs", "sagemaker"))
    url = sqs.create_queue(QueueName="neo")["QueueUrl"].replace("https://queue.amazonaws.com", server.url)
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Compilation Job State Change"]}
    events.put_rule(Name="neo", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="neo", Targets=[{"Id": "q", "Arn": arn}])
    name = jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV)
    job = jobs.wait(sagemaker, name)
    details: list[Any] = []

    def all_came() -> bool:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            event = json.loads(message["Body"])
            origin = event["source"], event["account"], event["region"]
            assert origin == ("aws.sagemaker", "123456789012", "us-east-1")
            assert event["resources"] == [job["CompilationJobArn"]]
            details.append(event["detail"])
        return len(details) >= 3

    until(all_came, what=details)
    details = sorted((d for d in details if d["CompilationJobName"] == name), key=lambda d: d["LastModifiedTime"])
    assert {d["CompilationJobStatus"] for d in details} == {"STARTING", "INPROGRESS", "COMPLETED"}
    last = next(d for d in details if d["CompilationJobStatus"] == "COMPLETED")
    assert last["ModelArtifacts"] == job["ModelArtifacts"]
    assert last["CompilationEndTime"] == job["CompilationEndTime"].timestamp() * 1000
    assert all("ModelArtifacts" not in d for d in details if d is not last)


STEPS = ["fetch", "unpack", "import", "compile", "link", "package", "check", "upload"]


def test_each_line_stands_behind_its_own_step(server: ServerProcess) -> None:
    sagemaker = server.client("sagemaker")
    name = jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV, TargetDevice="ml_m4")  # not in the cache
    jobs.wait(sagemaker, name)
    said = messages(server, name)
    assert [text.removeprefix("step: ") for text in said if text.startswith("step: ")] == STEPS
    places = [said.index(text) for text in ("step: fetch", "step: unpack", "unpacked 1 file", "step: import")]
    assert places == sorted(places)
    (fetched,) = [place for place, text in enumerate(said) if text.startswith("s3://neo/conv.tar.gz: ")]
    assert places[0] < fetched < places[1]


def test_steps_are_said_behind_the_end_of_a_long_log() -> None:
    with ServerProcess("--workers", "1", max_log_bytes=150) as server:
        server.s3.create_bucket(Bucket="neo")
        server.s3.put_object(Bucket="neo", Key="conv.tar.gz", Body=jobs.archive(model__onnx=conv_net().model))
        name = jobs.create(server.sagemaker, "s3://neo/conv.tar.gz", CONV)
        jobs.wait(server.sagemaker, name)
        said = messages(server, name)
    assert any("NEO_EMULATOR_MAX_LOG_BYTES is 150" in text for text in said)
    assert said[-2:] == ["step: upload", "COMPLETED"]
