from datetime import UTC, datetime
from typing import Any

import pytest

from neo_emulator.protocol.errors import ServiceError
from neo_emulator.sagemaker import pagination
from neo_workers.jobs import JobStatus, Query, Scope, SortBy

SCOPE = Scope("123456789012", "us-east-1")


def test_defaults() -> None:
    assert pagination.query({}, SCOPE) == Query(sort_by=SortBy.CREATION_TIME, descending=False, limit=100)


def test_every_filter() -> None:
    moments = [datetime(2024, 1, day, 0, 0, 0, 123_000, tzinfo=UTC) for day in (1, 2, 3, 4)]
    members = ("CreationTimeAfter", "CreationTimeBefore", "LastModifiedTimeAfter", "LastModifiedTimeBefore")
    request = dict(zip(members, moments, strict=True))
    milliseconds = [1_704_067_200_123 + day * 86_400_000 for day in range(4)]
    assert pagination.query(
        {
            **request,
            "SortBy": "Status",
            "SortOrder": "Descending",
            "MaxResults": 7,
            "NameContains": "x",
            "StatusEquals": "FAILED",
        },
        SCOPE,
    ) == Query(SortBy.STATUS, True, 7, "x", JobStatus.FAILED, *milliseconds)


def test_token_is_bound_to_filters_but_not_to_page_size(make_job: Any) -> None:
    asked = {"SortBy": "Name", "MaxResults": 5}
    token = pagination.next_token(asked, make_job())
    again = {"SortBy": "Name", "MaxResults": 9, "NextToken": token}
    assert pagination.query(again, SCOPE).after == ("STARTING", 1_713_274_849_170, "job")
    for other in ({}, {"SortBy": "Status"}, {"SortBy": "Name", "StatusEquals": "FAILED"}):
        with pytest.raises(ServiceError, match="ValidationException"):
            pagination.query({**other, "NextToken": token}, SCOPE)


@pytest.mark.parametrize("parts", [[], ["x"], ["", "", 0, ""], ["", "STARTING", "0", "n"], ["", "STARTING", -1, "n"]])
def test_forged_tokens(make_job: Any, parts: list[object]) -> None:
    genuine = pagination.decode(pagination.next_token({}, make_job()))
    forged = [genuine[0], *parts[1:]] if parts else []
    with pytest.raises(ServiceError, match="NextToken"):
        pagination.query({"NextToken": pagination.encode(forged)}, SCOPE)


@pytest.mark.parametrize("token", ["x", "é", "bm90IGpzb24=", "e30=", "W1tbW1s=", "A" * 8192])
def test_garbage_tokens(token: str) -> None:
    with pytest.raises(ServiceError, match="NextToken"):
        pagination.query({"NextToken": token}, SCOPE)


def test_token_is_bound_to_the_region_and_takes_defaults_spelt_out(make_job: Any) -> None:
    token = pagination.next_token({}, make_job())
    spelt = {"SortBy": "CreationTime", "SortOrder": "Ascending", "NextToken": token}
    assert pagination.query(spelt, SCOPE).after is not None
    with pytest.raises(ServiceError, match="ValidationException"):
        pagination.query({"NextToken": token}, Scope("123456789012", "eu-west-1"))
