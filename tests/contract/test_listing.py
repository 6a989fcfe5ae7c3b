"""ListCompilationJobs: filters, orders, pages."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.waiting import takes

from neo_workers.jobs import JobStatus

NAMES = ["delta", "alpha", "echo", "charlie", "bravo"]  # in order of creation


@pytest.fixture
def jobs(sagemaker: Any, engine: Any, request_for: Any) -> dict[str, Any]:
    """Five jobs, two of them COMPLETED, one STOPPING; their summaries by name."""
    for name in NAMES:
        sagemaker.create_compilation_job(**request_for(name))
        takes(0.003)  # CreationTime has milliseconds
    for name, status in (("alpha", "COMPLETED"), ("bravo", "COMPLETED"), ("echo", "STOPPING")):
        engine.bring(name, JobStatus(status))
    return {job["CompilationJobName"]: job for job in sagemaker.list_compilation_jobs()["CompilationJobSummaries"]}


def names(answer: dict[str, Any]) -> list[str]:
    return [job["CompilationJobName"] for job in answer["CompilationJobSummaries"]]


def paged(sagemaker: Any, **asked: Any) -> list[str]:
    pages = sagemaker.get_paginator("list_compilation_jobs").paginate(**asked, PaginationConfig={"PageSize": 2})
    return [name for page in pages for name in names(page)]


ORDERS = {
    (None, None): NAMES,
    ("CreationTime", "Descending"): NAMES[::-1],
    ("Name", "Ascending"): sorted(NAMES),
    ("Name", "Descending"): sorted(NAMES, reverse=True),
    ("Status", "Ascending"): ["alpha", "bravo", "delta", "charlie", "echo"],
    ("Status", "Descending"): ["echo", "charlie", "delta", "bravo", "alpha"],
}


@pytest.mark.parametrize(("by", "order"), list(ORDERS))
def test_orders(sagemaker: Any, jobs: dict[str, Any], by: str | None, order: str | None) -> None:
    asked = {member: value for member, value in (("SortBy", by), ("SortOrder", order)) if value}
    assert names(sagemaker.list_compilation_jobs(**asked)) == ORDERS[by, order]
    assert paged(sagemaker, **asked) == ORDERS[by, order]


def test_filters(sagemaker: Any, jobs: dict[str, Any]) -> None:
    def listed(**asked: Any) -> set[str]:
        found = names(sagemaker.list_compilation_jobs(**asked))
        assert sorted(paged(sagemaker, **asked)) == sorted(found)
        return set(found)

    moment = {name: job["CreationTime"] for name, job in jobs.items()}
    tick = timedelta(milliseconds=1)
    assert listed(NameContains="ha") == {"alpha", "charlie"}
    assert listed(StatusEquals="COMPLETED") == {"alpha", "bravo"}
    assert listed(StatusEquals="FAILED") == set()
    assert listed(StatusEquals="STARTING", NameContains="d") == {"delta"}
    assert listed(CreationTimeAfter=moment["echo"] - tick) == {"echo", "charlie", "bravo"}
    assert listed(CreationTimeBefore=moment["alpha"] + tick) == {"delta", "alpha"}
    assert listed(CreationTimeBefore="1900-01-01", SortOrder="Descending") == set()
    assert listed(CreationTimeAfter="1900-01-01", SortOrder="Descending") == set(NAMES)
    assert listed(LastModifiedTimeAfter=moment["bravo"] + timedelta(hours=1)) == set()
    assert listed(LastModifiedTimeBefore=moment["bravo"] + timedelta(hours=1)) == set(NAMES)


def test_token_outlives_inserts_and_deletes(sagemaker: Any, jobs: dict[str, Any], request_for: Any) -> None:
    first = sagemaker.list_compilation_jobs(SortBy="Name", MaxResults=2)
    assert names(first) == ["alpha", "bravo"]
    sagemaker.delete_compilation_job(CompilationJobName="bravo")
    sagemaker.create_compilation_job(**request_for("aaa"))
    second = sagemaker.list_compilation_jobs(SortBy="Name", MaxResults=3, NextToken=first["NextToken"])
    assert names(second) == ["charlie", "delta", "echo"]
    assert "NextToken" not in second


def test_last_full_page_has_no_token(sagemaker: Any, jobs: dict[str, Any]) -> None:
    assert "NextToken" not in sagemaker.list_compilation_jobs(MaxResults=5)


def test_token_of_another_query(sagemaker: Any, jobs: dict[str, Any]) -> None:
    token = sagemaker.list_compilation_jobs(MaxResults=1)["NextToken"]
    for asked in ({"StatusEquals": "FAILED", "NextToken": token}, {"NextToken": "rubbish"}, {"NextToken": "WzFd"}):
        with pytest.raises(ClientError) as refused:
            sagemaker.list_compilation_jobs(**asked)
        assert refused.value.response["Error"]["Code"] == "ValidationException"
        assert "NextToken" in refused.value.response["Error"]["Message"]
