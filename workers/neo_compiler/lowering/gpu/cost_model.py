"""Which tile of a product a block of threads computes: TILES, and the model that chooses one.

Nothing was timed: no GPU is at hand. The model counts what a tile costs a unit of the GPU: its products, what each
product loads from shared memory and from global memory, and the time in which too few threads leave the unit idle.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from neo_compiler.lowering.gpu.gpu_model import Gpu

FLOAT_BYTES = 4
LANES = 4
"""Numbers that one load takes."""

SHARED_LOAD, GLOBAL_LOAD = 1.0, 8.0
"""What loading a number costs, in fused multiply-adds of a thread."""

RESIDENT = 4
"""Blocks that a unit runs side by side, at most."""


@dataclass(frozen=True)
class Tile:
    """`rows` x `columns` of the result; a thread has `row_items` rows times `vectors` runs of LANES columns."""

    rows: int
    columns: int
    row_items: int
    vectors: int
    depth: int = 16  # steps of the sum between two loads of shared memory
    slices: int = 1  # of the sum, each for a block of its own; a second kernel adds them up

    @property
    def threads(self) -> tuple[int, int]:
        """Of a block: along columns, along rows."""
        return self.columns // (self.vectors * LANES), self.rows // self.row_items

    @property
    def thread_count(self) -> int:
        """Of a block."""
        across, down = self.threads
        return across * down

    @property
    def shared_bytes(self) -> int:
        """Of a block, with the gap that keeps a column's numbers in different banks."""
        return FLOAT_BYTES * self.depth * (self.rows + LANES + self.columns)

    def whole(self, depth: int) -> int:
        """`depth` rounded up to whole loads of every slice."""
        step = self.depth * self.slices
        return -(-depth // step) * step

    @property
    def text(self) -> str:
        """For an annotation; `parse` reads it."""
        return f"{self.rows} {self.columns} {self.row_items} {self.vectors} {self.depth} {self.slices}"

    @staticmethod
    def parse(text: str) -> Tile:
        """The tile of a `text`."""
        return Tile(*map(int, text.split()))


@dataclass(frozen=True)
class Product:
    """`batches` results of `rows` x `columns`, each number the sum of `taps` x `depth` products."""

    rows: int
    columns: int
    depth: int
    taps: int = 1
    batches: int = 1
    whole: bool = False  # whether a tile must not reach beyond the columns

    def takes(self, tile: Tile) -> bool:
        """Whether a tile may be used."""
        return not self.whole or self.columns % tile.columns == 0


TILES = (
    Tile(128, 128, 8, 2),
    Tile(64, 128, 8, 2),
    Tile(128, 64, 8, 2),
    Tile(64, 64, 8, 1),
    Tile(64, 32, 4, 1),
    Tile(32, 64, 4, 1),
    Tile(32, 32, 4, 1),
    Tile(16, 32, 2, 1),
    Tile(16, 64, 2, 1),
    Tile(8, 64, 1, 1),
    Tile(8, 32, 1, 1),
)
"""Where there is shared memory: at most 256 threads of at most 64 sums each."""

SLICES = (1, 2, 4, 8)
"""Of a sum, where its tiles are too few for the GPU."""

LAUNCH, PART = 200e3, 40.0
"""What a second kernel costs (about 2 microseconds), and a number that it reads or the first writes for it, which no
cache may hold; in a unit's fused multiply-adds."""

DEPTHS = (16, 8)
"""Steps of the sum between two loads of shared memory: the one that has fewest zeros at the end."""

REGISTER_TILES = (Tile(32, 64, 4, 2, 4), Tile(32, 32, 4, 1, 4), Tile(16, 32, 2, 1, 4), Tile(8, 64, 1, 1, 4))
"""Where there is none: what a thread loads, only its registers hold."""


MIN_COLUMNS = 32
"""Some tile of each table has them. TVM merges a group's condition on its columns with that on all, so that groups
are made of whole tiles."""


def tile_of(gpu: Gpu, product: Product) -> Tile:
    """The cheapest tile for `product`. Raises ValueError when none fits."""
    if not gpu.shared_bytes:
        return min(filter(product.takes, REGISTER_TILES), key=lambda tile: cost(gpu, tile, product))
    depth = min(DEPTHS, key=lambda step: -(-product.depth // step) * step)
    tiles = [
        replace(tile, depth=depth, slices=slices)
        for tile in TILES
        for slices in SLICES
        if slices == 1 or depth * slices <= product.depth
        if tile.thread_count <= gpu.threads and tile.shared_bytes <= gpu.shared_bytes and product.takes(tile)
    ]
    return min(tiles, key=lambda tile: cost(gpu, tile, product))


def cost(gpu: Gpu, tile: Tile, product: Product) -> float:
    """The time of `product` with `tile`, in a unit's fused multiply-adds."""
    rows, columns = product.rows, product.columns
    blocks = product.batches * tile.slices * -(-rows // tile.rows) * -(-columns // tile.columns)
    rounds = -(-blocks // gpu.units)
    loads = SHARED_LOAD * (1 / tile.row_items + 1 / (tile.vectors * LANES))
    loads += GLOBAL_LOAD * (1 / tile.rows + 1 / tile.columns) if gpu.shared_bytes else 2 / tile.columns
    warps = min(rounds, RESIDENT) * tile.thread_count / 32
    idle = max(1.0, gpu.warps / warps)
    steps = product.taps * tile.whole(product.depth) / tile.slices
    time = rounds * tile.rows * tile.columns * (1 + loads) * idle * steps
    if tile.slices == 1:
        return time
    return time + LAUNCH + 2 * PART * product.batches * tile.slices * rows * columns / gpu.units
