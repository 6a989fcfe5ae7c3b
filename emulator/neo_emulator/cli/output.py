"""Writes results to the terminal: tables for people, JSON for programs. Progress and problems go to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

STYLES = {"COMPLETED": "green", "FAILED": "red", "STOPPED": "yellow", "INPROGRESS": "cyan", "STARTING": "cyan"}


class CommandError(Exception):
    """The command failed: the text is printed, and the exit status is 1.

    For wrong arguments use typer.BadParameter instead: exit status 2, with the command's usage.
    """


def as_json(value: object) -> None:
    """Prints the value as JSON on standard output."""
    print(json.dumps(value, indent=2, default=str))


def plain(text: str = "") -> None:
    """Prints text on standard output, unformatted and without terminal control characters."""
    print(printable(text), flush=True)


def console(*, stderr: bool = False) -> Console:
    """A rich console; without a terminal it is wide enough for any table."""
    from rich.console import Console

    file = sys.stderr if stderr else sys.stdout
    return Console(file=file, width=None if file.isatty() else 200, highlight=False, soft_wrap=not file.isatty())


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str = "") -> None:
    """Prints a table on standard output. Cells are plain text, never markup; statuses are coloured."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in columns:
        shown.add_column(name, overflow="fold", justify="right" if name in ("seconds", "time", "size") else "left")
    for row in rows:
        shown.add_row(*(Text(printable(cell), STYLES.get(str(cell), "")) for cell in row))
    console().print(shown)


def printable(value: object) -> str:
    """The value as text, without terminal control characters."""
    text = "" if value is None else str(value)
    return "".join(letter if letter.isprintable() or letter == "\n" else "�" for letter in text)
