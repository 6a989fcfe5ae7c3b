"""Tuning for real, on small products: what is tried, what is left out, what is kept."""

from __future__ import annotations

import shutil
import signal
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.waiting import until

from neo_compiler.artifact.bundle import PARAMS
from neo_compiler.lowering.cpu.cost_model import Tile
from neo_compiler.lowering.cpu.cpu_model import AVX512, machine_of
from neo_compiler.lowering.cpu.tile_selection import CONVOLUTION, MATMUL, Product
from neo_compiler.lowering.targets import tvm_target
from neo_compiler.runtime.execute import this_cpu_flags
from neo_compiler.tuning import tuner as module
from neo_compiler.tuning.candidate import Racer, TrialError, write
from neo_compiler.tuning.database import Database
from neo_compiler.tuning.tuner import MAX_TRIALS, PER_WIDTH, Race, Tuner, selection, worth_it
from neo_targets import registry
from neo_targets.spec import TargetSpec

MATRIX = Product(MATMUL, (12, 32), (32, 24), 12, 32, 1)
CONV = Product(CONVOLUTION, (1, 9, 9, 16), (3, 3, 16, 24), 9, 144, 9, ((1, 1), (1, 1, 1, 1), (1, 1)))


@pytest.fixture
def spec() -> TargetSpec:
    """This machine's, as far as the tests know one."""
    if "sse2" not in this_cpu_flags():
        pytest.skip("times code for x86-64")
    return registry.resolve({"TargetPlatform": {"Os": "LINUX", "Arch": "X86_64"}})


class Tuned:
    """A tuner with what it said and kept."""

    def __init__(self, spec: TargetSpec, folder: Path) -> None:
        self.said: list[str] = []
        self.database, self.folder = Database(folder / "kept", spec), folder / "work"
        self.tuner = Tuner(spec, tvm_target(spec), self.database, self.folder, self.said.append)

    def run(self, *products: Product, seconds: float = 3600) -> module.Outcome:
        return self.tuner.run(Counter(products), time.monotonic() + seconds)

    def lines(self, text: str) -> list[str]:
        return [line for line in self.said if text in line]


def test_a_product_is_tried_once(spec: TargetSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RACE_SECONDS", 0.01)
    first = Tuned(spec, tmp_path)
    outcome = first.run(MATRIX, CONV, CONV)
    assert outcome.complete
    assert outcome.won == len(first.database.tiles)
    assert first.said[0].startswith("tuning: 2 of 2 kernels to try, ")
    assert len(first.lines("tiles timed in")) == 2
    assert len(first.lines(f"tuning {CONV.name} (x2): ")) == 1
    assert not any((tmp_path / "work").iterdir())  # of trials nothing is left
    again = Tuned(spec, tmp_path)
    again.database.read()
    assert again.database.entries == first.database.entries
    assert again.run(MATRIX, CONV) == module.Outcome(0, True)
    assert again.said[0].startswith("tuning: 0 of 2 kernels to try, ")


def test_without_time_nothing_is_tried(spec: TargetSpec, tmp_path: Path) -> None:
    tuned = Tuned(spec, tmp_path)
    assert tuned.run(MATRIX, seconds=0) == module.Outcome(0, False)
    assert tuned.said[-1].startswith("tuning ended: 0 kernels tried, 0 faster, 1 left")


def test_what_is_cut_short_is_not_kept(spec: TargetSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*arguments: Any) -> None:
        write(*arguments)
        until(lambda: time.monotonic() > end)

    monkeypatch.setattr(module, "write", slow)
    tuned = Tuned(spec, tmp_path)
    end = time.monotonic() + 3
    assert tuned.tuner.run(Counter([MATRIX]), end) == module.Outcome(0, False)
    assert tuned.lines("no time was left to finish it")
    assert tuned.database.entries == {}


def test_trials_that_crash_or_compute_something_else_are_left_out(
    spec: TargetSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(product: Product, tile: Tile, spec: TargetSpec, target: Any, folder: Path) -> None:
        number = folder.name
        if number == "1":
            raise RuntimeError("Traceback\n  no such schedule")
        write(product, tile, spec, target, folder)
        if number == "2":
            (folder / spec.library).write_bytes((folder / spec.library).read_bytes()[:64])
        if number == "3":  # other weights
            data = (folder / PARAMS).read_bytes()
            (folder / PARAMS).write_bytes(data[:-40] + b"\0\0\x80\x40" * 10)

    monkeypatch.setattr(module, "write", broken)
    monkeypatch.setattr(module, "RACE_SECONDS", 0.01)
    tuned = Tuned(spec, tmp_path)
    product = replace(MATRIX, weight=(32, 64))
    tiles = selection(product.candidates(machine_of(tvm_target(spec))))
    assert len(tiles) > 4
    assert tuned.run(product).complete
    assert tuned.lines(f"{tiles[1].text} is left out: no such schedule")
    assert len(tuned.lines("is left out")) == 3
    assert tuned.lines(f"{tiles[3].text} is left out: its numbers differ by ")
    assert tuned.lines(f"{len(tiles) - 3} tiles timed in ")


def test_a_product_whose_own_tile_fails_keeps_it(
    spec: TargetSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("nothing works")

    monkeypatch.setattr(module, "write", broken)
    tuned = Tuned(spec, tmp_path)
    assert tuned.run(MATRIX) == module.Outcome(0, True)
    assert tuned.database.tiles == {}
    assert len(tuned.lines("is left out: nothing works")) == 1


@pytest.mark.parametrize(
    ("times", "won"),
    [
        ([[1.0, 0.9, 0.95], [0.9, 1.0]], True),
        ([[1.0, 0.9, 0.95], [0.99, 1.0]], False),
        ([[1.0, 0.985, 2], [0.5, 1.0]], False),
    ],
    ids=["twice", "only in the first race", "only alone"],
)
def test_a_tile_must_win_twice_and_clearly(
    times: list[list[float]], won: bool, spec: TargetSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_TRIALS", 3)
    monkeypatch.setattr(Racer, "time", lambda *_: times.pop(0))
    tuned = Tuned(spec, tmp_path)
    assert tuned.run(MATRIX).won == won
    entry = tuned.database.entries[MATRIX.name]
    assert entry.won is won
    assert (
        tuned.lines(f"{entry.tile} wins over {entry.chosen}, 1000.000 ms -> 900.000 ms, gain 10.0 %")
        if won
        else (tuned.lines("is not kept instead of"))
    )


def test_a_racer_outlives_a_crash(spec: TargetSpec, tmp_path: Path) -> None:
    target = tvm_target(spec)
    tiles = MATRIX.candidates(machine_of(target))
    write(MATRIX, tiles[0], spec, target, tmp_path / "0")
    shutil.copytree(tmp_path / "0", tmp_path / "bad")
    (tmp_path / "bad" / "compiled_model.json").write_text("{}")
    write(MATRIX, tiles[1], spec, target, tmp_path / "1")
    far = time.monotonic() + 3600
    with Racer(spec.runtime.library) as racer:
        assert racer.load(tmp_path / "0", far) == 0
        with pytest.raises(TrialError, match="it ended with status 1"):
            racer.load(tmp_path / "bad", far)
        assert racer.load(tmp_path / "1", far) < 1e-6
        assert racer.count == 2
        assert all(seconds > 0 for seconds in racer.time([0, 1], 0.01, far))
        racer._process.kill()
        with pytest.raises(TrialError, match="it was killed by signal 9"):
            racer.time([0], 0.01, far)
        with pytest.raises(TrialError):
            racer.load(tmp_path / "bad", far)
        assert racer.time([1], 0.01, far)
        racer._process.send_signal(signal.SIGSTOP)
        with pytest.raises(TrialError, match="it took too long"):
            racer.time([0], 0.01, time.monotonic() + 0.1)


def test_the_slowest_products_come_first_and_small_ones_are_left_alone() -> None:
    small = replace(MATRIX, data=(1, 32), rows=1)
    often = replace(CONV, lines=90)
    assert worth_it(Counter({small: 1, CONV: 5, often: 2}), AVX512) == [often, CONV]
    assert worth_it(Counter(), AVX512) == []


def test_selection_takes_the_cheapest_of_several_widths() -> None:
    tiles = CONV.candidates(AVX512)
    found = selection(tiles)
    assert found[0] == tiles[0]
    assert len(found) <= MAX_TRIALS
    assert max(Counter(tile.columns for tile in found).values()) <= PER_WIDTH
    assert len({tile.columns for tile in found}) > 1


def test_gain() -> None:
    assert Race("a", "b", 2.0, 1.5, 2).gain == 0.25
    assert Race("a", "a", 0.0, 0.0, 1).gain == 0
