"""Fallback levels: a model is lowered on the highest level that compiles; the job's log lists the failed ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from neo_compiler.errors import raise_out_of_memory, typed_line
from neo_compiler.passes.lift_weights import Separated


class Level(Protocol):
    """A set of optimisations."""

    @property
    def name(self) -> str:
        """For the job's log."""
        ...


@dataclass(frozen=True)
class Lowered:
    """Kernels, a main that calls them, and the weights, which main takes after its inputs."""

    separated: Separated
    level: str
    below: int = 0  # index of the next lower level, 0 if there is none
    refused: dict[str, str] = field(default_factory=dict)  # level -> why

    def notes(self) -> tuple[str, ...]:
        """Lines for the job's log."""
        return (*(f"level {name} refused: {why}" for name, why in self.refused.items()), *self.of_kernels())

    def of_kernels(self) -> tuple[str, ...]:
        """Lines for the job's log about the kernels."""
        return (f"kernels: level {self.level}",)


AnyLevel = TypeVar("AnyLevel", bound=Level)
AnyLowered = TypeVar("AnyLowered", bound=Lowered)


def highest(ladder: Sequence[AnyLevel], first: int, lower: Callable[[AnyLevel], AnyLowered | None]) -> AnyLowered:
    """What `lower` makes on the highest level, from number `first` on, that it can make: None is none of the model's.

    Raises the lowest level's error.
    """
    refused: dict[str, str] = {}
    for number, level in enumerate(ladder[first:-1], first + 1):
        try:
            if (lowered := lower(level)) is not None:
                return replace(lowered, below=number, refused=refused)
        except Exception as error:  # tvm raises many types; the next level skips the pass
            raise_out_of_memory(error)
            refused[level.name] = typed_line(error)
    lowered = lower(ladder[-1])
    assert lowered is not None
    return replace(lowered, refused=refused)
