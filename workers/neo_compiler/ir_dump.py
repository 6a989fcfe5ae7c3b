"""The module after each phase of a compilation, as files to read (NEO_EMULATOR_DUMP_IR)."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path

from neo_compiler.tvm_types import IRModule

_write: ContextVar[Callable[[str, str], None] | None] = ContextVar("ir_dump", default=None)


@contextlib.contextmanager
def dumping_to(folder: Path | None) -> Iterator[None]:
    """Inside, `after` and `text` write to `folder`, which is made; with None they do nothing.

    Files are numbered in the order of the phases: 01-imported.py, 02-simplified.py and so on.
    """
    numbers = itertools.count(1)

    def write(name: str, content: str) -> None:
        assert folder is not None
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{next(numbers):02}-{name}").write_text(content, encoding="utf-8")

    token = _write.set(write if folder else None)
    try:
        yield
    finally:
        _write.reset(token)


def after(phase: str, module: IRModule) -> IRModule:
    """Returns `module`, having written it as TVMScript; weights appear as names only."""
    text(f"{phase}.py", lambda: str(module.script(show_meta=False)))
    return module


def text(name: str, content: Callable[[], str]) -> None:
    """Writes what `content` returns to the next file; it is not called when nothing is dumped."""
    if write := _write.get():
        write(name, content())
