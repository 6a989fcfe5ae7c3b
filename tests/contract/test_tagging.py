"""resourcegroupstaggingapi over compilation jobs, beside moto's own resources."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

PREFIX = "arn:aws:sagemaker:us-east-1:123456789012:compilation-job/"
BUCKET = "arn:aws:s3:::models"


@pytest.fixture
def tagging(client: Any, sagemaker: Any, request_for: Any) -> Any:
    """The tagging client, with jobs a to d (d has no tags) and one tagged bucket."""
    for name, tags in {"a": {"team": "x"}, "b": {"team": "y", "env": "dev"}, "c": {"env": "prod"}, "d": {}}.items():
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        sagemaker.create_compilation_job(**request_for(name), Tags=listed)
    s3 = client("s3")
    s3.create_bucket(Bucket="models")
    s3.put_bucket_tagging(Bucket="models", Tagging={"TagSet": [{"Key": "team", "Value": "s"}]})
    return client("resourcegroupstaggingapi")


def found(answer: Any) -> set[str]:
    return {row["ResourceARN"].removeprefix(PREFIX) for row in answer["ResourceTagMappingList"]}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, {"a", "b", "c", BUCKET}),
        ({"ResourceTypeFilters": ["sagemaker:compilation-job"]}, {"a", "b", "c"}),
        ({"ResourceTypeFilters": ["s3"]}, {BUCKET}),
        ({"TagFilters": [{"Key": "team"}]}, {"a", "b", BUCKET}),
        ({"TagFilters": [{"Key": "team", "Values": ["x", "s"]}]}, {"a", BUCKET}),
        ({"TagFilters": [{"Key": "team"}, {"Key": "env", "Values": ["dev"]}]}, {"b"}),
        ({"ResourceARNList": [PREFIX + "a", BUCKET]}, {"a", BUCKET}),
        ({"ResourceARNList": [PREFIX + "b", PREFIX + "nobody"]}, {"b"}),
    ],
)
def test_get_resources(tagging: Any, asked: dict[str, Any], expected: set[str]) -> None:
    assert found(tagging.get_resources(**asked)) == expected


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_pages(tagging: Any, size: int) -> None:
    pages = tagging.get_paginator("get_resources").paginate(PaginationConfig={"PageSize": size})
    rows = [row["ResourceARN"] for page in pages for row in page["ResourceTagMappingList"]]
    assert [row.removeprefix(PREFIX) for row in rows] == ["a", "b", "c", BUCKET]


def test_tags_come_along(tagging: Any) -> None:
    (row,) = tagging.get_resources(ResourceARNList=[PREFIX + "b"])["ResourceTagMappingList"]
    assert row["Tags"] == [{"Key": "env", "Value": "dev"}, {"Key": "team", "Value": "y"}]


def test_tag_and_untag(tagging: Any, sagemaker: Any, client: Any) -> None:
    arns = [PREFIX + "a", PREFIX + "nobody", BUCKET]
    failed = tagging.tag_resources(ResourceARNList=arns, Tags={"team": "new", "more": "1"})["FailedResourcesMap"]
    assert set(failed) == {PREFIX + "nobody"}
    assert sagemaker.list_tags(ResourceArn=PREFIX + "a")["Tags"] == [
        {"Key": "more", "Value": "1"},
        {"Key": "team", "Value": "new"},
    ]
    assert {"Key": "more", "Value": "1"} in client("s3").get_bucket_tagging(Bucket="models")["TagSet"]
    tagging.untag_resources(ResourceARNList=[PREFIX + "a"], TagKeys=["team", "unheard-of"])
    assert sagemaker.list_tags(ResourceArn=PREFIX + "a")["Tags"] == [{"Key": "more", "Value": "1"}]


def test_keys_and_values(tagging: Any) -> None:
    assert set(tagging.get_tag_keys()["TagKeys"]) == {"team", "env"}
    assert set(tagging.get_tag_values(Key="team")["TagValues"]) == {"s", "x", "y"}


def test_refusals_are_motos(tagging: Any) -> None:
    with pytest.raises(ClientError) as refused:
        tagging.get_resources(ResourcesPerPage=0)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterException"


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"ResourceARNList": [1]}', b'{"TagFilters": "x"}', b'{"Tags": []}'])
def test_unreadable(curl: Any, body: bytes) -> None:
    answer = curl("POST", "/", body, {"X-Amz-Target": "ResourceGroupsTaggingAPI_20170126.GetResources"})
    assert (answer.status, answer.json["__type"]) == (400, "SerializationException")
