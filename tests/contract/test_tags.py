"""Tags of compilation jobs; those of all else stay moto's."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

ARN = "arn:aws:sagemaker:us-east-1:123456789012:compilation-job/job"


def tag_list(**tags: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def test_tags_of_a_job(sagemaker: Any, request_for: Any) -> None:
    sagemaker.create_compilation_job(**request_for(), Tags=tag_list(a="1", b="2"))
    assert sagemaker.list_tags(ResourceArn=ARN)["Tags"] == tag_list(a="1", b="2")
    added = sagemaker.add_tags(ResourceArn=ARN, Tags=tag_list(b="two", c="3"))["Tags"]
    assert added == tag_list(a="1", b="two", c="3")
    sagemaker.delete_tags(ResourceArn=ARN, TagKeys=["a", "unheard-of"])
    assert sagemaker.list_tags(ResourceArn=ARN)["Tags"] == tag_list(b="two", c="3")


def test_job_without_tags(sagemaker: Any, request_for: Any) -> None:
    sagemaker.create_compilation_job(**request_for())
    assert sagemaker.list_tags(ResourceArn=ARN)["Tags"] == []
    assert sagemaker.add_tags(ResourceArn=ARN, Tags=tag_list(a="1"))["Tags"] == tag_list(a="1")


def test_tags_go_with_the_job(sagemaker: Any, engine: Any, request_for: Any) -> None:
    from neo_workers.jobs import JobStatus

    sagemaker.create_compilation_job(**request_for(), Tags=tag_list(a="1"))
    engine.bring("job", JobStatus.COMPLETED)
    sagemaker.delete_compilation_job(CompilationJobName="job")
    sagemaker.create_compilation_job(**request_for())
    assert sagemaker.list_tags(ResourceArn=ARN)["Tags"] == []


def test_all_tags_fit_on_a_page(sagemaker: Any, request_for: Any) -> None:
    fifty = tag_list(**{f"k{number:02}": "v" for number in range(50)})
    sagemaker.create_compilation_job(**request_for(), Tags=fifty)
    page = sagemaker.list_tags(ResourceArn=ARN, MaxResults=50)
    assert (page["Tags"], "NextToken" in page) == (fifty, False)
    with pytest.raises(ClientError) as refused:
        sagemaker.list_tags(ResourceArn=ARN, NextToken="rubbish")
    assert refused.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize(
    "arn",
    [ARN, ARN.replace("us-east-1", "eu-west-1"), ARN.replace("123456789012", "210987654321"), f"{ARN}/x", "nonsense"],
)
def test_arn_without_a_job(sagemaker: Any, arn: str) -> None:
    for refused_call in (
        lambda: sagemaker.list_tags(ResourceArn=arn),
        lambda: sagemaker.add_tags(ResourceArn=arn, Tags=[]),
        lambda: sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a"]),
    ):
        with pytest.raises(ClientError) as refused:
            refused_call()
        assert refused.value.response["Error"]["Code"] == "ValidationException"
        assert arn in refused.value.response["Error"]["Message"]


def test_other_resources_keep_their_tags(sagemaker: Any) -> None:
    model = sagemaker.create_model(ModelName="m", ExecutionRoleArn="arn:aws:iam::123456789012:role/r", Tags=[])
    sagemaker.add_tags(ResourceArn=model["ModelArn"], Tags=tag_list(x="y"))
    assert sagemaker.list_tags(ResourceArn=model["ModelArn"])["Tags"] == tag_list(x="y")


def test_at_most_fifty_tags(sagemaker: Any, client: Any, request_for: Any) -> None:
    fifty = tag_list(**{f"k{n:02}": "v" for n in range(50)})
    sagemaker.create_compilation_job(**request_for(), Tags=fifty)
    with pytest.raises(ClientError) as refused:
        sagemaker.add_tags(ResourceArn=ARN, Tags=tag_list(k01="new", more="v"))
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert sagemaker.list_tags(ResourceArn=ARN)["Tags"] == fifty
    failed = client("resourcegroupstaggingapi").tag_resources(ResourceARNList=[ARN], Tags={"more": "v"})
    assert failed["FailedResourcesMap"][ARN]["ErrorCode"] == "InvalidParameterException"
    sagemaker.add_tags(ResourceArn=ARN, Tags=tag_list(k01="new"))


@pytest.mark.parametrize("resource", ["training-job/nobody", "Compilation-Job/job", "no-such-thing/x"])
def test_resources_that_no_one_has(sagemaker: Any, resource: str) -> None:
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:{resource}"
    for call in (
        lambda: sagemaker.list_tags(ResourceArn=arn),
        lambda: sagemaker.add_tags(ResourceArn=arn, Tags=tag_list(a="1")),
        lambda: sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a"]),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        assert refused.value.response["Error"]["Code"] == "ValidationException"
