import pytest

from neo_emulator.protocol.arns import job_arn, job_of_arn, partition
from neo_workers.jobs import JobId, Scope

ARN = "arn:aws:sagemaker:us-east-1:123456789012:compilation-job/a-1"


@pytest.mark.parametrize(
    ("region", "name", "suffix"),
    [
        ("us-east-1", "aws", "amazonaws.com"),
        ("cn-northwest-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("us-iso-east-1", "aws-iso", "c2s.ic.gov"),
        ("nowhere", "aws", "amazonaws.com"),
    ],
)
def test_partition(region: str, name: str, suffix: str) -> None:
    assert (partition(region).name, partition(region).dns_suffix) == (name, suffix)


def test_arn_and_back() -> None:
    job_id = JobId(Scope("123456789012", "us-east-1"), "a-1")
    assert job_arn(job_id) == ARN
    assert job_of_arn(ARN) == job_id


@pytest.mark.parametrize("arn", ["", ARN + "/b", ARN.replace("compilation", "training"), ARN.replace("12", "1٢")])
def test_arn_of_something_else(arn: str) -> None:
    assert job_of_arn(arn) is None
