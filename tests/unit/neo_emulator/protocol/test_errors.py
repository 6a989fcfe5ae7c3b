import pytest

from neo_emulator.protocol import errors, service_model
from neo_workers.jobs import JobStatus

MADE = [
    (errors.validation("m"), "ValidationException", 400),
    (errors.serialization("m"), "SerializationException", 400),
    (errors.name_taken("job"), "ResourceInUse", 400),
    (errors.not_found("job"), "ResourceNotFound", 400),
    (errors.wrong_status(JobStatus.COMPLETED), "ValidationException", 400),
    (errors.unknown_operation("Op"), "UnknownOperationException", 400),
    (errors.internal_failure(), "InternalFailure", 500),
    (errors.unavailable(), "ServiceUnavailable", 503),
]


@pytest.mark.parametrize(("error", "code", "status"), MADE, ids=lambda value: str(value)[:24])
def test_code_and_status(error: errors.ServiceError, code: str, status: int) -> None:
    assert (error.code, error.status) == (code, status)
    assert error.message in str(error)


def test_modelled_errors_use_the_model_s_member() -> None:
    model = service_model.service_model()
    for error, code, _ in MADE:
        if code in model.shape_names:
            assert list(model.shape_for(code).members) == [error.member]
        else:
            assert error.member == "message"
