"""Tables of the documentation, made from the code: one function per block `<!-- name: begin -->` of docs/reference."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import typer

from neo_compiler import errors as job_errors
from neo_compiler.frontends import FRAMEWORKS
from neo_emulator.cli.main import app
from neo_emulator.protocol import errors as api_errors
from neo_emulator.protocol.errors import ServiceError
from neo_targets import listing as targets_table
from neo_targets import options
from neo_workers.settings import PREFIX, Settings


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table in Markdown; "|" in a cell is escaped."""
    lines = [columns, ["---"] * len(columns), *rows]
    cells = ([str(cell).replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def code(text: object) -> str:
    return f"`{text}`" if text not in (None, "") else ""


def settings() -> str:
    """One row per setting."""
    rows = [
        (code(PREFIX + name.upper()), "" if field.default is None else f"`{field.default}`", field.description)
        for name, field in Settings.model_fields.items()
    ]
    return table(("variable", "default", "description"), rows)


def targets() -> str:
    """TargetDevices, then TargetPlatforms."""
    heads = ("target", "triple", "CPU", "accelerator", "artifact", "checked by", "not compiled", "source")
    columns = ("triple", "cpu", "accelerator", "artifact", "check", "lacks", "source")
    parts = []
    for kind in ("TargetDevice", "TargetPlatform"):
        rows = [
            (code(row["name"]), *(row[name] for name in columns)) for row in targets_table.rows() if row["kind"] == kind
        ]
        parts.append(f"## {kind}\n\n{table(heads, rows)}")
    return "\n".join(parts)


def compiler_options() -> str:
    """The options, then the GPU codes."""
    rows = [
        (
            code(option.name),
            ", ".join(map(code, option.aliases)),
            options.FAMILIES.get(option.family, "every target"),
            option.help,
            "yes" if option.changes_code else "no, kept in compiled.meta",
        )
        for option in options.OPTIONS
    ]
    by_nvrtc = {
        version: [name for name, its in options.GPU_CODES.items() if its == version] for version in ("11", "12")
    }
    old, new = (", ".join(map(code, names)) for names in by_nvrtc.values())
    return (
        table(("option", "alias", "for", "description", "changes the code"), rows)
        + f"\nGPU codes: {old} by NVRTC 11.8; {new} with the extra `cuda12`.\n"
    )


def frameworks() -> str:
    """One row per framework."""
    rows = [(name, row.files, row.layout, row.versions, code(row.extra)) for name, row in sorted(FRAMEWORKS.items())]
    return table(("framework", "files in the archive", "layout", "versions", "extra"), rows)


def errors() -> str:
    """Refusals, then reasons."""
    refusals = []
    for name, factory in inspect.getmembers(api_errors, inspect.isfunction):
        if factory.__module__ != api_errors.__name__ or name.startswith("_"):
            continue
        parameters = [f"{{{parameter}}}" for parameter in inspect.signature(factory).parameters]
        try:
            made = factory(*parameters)
        except Exception:  # it wants more than texts
            continue
        if isinstance(made, ServiceError):
            refusals.append((code(made.code), made.status, made.message))
    reasons = [
        (code(kind.prefix.strip()), _meaning(kind.__name__)) for kind in job_errors.CompileError.__subclasses__()
    ]
    return (
        "## Refusals\n\n"
        + table(("code", "HTTP", "message"), sorted(set(refusals)))
        + "\n## Reasons\n\n"
        + table(("FailureReason starts with", "meaning"), reasons)
    )


def _meaning(name: str) -> str:
    """What errors.py's own tree says of a class."""
    for line in (job_errors.__doc__ or "").splitlines():
        if f"|- {name} " in line:
            return line.rsplit('"', 1)[-1].strip()
    return ""


def command() -> str:
    """The help of every command."""
    group = typer.main.get_command(app)
    shown = []
    for name, one in group.commands.items():  # type: ignore[attr-defined]
        context = one.make_context(f"neo-emulator {name}", [], resilient_parsing=True)
        context.max_content_width = 100
        context.terminal_width = 100
        shown.append(f"## {name}\n\n```text\n{one.get_help(context)}\n```\n")
    return "\n".join(shown)


TABLES: dict[str, Callable[[], str]] = {
    "settings": settings,
    "targets": targets,
    "options": compiler_options,
    "frameworks": frameworks,
    "errors": errors,
    "command": command,
}
