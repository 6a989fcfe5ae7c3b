"""Which tile of a product a block of threads computes: TILES, and the model that chooses one.

Nothing was timed: no GPU is at hand. The model counts what a tile costs a unit of the GPU: its products, what each
product loads from shared memory and from global memory, and the time in which too few threads leave the unit idle.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from neo_workers.compiler.gpu.machine import Gpu

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

    @property
    def text(self) -> str:
        """For an annotation; `parse` reads it."""
        return f"{self.rows} {self.columns} {self.row_items} {self.vectors} {self.depth}"

    @staticmethod
    def parse(text: str) -> Tile:
        """The tile of a `text`."""
        return Tile(*map(int, text.split()))


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

DEPTHS = (16, 8)
"""Steps of the sum between two loads of shared memory: the one that has fewest zeros at the end."""

REGISTER_TILES = (Tile(32, 64, 4, 2, 4), Tile(32, 32, 4, 1, 4), Tile(16, 32, 2, 1, 4), Tile(8, 64, 1, 1, 4))
"""Where there is none: what a thread loads, only its registers hold."""


def tile_of(gpu: Gpu, rows: int, columns: int, depth: int, batches: int = 1) -> Tile:
    """The cheapest tile for `batches` results of `rows` x `columns`, each the sum of `depth` products."""
    shared = gpu.shared_bytes > 0
    fits = [tile for tile in (TILES if shared else REGISTER_TILES) if tile.thread_count <= gpu.threads]
    if shared:
        fits = [tile for tile in fits if tile.shared_bytes <= gpu.shared_bytes]
    tile = min(fits, key=lambda tile: cost(gpu, tile, rows, columns, batches))
    return replace(tile, depth=min(DEPTHS, key=lambda step: -(-depth // step) * step)) if shared else tile


def cost(gpu: Gpu, tile: Tile, rows: int, columns: int, batches: int) -> float:
    """The time of a product with `tile`, per step of its sum, in a unit's fused multiply-adds."""
    blocks = batches * -(-rows // tile.rows) * -(-columns // tile.columns)
    rounds = -(-blocks // gpu.units)
    own_rows, own_columns = tile.row_items, tile.vectors * LANES
    if gpu.shared_bytes:
        loads = SHARED_LOAD * (1 / own_rows + 1 / own_columns) + GLOBAL_LOAD * (1 / tile.rows + 1 / tile.columns)
    else:
        loads = SHARED_LOAD * (1 / own_rows + 1 / own_columns) + 2 / tile.columns
    warps = min(rounds, RESIDENT) * tile.thread_count / 32
    idle = max(1.0, gpu.warps / warps)
    return rounds * tile.rows * tile.columns * (1 + loads) * idle
