import pytest

from neo_compiler.errors import CompilationError
from neo_workers.jobs import TERMINAL, TRANSITIONS, JobId, JobStatus, Scope, short_reason


def test_every_status_has_its_row_and_only_three_are_terminal() -> None:
    assert set(TRANSITIONS) == set(JobStatus)
    assert {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.STOPPED} == TERMINAL


def test_every_status_can_be_reached_from_starting() -> None:
    reached, todo = set(), {JobStatus.STARTING}
    while todo:
        status = todo.pop()
        reached.add(status)
        todo |= TRANSITIONS[status] - reached
    assert reached == set(JobStatus)


def test_job_id_survives_its_text_form() -> None:
    job_id = JobId(Scope("123456789012", "eu-west-1"), "my-job-1")
    assert JobId.parse(str(job_id)) == job_id


@pytest.mark.parametrize("text", ["", "a:b", "1:us-east-1:a:b", "1:us-east-1:a/b", "1:us east:a", "1:us-east-1:"])
def test_text_that_names_no_job_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        JobId.parse(text)


def test_short_reason_has_no_link() -> None:
    error = CompilationError("no such operator")
    assert "neo-troubleshooting" in error.reason
    assert short_reason(error.reason) == "ClientError: CompilationError: no such operator"
    assert short_reason("ServerError: planned") == "ServerError: planned"
