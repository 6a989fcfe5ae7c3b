"""What an exception in the compiler ends the job with."""

import errno

import pytest

from neo_compiler.errors import CompilationError, CompileError, InputConfigurationError, InternalError
from neo_workers.settings import Settings
from neo_workers.worker.compile_child import failure


def wrapped(inner: BaseException, outer: type[CompileError] = InputConfigurationError) -> CompileError:
    """As an importer's `except Exception` raises it."""
    try:
        try:
            raise inner
        except BaseException as error:
            raise outer(f"cannot load the model: {error}") from error
    except CompileError as error:
        return error


@pytest.mark.parametrize(
    "inner",
    [
        MemoryError(),
        RuntimeError("std::bad_alloc"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory"),
        wrapped(MemoryError()),
    ],
)
def test_memory_that_ran_out_is_no_fault_of_the_client(inner: BaseException) -> None:
    for error in (inner, wrapped(inner)):
        reason = failure(error, Settings()).reason
        assert reason.startswith("ServerError: the compiler ran out of memory")
        assert "NEO_EMULATOR_MAX_MEMORY_BYTES" in reason


def test_our_own_errors_are_not_hidden_by_an_importer() -> None:
    missing = CompilationError("Framework PYTORCH needs torch")
    assert failure(wrapped(missing), Settings()) is missing
    internal = InternalError("the linker ended with 1")
    assert failure(wrapped(wrapped(internal)), Settings()) is internal
    outer = wrapped(InputConfigurationError("no shape"))
    assert failure(outer, Settings()) is outer
    outer = wrapped(InternalError("a level failed"), CompilationError)
    assert failure(outer, Settings()) is outer
    assert failure(ValueError("odd"), Settings()).reason == "ServerError: ValueError: odd"


def test_a_refusal_of_the_sandbox_is_named() -> None:
    refused = wrapped(PermissionError(errno.EACCES, "Permission denied", "/etc/shadow"))
    assert "the compiler's sandbox refused that" in failure(refused, Settings()).reason
    assert "sandbox" not in failure(refused, Settings(sandbox="off")).reason
