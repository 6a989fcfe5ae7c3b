"""Which tile each product of a model gets: the cost model's, or a better one that was measured. Imports no tvm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from neo_compiler.lowering.cpu import cost_model
from neo_compiler.lowering.cpu.cost_model import Tile
from neo_compiler.lowering.cpu.cpu_model import Machine

CONVOLUTION, WINOGRAD, MATMUL, BATCHED = "conv", "winograd", "matmul", "batched"
"""Kinds of products; a Winograd convolution's has its m behind it."""


@dataclass(frozen=True)
class Product:
    """A convolution or product of matrices, as far as it decides which tile is fast."""

    kind: str
    data: tuple[int, ...]  # [N, H, W, I] or [..., M, K]
    weight: tuple[int, ...]  # [kH, kW, I, O] or [..., K, N]
    rows: int  # output points in a line
    depth: int  # products in a sum
    lines: int  # of the result, all together
    window: tuple[tuple[int, ...], ...] = ()  # strides, padding, dilation
    whole: bool = False  # only tiles that divide rows and columns, these filled up to whole vectors

    @property
    def columns(self) -> int:
        """Output channels."""
        return self.weight[-1]

    @property
    def bands(self) -> int:
        """How many lines share a panel of the weight before the next one is read: a convolution's of one image."""
        return self.lines // self.data[0] if self.kind == CONVOLUTION else 1

    @property
    def name(self) -> str:
        """What it is in one line, the same for equal products only."""
        shapes = " * ".join("x".join(map(str, shape)) for shape in (self.data, self.weight))
        return " ".join([self.kind, shapes, *(",".join(map(str, numbers)) for numbers in self.window)])

    def candidates(self, machine: Machine) -> list[Tile]:
        """The tiles it may have, the cost model's choice first."""
        return cost_model.candidates(machine, self.rows, self.columns, self.depth, self.bands, self.whole)

    def cycles(self, machine: Machine, tile: Tile) -> float:
        """What the cost model expects of it."""
        step = cost_model.cycles(machine, tile, self.rows, self.columns, self.depth, self.bands) or 0.0
        return step * self.lines * self.rows * self.columns * self.depth


class Choices:
    """Gives each product its tile and remembers which were asked for."""

    def __init__(self, known: Mapping[str, str] | None = None) -> None:
        """`known`: Product.name -> Tile.text, in place of the cost model's choice."""
        self._known = known or {}
        self.asked: Counter[Product] = Counter()  # how often, in the order of the model
        self.used: dict[str, Tile] = {}  # of `known`, those that were given

    def clear(self) -> None:
        """Forgets what was asked for: the model is lowered once more."""
        self.asked.clear()
        self.used.clear()

    def tile(self, machine: Machine, product: Product) -> Tile:
        """The product's tile. A known one that does not fit this machine's registers counts for nothing."""
        self.asked[product] += 1
        if (text := self._known.get(product.name)) is not None:
            for tile in product.candidates(machine):
                if tile.text == text:
                    self.used[product.name] = tile
                    return tile
        return cost_model.choose(machine, product.rows, product.columns, product.depth, product.bands, product.whole)
