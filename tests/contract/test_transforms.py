"""The operations on transform jobs, without a worker: tests say what a worker would."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support import transforms

from neo_workers.jobs import Scope
from neo_workers.store.store import Store
from neo_workers.transform.jobs import TransformId, TransformStatus
from neo_workers.transform.store import TransformStore

HERE = Scope("123456789012", "us-east-1")
ROLE = "arn:aws:iam::123456789012:role/neo"


class Transforms:
    """A client, and what a worker does to jobs."""

    def __init__(self, client: Any, store: Store) -> None:
        self.sagemaker, self.s3 = client("sagemaker"), client("s3")
        self.store = TransformStore(store)
        self.s3.create_bucket(Bucket="neo")
        self.s3.put_object(Bucket="neo", Key="a.tar.gz", Body=b"", Metadata={"neo-emulator-job": "a:b:c:1"})
        self.s3.put_object(Bucket="neo", Key="in/a.csv", Body=b"1,2")
        for name, key in (("m", "a.tar.gz"), ("foreign", "foreign.tar.gz")):
            container = {"Image": "image", "ModelDataUrl": f"s3://neo/{key}"}
            self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)

    def create(self, name: str = "t", model: str = "m", **more: Any) -> Any:
        asked = transforms.request(model, more.pop("source", "s3://neo/in/"), "s3://neo/out", **more)
        return self.sagemaker.create_transform_job(**{**asked, "TransformJobName": name})

    def finish(self, name: str, status: TransformStatus, reason: str = "") -> None:
        self.store.finish(self.store.claim(TransformId(HERE, name)), status, reason)

    def describe(self, name: str = "t") -> Any:
        return self.sagemaker.describe_transform_job(TransformJobName=name)

    def listed(self, **more: Any) -> list[str]:
        rows = self.sagemaker.list_transform_jobs(**more)["TransformJobSummaries"]
        return [row["TransformJobName"] for row in rows]


@pytest.fixture
def jobs(client: Any, store: Store) -> Transforms:
    return Transforms(client, store)


def refused(call: Callable[..., Any], *given: Any, **members: Any) -> Any:
    with pytest.raises(ClientError) as error:
        call(*given, **members)
    return error.value.response["Error"]


def test_a_job_from_creation_to_its_end(jobs: Transforms) -> None:
    assert jobs.create()["TransformJobArn"] == "arn:aws:sagemaker:us-east-1:123456789012:transform-job/t"
    found = jobs.describe()
    assert found["TransformJobStatus"] == "InProgress"
    assert {"TransformStartTime", "TransformEndTime", "FailureReason"}.isdisjoint(found)
    jobs.finish("t", TransformStatus.FAILED, "no")
    found = jobs.describe()
    assert (found["TransformJobStatus"], found["FailureReason"]) == ("Failed", "no")
    assert found["CreationTime"] <= found["TransformStartTime"] <= found["TransformEndTime"]


def test_tags(jobs: Transforms) -> None:
    arn = jobs.create()["TransformJobArn"]
    jobs.create("u", Tags=[{"Key": "a", "Value": "b"}])
    assert jobs.sagemaker.list_tags(ResourceArn=arn.replace("/t", "/u"))["Tags"] == [{"Key": "a", "Value": "b"}]


def test_errors(jobs: Transforms) -> None:
    jobs.create()
    taken = refused(jobs.create)
    assert taken["Code"] == "ResourceInUse"
    assert taken["Message"].endswith("already exists (arn:aws:sagemaker:us-east-1:123456789012:transform-job/t)")
    unknown = {"Code": "ValidationException", "Message": "Could not find requested job with name: none"}
    assert refused(jobs.describe, "none") == unknown
    assert refused(jobs.sagemaker.stop_transform_job, TransformJobName="none") == unknown
    model = refused(jobs.create, "u", "none")
    assert model["Message"] == 'Could not find model "arn:aws:sagemaker:us-east-1:123456789012:model/none".'
    empty = refused(jobs.create, "u", source="s3://neo/nothing/")
    assert empty["Message"].startswith(
        'No S3 objects found under S3 URL "s3://neo/nothing/" given in input data source.'
    )
    assert f'the role "{ROLE}" has "s3:ListBucket" permissions on bucket "neo"' in empty["Message"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"MaxPayloadInMB": 101}, "MaxPayloadInMB cannot exceed 100"),
        ({"MaxConcurrentTransforms": 20}, "The product of MaxConcurrentTransforms and MaxPayloadInMB"),
        ({"BatchStrategy": "SingleRecord"}, "BatchStrategy requires that SplitType"),
        ({"S3DataType": "AugmentedManifestFile"}, "S3DataType S3Prefix and ManifestFile only"),
        ({"DataProcessing": {"InputFilter": "$[0:2,5:]"}}, "only single range filters"),
        ({"SplitType": "Words"}, "at 'transformInput.splitType' failed to satisfy constraint"),
    ],
)
def test_what_cannot_be_transformed(jobs: Transforms, more: dict[str, Any], said: str) -> None:
    error = refused(jobs.create, **more)
    assert error["Code"] == "ValidationException"
    assert said in error["Message"]


def test_stopping(jobs: Transforms) -> None:
    jobs.create()
    for _ in range(2):
        jobs.sagemaker.stop_transform_job(TransformJobName="t")
        assert jobs.describe()["TransformJobStatus"] == "Stopping"
    jobs.finish("t", TransformStatus.COMPLETED)
    assert jobs.describe()["TransformJobStatus"] == "Stopped"
    error = refused(jobs.sagemaker.stop_transform_job, TransformJobName="t")
    assert error["Message"] == "The request was rejected because the transform job is in status Stopped."


def test_lists_with_moto_s(jobs: Transforms) -> None:
    for name in ("a", "b", "c"):
        jobs.create(name)
    jobs.create("foreign", "foreign")
    jobs.finish("b", TransformStatus.FAILED, "no")
    assert sorted(jobs.listed()) == ["a", "b", "c", "foreign"]
    assert jobs.listed(SortBy="Name", SortOrder="Ascending", NameContains="a") == ["a"]
    assert jobs.listed(StatusEquals="Failed") == ["b"]
    first = jobs.sagemaker.list_transform_jobs(SortBy="Name", SortOrder="Ascending", MaxResults=3)
    assert jobs.listed(SortBy="Name", SortOrder="Ascending", NextToken=first["NextToken"]) == ["foreign"]
    assert jobs.describe("foreign")["TransformJobStatus"] == "Completed"
    assert refused(jobs.create, "foreign")["Code"] == "ResourceInUse"
