import pytest
from moto.backends import get_backend

from neo_emulator.aws.persistence.services import SERVICES, Services

ACCOUNT = "111122223333"


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_s_state_pickles_and_comes_back(service: str) -> None:
    region = "aws" if service in ("iam", "sts") else "us-east-1"
    assert get_backend(service)[ACCOUNT][region]
    services = Services()
    rows = services.changes(service)
    assert ("service", service, f"{ACCOUNT}/{region}") in [row[:3] for row in rows]
    assert services.changes(service) == rows  # nothing counts as written before it is
    services.written(rows)
    assert services.changes(service) == []
    other = Services()
    for _, name, place, data in rows:
        other.restore(name, place, data)


def test_only_what_a_request_names_is_looked_at() -> None:
    services = Services()
    assert services.changes("sqs") == services.changes("s3") == services.changes(None) == []
    assert services.changes("cloudformation") == []  # nothing of ours in use yet
