"""The ladder: a model that a pass refuses is compiled without the pass, and the log says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tvm import relax
from tvm.target import Target
from unit.neo_compiler.lowering.cpu.modules import lower, module, run, sample, stock, weight

from neo_compiler.lowering.cpu import pipeline, schedules

R = relax.op


def net(builder: Any, x: Any) -> Any:
    y = builder.emit(R.nn.conv2d(x, weight(16, 8, 3, 3), padding=1))
    return builder.emit(R.nn.softmax(builder.emit(R.mean(y, [2, 3])), -1))


def refuse(*_: object) -> Any:
    raise RuntimeError("some stack\nI do not like this model")


@pytest.mark.parametrize(
    ("broken", "level"),
    [((), 0), (("channels_last",), 1), (("channels_last", "pack"), 2), (("channels_last", "pack", "fast_math"), 3)],
)
def test_ladder(broken: tuple[str, ...], level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in broken:
        monkeypatch.setattr(pipeline, name, refuse)
    made, x = module(net, (1, 8, 9, 9)), sample(1, 8, 9, 9)
    lowered = lower(made)
    ladder = [row for row in pipeline.LADDER if not row.only_quantised]
    assert lowered.level == ladder[level].name
    assert list(lowered.refused) == [row.name for row in ladder[:level]]
    assert all("I do not like this model" in note for note in lowered.notes()[:-1])
    assert np.allclose(run(lowered, x), stock(made, x), atol=1e-6)


def test_a_kernel_without_a_schedule_is_named_and_still_right(monkeypatch: pytest.MonkeyPatch) -> None:
    row = schedules.Schedule("broken", lambda kernel, block: kernel.is_reduction(block), refuse)
    monkeypatch.setattr(schedules, "SCHEDULES", (row,))
    made, x = module(net, (1, 8, 9, 9)), sample(1, 8, 9, 9)
    lowered = lower(made)
    assert lowered.level == "fast"
    assert len(lowered.unscheduled) >= 2
    for name, why in lowered.unscheduled.items():
        assert f"kernel {name} has no schedule: {why}" in lowered.notes()
        assert "I do not like this model" in why
    assert np.allclose(run(lowered, x), stock(made, x), atol=1e-6)


def test_ready_kernels_are_left_alone() -> None:
    lowered = lower(module(net, (1, 8, 9, 9)))
    kernels = lowered.separated.module
    again, left = schedules.schedule_kernels(kernels, pipeline.machine_of(Target("llvm")))
    assert left == {}
    assert all(again[name].same_as(kernels[name]) for name in kernels.get_global_vars())
