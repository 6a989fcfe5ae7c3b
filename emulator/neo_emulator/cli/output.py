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
    """The command cannot do what it was asked: it prints this text and exits with status 1.

    Wrong arguments are typer.BadParameter: status 2, with the command's usage.
    """


def as_json(value: object) -> None:
    """The value as JSON on standard output."""
    print(json.dumps(value, indent=2, default=str))


def plain(text: str = "") -> None:
    """One line on standard output, as it is."""
    print(text, flush=True)


def console(*, stderr: bool = False) -> Console:
    """Where tables go: wide enough for all of a table when it is not a terminal."""
    from rich.console import Console

    file = sys.stderr if stderr else sys.stdout
    return Console(file=file, width=None if file.isatty() else 200, highlight=False, soft_wrap=not file.isatty())


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str = "") -> None:
    """A table on standard output. Cells are texts as they are, never markup; statuses have colours."""
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
    """The value's text without what would steer a terminal."""
    text = "" if value is None else str(value)
    return "".join(letter if letter.isprintable() or letter == "\n" else "�" for letter in text)
