"""Selects the tile of each product: the cost model's, or a faster one found by tuning. Does not import tvm."""

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
    """The properties of a convolution or matrix product that determine the fastest tile."""

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
        """A unique name that describes it."""
        shapes = " * ".join("x".join(map(str, shape)) for shape in (self.data, self.weight))
        return " ".join([self.kind, shapes, *(",".join(map(str, numbers)) for numbers in self.window)])

    def candidates(self, machine: Machine) -> list[Tile]:
        """Its possible tiles, the cost model's choice first."""
        return cost_model.candidates(machine, self.rows, self.columns, self.depth, self.bands, self.whole)

    def cycles(self, machine: Machine, tile: Tile) -> float:
        """The cost model's estimate for it."""
        step = cost_model.cycles(machine, tile, self.rows, self.columns, self.depth, self.bands) or 0.0
        return step * self.lines * self.rows * self.columns * self.depth


class Choices:
    """Selects each product's tile and records the products."""

    def __init__(self, known: Mapping[str, str] | None = None) -> None:
        """`known`: Product.name -> Tile.text, used instead of the cost model's choice."""
        self._known = known or {}
        self.asked: Counter[Product] = Counter()  # how often, in the order of the model
        self.used: dict[str, Tile] = {}  # of `known`, those that were given

    def clear(self) -> None:
        """Clears the recorded products, before the model is lowered again."""
        self.asked.clear()
        self.used.clear()

    def tile(self, machine: Machine, product: Product) -> Tile:
        """The product's tile. A known one that does not fit the machine's registers is ignored."""
        self.asked[product] += 1
        if (text := self._known.get(product.name)) is not None:
            for tile in product.candidates(machine):
                if tile.text == text:
                    self.used[product.name] = tile
                    return tile
        return cost_model.choose(machine, product.rows, product.columns, product.depth, product.bands, product.whole)
