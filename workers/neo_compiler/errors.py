"""Errors that end a job as FAILED. Each class has one prefix of Neo's FailureReason; the text is the rest.

CompileError                 (abstract)
|- InputConfigurationError   "ClientError: InputConfiguration: ..."   the model, its archive or DataInputConfig is wrong
|- OutputConfigurationError  "ClientError: OutputConfiguration: ..."  the artifact's location is wrong
|- CompilationError          "ClientError: CompilationError: ..."     the model cannot be compiled for this target
|- TimeOutError              "ClientError: TimeOut: ..."              MaxRuntimeInSeconds exceeded
|- InternalError             "ServerError: ..."                       a fault of the emulator
"""

from __future__ import annotations

FAILURE_REASON_MAX_CHARS = 1024
"""Maximum length of a FailureReason. Source: botocore's sagemaker model, shape FailureReason."""

TROUBLESHOOTING = (
    "  For further troubleshooting common failures please visit: "
    "https://docs.aws.amazon.com/sagemaker/latest/dg/neo-troubleshooting-compilation.html"
)
"""Suffix of a client error's reason. Source: a recording of 2024-04-16 (with two spaces, as recorded)."""


class CompileError(Exception):
    """Ends the job as FAILED; `reason` is the FailureReason of DescribeCompilationJob."""

    prefix = ""
    suffix = ""

    @property
    def reason(self) -> str:
        """The FailureReason: prefix, text and suffix, at most 1024 characters; a long text is cut in the middle."""
        room = FAILURE_REASON_MAX_CHARS - len(self.prefix) - len(self.suffix)
        text = str(self).encode("utf-8", "backslashreplace").decode()  # file names may contain invalid UTF-8
        if len(text) > room:
            head, tail = room * 2 // 3, room - room * 2 // 3 - 5
            text = f"{text[:head]} ... {text[-tail:]}"
        return f"{self.prefix}{text}{self.suffix}"


class InputConfigurationError(CompileError):
    """The model, or InputConfig's description of it, is wrong."""

    prefix = "ClientError: InputConfiguration: "
    suffix = TROUBLESHOOTING


class OutputConfigurationError(CompileError):
    """S3OutputLocation or the KMS key cannot be used."""

    prefix = "ClientError: OutputConfiguration: "
    suffix = TROUBLESHOOTING


class CompilationError(CompileError):
    """The model cannot be compiled for the target, or a limit was exceeded."""

    prefix = "ClientError: CompilationError: "
    suffix = TROUBLESHOOTING


class TimeOutError(CompileError):
    """The job exceeded MaxRuntimeInSeconds."""

    prefix = "ClientError: TimeOut: "
    suffix = TROUBLESHOOTING


class InternalError(CompileError):
    """A fault of the emulator or of a service that it uses, not of the request."""

    prefix = "ServerError: "


OUT_OF_MEMORY = ("std::bad_alloc", "can't allocate memory", "Cannot allocate memory", "Unable to allocate")
"""How C++ code, torch, the system and NumPy say it."""


def chain(error: BaseException) -> list[BaseException]:
    """Returns `error` and the exceptions that it was raised from, the nearest first."""
    found: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and each not in found:
        found.append(each)
        each = each.__cause__
    return found


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory that ran out has caused `error`."""
    return any(
        isinstance(each, MemoryError) or any(text in str(each) for text in OUT_OF_MEMORY) for each in chain(error)
    )


def raise_out_of_memory(error: BaseException) -> None:
    """Raises `error` if memory that ran out has caused it: another way to do the same would need more of it."""
    if is_out_of_memory(error):
        raise error


def last_line(error: BaseException) -> str:
    """Returns the last line of `error`'s text, without blanks, or its type's name: TVM puts a stack before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def typed_line(error: BaseException) -> str:
    """Returns `error`'s type and the last line of its text."""
    return f"{type(error).__name__}: {last_line(error)}"


def one_line(error: BaseException) -> str:
    """Returns `error`'s text without TVM's stack and without line breaks, or its type's name."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join(line for line in lines if not line.startswith("File "))
    return text or type(error).__name__
