from typing import Any
from unittest.mock import Mock, create_autospec

import pytest

from neo_emulator.protocol import service_model
from neo_emulator.protocol.errors import ServiceError
from neo_emulator.sagemaker.operations import OPERATIONS, OperationRequest, is_ours
from neo_workers.jobs import JobStatus, JsonObject, Page, Scope
from neo_workers.settings import Settings
from neo_workers.store.store import JobActive, JobExists, JobNotFound, Store

ARN = "arn:aws:sagemaker:us-east-1:123456789012:compilation-job/job"


@pytest.fixture
def store() -> Any:
    return create_autospec(Store, instance=True)


def run(store: Any, name: str, members: JsonObject, publish: Any = None) -> JsonObject:
    scope = Scope("123456789012", "us-east-1")
    request = OperationRequest(members, scope, "", Settings(), store, publish or Mock(), Mock())
    return OPERATIONS[name].run(request)


def test_names_are_aws_s() -> None:
    assert set(OPERATIONS) <= service_model.operation_names()
    assert {name for name in service_model.operation_names() if "CompilationJob" in name} <= set(OPERATIONS)


@pytest.mark.parametrize(
    ("arn", "ours"),
    [
        (ARN, True),
        (None, True),
        ("nonsense", True),
        ("arn:aws:sagemaker:us-east-1:123456789012:model/m", False),
    ],
)
def test_is_ours(arn: str | None, ours: bool) -> None:
    assert is_ours({"ResourceArn": arn} if arn else {}) is ours


def test_job_is_announced_only_after_it_was_added(store: Any, make_job: Any) -> None:
    publish = Mock()
    store.add.side_effect = JobExists(make_job().id)
    with pytest.raises(ServiceError, match="ResourceInUse"):
        run(store, "CreateCompilationJob", make_job().request, publish)
    publish.assert_not_called()
    store.add.side_effect = None
    request = {**make_job().request, "Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}
    assert run(store, "CreateCompilationJob", request, publish) == {"CompilationJobArn": ARN}
    store.add.assert_called_with(make_job().id, make_job().request, {"a": "2"}, "")
    publish.assert_called_once_with(make_job().id)


@pytest.mark.parametrize("before", list(JobStatus))
def test_stop(store: Any, before: JobStatus) -> None:
    store.stop.return_value = before
    if before in ("STARTING", "INPROGRESS", "STOPPING"):
        assert run(store, "StopCompilationJob", {"CompilationJobName": "job"}) == {}
    else:
        with pytest.raises(ServiceError, match=f"ValidationException.*{before}"):
            run(store, "StopCompilationJob", {"CompilationJobName": "job"})


def test_delete_of_an_active_job(store: Any, make_job: Any) -> None:
    store.delete.side_effect = JobActive(make_job().id, JobStatus.STOPPING)
    with pytest.raises(ServiceError, match=r"ValidationException.*STOPPING\."):
        run(store, "DeleteCompilationJob", {"CompilationJobName": "job"})


def test_token_only_when_more_follow(store: Any, make_job: Any) -> None:
    store.page.return_value = Page((make_job(),), more=False)
    assert "NextToken" not in run(store, "ListCompilationJobs", {})
    store.page.return_value = Page((make_job(),), more=True)
    assert run(store, "ListCompilationJobs", {})["NextToken"]


@pytest.mark.parametrize("name", ["AddTags", "ListTags", "DeleteTags"])
def test_tags_of_no_job(store: Any, make_job: Any, name: str) -> None:
    for method in (store.put_tags, store.tags, store.remove_tags):
        method.side_effect = JobNotFound(make_job().id)
    with pytest.raises(ServiceError, match="ValidationException"):
        run(store, name, {"ResourceArn": ARN, "Tags": [], "TagKeys": []})
    with pytest.raises(ServiceError, match="ValidationException"):
        run(store, name, {"ResourceArn": ARN.replace("aws:", "aws-cn:"), "Tags": [], "TagKeys": []})
