"""Selects products and tiles to measure, and the fastest tiles."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tvm.target import Target

from neo_compiler.errors import last_line
from neo_compiler.lowering.cpu.cost_model import Tile
from neo_compiler.lowering.cpu.cpu_model import Machine, machine_of
from neo_compiler.lowering.cpu.tile_selection import Product
from neo_compiler.tuning.candidate import Racer, TrialError, write
from neo_compiler.tuning.database import Database
from neo_targets.spec import TargetSpec

MIN_SHARE = 0.01
"""Products with a smaller share of the model's expected time are not tuned."""

MIN_GAIN = 0.02
"""Minimum gain of a tile; less may be noise."""

MAX_ERROR = 1e-4
"""Maximum difference of a tile's outputs from those of the cost model's tile, relative to the largest."""

MAX_TRIALS, PER_WIDTH = 8, 2
"""Maximum number of tiles measured per product, including the cost model's, and per panel width."""

RACE_SECONDS = 0.4
"""How long the tiles of a product are measured in turns."""

LOAD_SECONDS = 20.0
"""Timeout for the first run of a kernel."""


@dataclass(frozen=True)
class Race:
    """The comparison of a product's fastest other tile with the cost model's."""

    chosen: str
    fastest: str
    chosen_seconds: float
    seconds: float
    trials: int  # number of tiles measured

    @property
    def gain(self) -> float:
        """The fraction of time saved; negative if the other tile is slower."""
        return 1 - self.seconds / self.chosen_seconds if self.chosen_seconds else 0.0


@dataclass(frozen=True)
class Outcome:
    """The result of tuning a model."""

    won: int  # number of products with a faster tile
    complete: bool  # whether all worthwhile products have been tried, now or before


class Tuner:
    """Times tiles for one target on this machine."""

    def __init__(
        self, spec: TargetSpec, target: Target, database: Database, folder: Path, say: Callable[[str], None]
    ) -> None:
        """`folder` is for trials, which are removed; `say` is called with lines for the job's log."""
        self._spec, self._target, self._database, self._folder, self._say = spec, target, database, folder, say
        self._machine: Machine = machine_of(target)

    def run(self, asked: Counter[Product], deadline: float) -> Outcome:
        """Tunes the products of a model, the slowest first, until `deadline`, a time of time.monotonic()."""
        begun = time.monotonic()
        wanted = worth_it(asked, self._machine)
        todo = [product for product in wanted if product.name not in self._database.entries]
        self._say(f"tuning: {len(todo)} of {len(wanted)} kernels to try, {max(0.0, deadline - begun):.1f} s")
        won = tried = 0
        longest = 0.0
        for product in todo:
            start = time.monotonic()
            if start + longest >= deadline:
                break
            try:
                won += self._try(product, asked[product], deadline)
                tried += 1
            except TimeoutError:
                self._say(f"tuning {product.name}: no time was left to finish it")
                break
            longest = max(longest, time.monotonic() - start)
        taken = time.monotonic() - begun
        self._say(f"tuning ended: {tried} kernels tried, {won} faster, {len(todo) - tried} left, {taken:.1f} s")
        return Outcome(won, tried == len(todo))

    def _try(self, product: Product, count: int, deadline: float) -> bool:
        """Tunes one product and stores the result. Returns whether a tile won. Raises TimeoutError at the deadline."""
        begun = time.monotonic()
        folder = self._folder / "trials"
        try:
            with Racer(self._spec.runtime.library) as racer:
                race = self._race(racer, product, folder, deadline)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        won = race.gain >= MIN_GAIN
        tile, seconds = (race.fastest, race.seconds) if won else (race.chosen, race.chosen_seconds)
        try:
            self._database.add(product.name, tile, race.chosen, seconds, race.chosen_seconds)
        except OSError as error:
            self._say(f"tuning: not kept for other jobs: {error}")
        times = f"{race.chosen_seconds * 1e3:.3f} ms -> {race.seconds * 1e3:.3f} ms, gain {100 * race.gain:.1f} %"
        verdict = "wins over" if won else "is not kept instead of"
        self._say(
            f"tuning {product.name} (x{count}): {race.fastest} {verdict} {race.chosen}, {times}, "
            f"{race.trials} tiles timed in {time.monotonic() - begun:.1f} s"
        )
        return won

    def _race(self, racer: Racer, product: Product, folder: Path, deadline: float) -> Race:
        """Builds and times the tiles of a product. Raises TimeoutError at the deadline.

        The fastest is measured again against the cost model's tile, in a new process and loaded in reverse order:
        of several tiles one may be the fastest by chance, and the location of its data in memory is chance, too.
        """
        tiles = selection(product.candidates(self._machine))
        ready: list[tuple[str, int, Path]] = []  # tile, index in the racer, folder
        for number, tile in enumerate(tiles):
            made = folder / str(number)
            if self._load(racer, product, tile, made, deadline):
                ready.append((tile.text, racer.count - 1, made))
            if not ready:
                break  # nothing to compare the others with
        chosen = tiles[0].text
        if len(ready) < 2:
            return Race(chosen, chosen, 0.0, 0.0, len(ready))
        try:
            times = racer.time([index for _, index, _ in ready], RACE_SECONDS, deadline)
            fastest = min(range(1, len(ready)), key=times.__getitem__)
            with Racer(self._spec.runtime.library) as another:
                for index in (fastest, 0):
                    another.load(ready[index][2], deadline)
                after, before = another.time([0, 1], RACE_SECONDS, deadline)
        except TrialError as error:
            _check(deadline)
            self._say(f"tuning {product.name}: {error}")
            return Race(chosen, chosen, 0.0, 0.0, len(ready))
        ratio = max(after / before, times[fastest] / times[0])
        return Race(chosen, ready[fastest][0], before, before * ratio, len(ready))

    def _load(self, racer: Racer, product: Product, tile: Tile, folder: Path, deadline: float) -> bool:
        """Whether the tile runs and its outputs equal the first one's. Raises TimeoutError at the deadline."""
        _check(deadline)
        try:
            write(product, tile, self._spec, self._target, folder)
            differs = racer.load(folder, min(deadline, time.monotonic() + LOAD_SECONDS))
        except Exception as error:  # tvm raises many types; a trial's failure is never the job's
            _check(deadline)
            self._say(f"tuning {product.name}: {tile.text} is left out: {last_line(error)}")
            return False
        if differs > MAX_ERROR:
            self._say(f"tuning {product.name}: {tile.text} is left out: its numbers differ by {differs:.1e}")
        return differs <= MAX_ERROR


def worth_it(asked: Counter[Product], machine: Machine) -> list[Product]:
    """The products with a sufficient share of the expected time and several tiles, the slowest first."""
    cycles = {product: product.cycles(machine, product.candidates(machine)[0]) * asked[product] for product in asked}
    total = sum(cycles.values())
    found = [product for product in asked if cycles[product] >= MIN_SHARE * total]
    return sorted(found, key=lambda product: (-cycles[product], product.name))


def selection(tiles: list[Tile]) -> list[Tile]:
    """The tiles to measure from `tiles`, which are sorted by cost: the best few of each width."""
    taken: Counter[int] = Counter()
    found: list[Tile] = []
    for tile in tiles:
        taken[tile.columns] += 1
        if taken[tile.columns] <= PER_WIDTH:
            found.append(tile)
    return found[:MAX_TRIALS]


def _check(deadline: float) -> None:
    """Raises TimeoutError after the deadline."""
    if time.monotonic() >= deadline:
        raise TimeoutError
