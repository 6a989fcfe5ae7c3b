"""Reads Darknet's two files: the .cfg, sections of key=value, and the .weights, a header and float32 numbers.

Source: AlexeyAB/darknet's wiki, "CFG-Parameters"; the header is int32 major, minor, revision and the images seen,
which are int64 from version 0.2 on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[Any]

MAX_LAYERS = 10_000
NET_SECTIONS = ("net", "network")


@dataclass(frozen=True)
class Section:
    """One [section] of a .cfg."""

    kind: str
    index: int  # of the layer; -1 for [net]
    values: dict[str, str]

    def integer(self, key: str, default: int) -> int:
        """A number. Raises ValueError that names the layer."""
        return int(self._number(key, float(default)))

    def number(self, key: str, default: float) -> float:
        """A number that may have a fraction."""
        return self._number(key, default)

    def integers(self, key: str) -> list[int]:
        """A list of numbers between commas; an empty one where there is none."""
        try:
            return [int(float(item)) for item in self.values.get(key, "").split(",") if item.strip()]
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{self}: {key}={self.values[key]!r} is no list of numbers") from error

    def text(self, key: str, default: str) -> str:
        """The value of `key` as text, `default` if it is absent."""
        return self.values.get(key, default)

    def _number(self, key: str, default: float) -> float:
        value = self.values.get(key)
        try:
            number = default if value is None else float(value)
            int(number)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{self}: {key}={value!r} is no number") from error
        return number

    def __str__(self) -> str:
        return f"layer {self.index} [{self.kind}]" if self.index >= 0 else f"[{self.kind}]"


@dataclass(frozen=True)
class Network:
    """A model's two files."""

    cfg: Path
    weights: Path
    net: Section
    layers: list[Section]
    numbers: Weights  # float32, in the order of the layers
    version: str

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """[N, C, H, W] of the input; one image, whatever batch it was trained with."""
        sizes = [self.net.integer(key, default) for key, default in (("channels", 3), ("height", 0), ("width", 0))]
        if min(sizes) < 1:
            raise ValueError("[net] gives no height, width and channels")
        return (1, sizes[0], sizes[1], sizes[2])


def read(cfg: Path, weights: Path) -> Network:
    """Both files. Raises ValueError for what is not Darknet's."""
    sections = _sections(cfg)
    if not sections or sections[0].kind not in NET_SECTIONS:
        raise ValueError(f"{cfg.name} does not begin with [net]")
    if len(sections) < 2:
        raise ValueError(f"{cfg.name} has no layers")
    numbers, version = _numbers(weights)
    network = Network(cfg, weights, sections[0], sections[1:], numbers, version)
    assert network.shape
    return network


def _sections(path: Path) -> list[Section]:
    sections: list[Section] = []
    for count, raw in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        line = raw.partition("#")[0].partition(";")[0].strip()
        if line.startswith("[") and line.endswith("]"):
            sections.append(Section(line[1:-1].strip().lower(), len(sections) - 1, {}))
        elif line:
            key, equals, value = line.partition("=")
            if not equals or not sections:
                raise ValueError(f"{path.name}, line {count} is neither [section] nor key=value: {line[:60]!r}")
            sections[-1].values[key.strip()] = value.strip()
    if len(sections) > MAX_LAYERS:
        raise ValueError(f"{path.name} has more than {MAX_LAYERS} layers")
    return sections


def _numbers(path: Path) -> tuple[Weights, str]:
    data = path.read_bytes()
    if len(data) < 16:
        raise ValueError(f"{path.name} is too short for a weights file: {len(data)} bytes")
    major, minor, revision = (int(number) for number in np.frombuffer(data, "<i4", 3))
    seen_bytes = 8 if major * 10 + minor >= 2 and major < 1000 and minor < 1000 else 4
    body = data[12 + seen_bytes :]
    return np.frombuffer(body[: len(body) // 4 * 4], "<f4"), f"{major}.{minor}.{revision}"
