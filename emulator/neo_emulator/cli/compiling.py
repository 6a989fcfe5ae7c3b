"""`neo-emulator compile`: compiles a model on this machine's disk, without a server."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import typer

from neo_compiler.errors import CompileError
from neo_emulator.cli import output
from neo_emulator.cli.output import CommandError
from neo_emulator.control.dashboard import formats
from neo_workers.jobs import short_reason


def compile_model(
    model: Path,
    target: str,
    out: Path,
    *,
    framework: str | None,
    inputs: list[str],
    options: str | None,
    verbose: bool,
    json_: bool,
) -> None:
    """Compiles a model and prints the artifact's path. Raises CommandError with the reason if that fails."""
    from neo_compiler import local

    if not model.exists():
        raise CommandError(f"{model} does not exist")
    framework = (framework or local.framework_of(model) or "").upper()
    if not framework:
        raise CommandError(f"cannot infer the framework of {model.name}; pass --framework")
    request = local.request_for(model, framework, data_input_config(inputs), output_config(target, options))
    begun = time.perf_counter()
    steps = Steps()
    try:
        with progress(f"{model.name} for {target}") as shown:

            def report(step: str) -> None:
                steps.begin(step)
                shown.step(step)

            done = local.compile_file(model, out, request, report, shown.line if verbose else _ignore)
    except CompileError as error:
        reason = short_reason(error.reason)
        if json_:
            output.as_json({"status": "FAILED", "reason": error.reason, "phases": steps.seconds()})
        raise CommandError(reason) from error
    seconds = time.perf_counter() - begun
    size = done.path.stat().st_size
    if json_:
        facts = {"status": "COMPLETED", "artifact": str(done.path), "bytes": size, "target": target}
        facts |= {"framework": framework, "digest": done.result.artifact_digest, "seconds": round(seconds, 3)}
        output.as_json(facts | {"phases": steps.seconds()})
        return
    output.plain(f"{done.path}  {formats.size(size)}, {seconds:.1f} s")


def output_config(target: str, options: str | None) -> dict[str, Any]:
    """OutputConfig's TargetDevice or TargetPlatform, and CompilerOptions, for "ml_c5" or "LINUX/ARM64/NVIDIA"."""
    chosen: dict[str, Any] = {"CompilerOptions": options} if options else {}
    if "/" not in target:
        return {"TargetDevice": target, **chosen}
    parts = dict(zip(("Os", "Arch", "Accelerator"), target.upper().split("/"), strict=False))
    return {"TargetPlatform": parts, **chosen}


def data_input_config(inputs: list[str]) -> str | None:
    """DataInputConfig (JSON) from `--input data=1,3,224,224`, once per input, or from an --input that is JSON.

    None without --input. Raises typer.BadParameter.
    """
    if not inputs:
        return None
    if len(inputs) == 1 and inputs[0].lstrip().startswith(("{", "[")):
        return inputs[0]
    shapes: dict[str, list[int]] = {}
    for text in inputs:
        name, _, numbers = text.rpartition("=")
        try:
            shapes[name] = [int(number) for number in re.split("[x,]", numbers)] if numbers else []
        except ValueError as error:
            raise _bad_input(text) from error
        if not name:
            raise _bad_input(text)
    return json.dumps(shapes)


def _bad_input(text: str) -> typer.BadParameter:
    return typer.BadParameter(f"{text!r}: expected NAME=1,3,224,224.", param_hint="--input")


class Steps:
    """Records when each step started."""

    def __init__(self) -> None:
        self._begun: list[tuple[str, float]] = []

    def begin(self, name: str) -> None:
        """Starts a step and ends the previous one, if any."""
        self._begun.append((name, time.perf_counter()))

    def seconds(self) -> list[dict[str, Any]]:
        """The steps with their durations in seconds; the last one until now."""
        ends = [at for _, at in self._begun[1:]] + [time.perf_counter()]
        pairs = zip(self._begun, ends, strict=True)
        return [{"name": name, "seconds": round(end - at, 3)} for (name, at), end in pairs]


class Progress(Protocol):
    """Shows the progress of a compilation."""

    def step(self, name: str) -> None:
        """Called when a step starts."""

    def line(self, text: str) -> None:
        """One line of the compiler's log."""


class Quiet:
    """Progress without a terminal: only log lines, on stderr."""

    def step(self, name: str) -> None:
        """Nothing."""

    def line(self, text: str) -> None:
        """Prints the line on stderr."""
        print(output.printable(text), file=sys.stderr)


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Shows the step and elapsed time in one line of a terminal until the block ends; without a terminal nothing."""
    if not sys.stderr.isatty():
        yield Quiet()
        return
    from rich.markup import escape
    from rich.progress import Progress as Bar
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bar(*columns, console=output.console(stderr=True), transient=True) as bar:
        task = bar.add_task(escape(title))

        class Shown:
            def step(self, name: str) -> None:
                bar.update(task, description=escape(f"{title}: {name}"))

            def line(self, text: str) -> None:
                bar.console.print(escape(output.printable(text)))

        yield Shown()


def _ignore(line: str) -> None:
    """Nothing."""
