"""What the processes of a compilation share: file names in the job's folder, signals, and the compiler's messages.

A compiler sends its courier lines of JSON, [kind, value]. Code in a model may forge them, so all are validated.

    ["step", name]      a step of the pipeline begins
    ["made", Made]      the artifact is in its file
    ["failed", reason]  the FailureReason
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from neo_compiler.errors import FAILURE_REASON_MAX_CHARS, CompileError, InternalError

MODEL, MADE = "model.tar.gz", "made.tar.gz"
"""The model archive, and the artifact file, of which the compiler only has the descriptor."""
WORK = "work"
"""The compiler's own folder in the job's folder."""
CONFINED, BEGIN = b".", b"b"
"""What a compiler is told, in any order: it has its cgroup (by the monitor), its model is there (by the courier)."""
GO, ENDED = b"g", b"e"
"""What a courier is told by its monitor: it may upload; its compiler has ended well, and all that it had started."""

MAX_LINE_BYTES = 1 << 20
MAX_MESSAGES = 1000
"""Maximum number of messages; a compiler sends about a dozen."""

Step = Literal["unpack", "import", "compile", "link", "package", "check"]
Text = Annotated[str, Field(max_length=2000, pattern=r"^[ -~]*$")]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Tuned(_Strict):
    """A tuned product; see neo_compiler.tuning.database.Entry."""

    product: Text
    tile: Text
    chosen: Text
    seconds: Seconds
    chosen_seconds: Seconds


class Made(_Strict):
    """A compiler's result, besides the artifact's bytes."""

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]
    derived: Annotated[str, Field(max_length=65_536)] | None = None
    tuned: Annotated[list[Tuned], Field(max_length=1000)] = []
    complete: bool | None = None  # whether tuning tried everything


_KINDS: dict[str, TypeAdapter[Any]] = {
    "step": TypeAdapter(Step),
    "made": TypeAdapter(Made),
    "failed": TypeAdapter(Annotated[str, Field(max_length=4 * FAILURE_REASON_MAX_CHARS)]),
}


class Nonsense(ValueError):  # noqa: N818 - describes the input
    """A malformed message."""


def write(descriptor: int, kind: str, value: object) -> None:
    """Sends a message. Raises OSError."""
    data = memoryview(json.dumps([kind, value]).encode() + b"\n")
    while data:
        data = data[os.write(descriptor, data) :]


def parse(line: bytes) -> tuple[str, Any]:
    """The kind and validated value of a message. Raises Nonsense."""
    try:
        match json.loads(line):
            case [str(kind), value] if kind in _KINDS:
                return kind, _KINDS[kind].validate_python(value)
    except (ValidationError, ValueError, RecursionError) as error:
        raise Nonsense(f"{type(error).__name__} in {line[:80]!r}") from error
    raise Nonsense(f"{line[:80]!r}")


_PREFIXES = tuple(kind.prefix for kind in CompileError.__subclasses__() if kind.prefix)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

_FOLDERS = {sys.prefix, sys.base_prefix, *sys.path, os.path.expanduser("~")} - {"", "/"}  # noqa: PTH111
_INSTALLED = re.compile(rf"(?<![\w./-])(?:{'|'.join(map(re.escape, sorted(_FOLDERS, key=len, reverse=True)))})(?=/)")
"""Where Python, its packages and the worker's user are at home, in front of a path below."""


def clean_reason(reason: str, folder: Path) -> str:
    """A FailureReason fit to be shown: with a known prefix, in one line, without paths of this host."""
    text = _UNPRINTABLE.sub(" ", reason).replace(f"{folder}{os.sep}", "").replace(str(folder), ".")
    text = _INSTALLED.sub("<worker>", text)
    if not text.startswith(_PREFIXES):
        text = f"{InternalError.prefix}{text}"
    return text[:FAILURE_REASON_MAX_CHARS]
