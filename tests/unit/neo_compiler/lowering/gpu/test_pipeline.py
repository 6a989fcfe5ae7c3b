"""The way from a module to a GPU's kernels: the ladder, what the job's log says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tvm import relax
from unit.neo_compiler.lowering.cpu.modules import module
from unit.neo_compiler.lowering.gpu.kernels import CASES, lower, recurrent
from unit.neo_compiler.lowering.gpu.test_schedules import cuda

from neo_compiler.codegen import machine_code
from neo_compiler.codegen.cubin import device_source
from neo_compiler.kernels.ordering import extreme_index
from neo_compiler.lowering.gpu import pipeline


def of_case(name: str) -> Any:
    body, shapes = CASES[name]
    return module(body, *shapes)


def test_the_log_says_which_rules_did_it() -> None:
    lowered = lower(of_case("depthwise"), cuda("sm_75"))
    assert lowered.notes() == ("kernels: level fast; by rule: 1 depthwise, 2 dlight fallback",)
    assert lowered.below == 1


def test_what_a_pass_refuses_is_made_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise TypeError("not this one")

    monkeypatch.setattr(pipeline, "pack", refuse)
    lowered = lower(of_case("3x3"), cuda("sm_75"))
    assert (lowered.level, lowered.below) == ("stock", 0)
    assert list(lowered.refused.values()) == ["TypeError: not this one"] * 2
    assert lowered.notes()[0] == "level fast refused: TypeError: not this one"


def test_a_schedule_that_fails_leaves_the_kernel_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "gpu_of", lambda target: None)
    monkeypatch.setattr(pipeline, "pack", lambda made, gpu: made)
    lowered = lower(of_case("matmul"), cuda("sm_75"))
    assert list(lowered.rules.values()) == ["dlight matmul"]


def test_a_recurrent_layer_waits_between_phases() -> None:
    made, _, _ = recurrent("LSTM coupled")
    lowered = lower(made, cuda("sm_75"))
    source = device_source(machine_code.generate(lowered.separated.module, cuda("sm_75")).mod)
    (kernel,) = [part for part in source.split("extern ") if "lstm" in part.split("(")[1] and "{" in part]
    assert kernel.count("__syncthreads") >= 5
    assert "steps" in lowered.rules.values()


@pytest.mark.parametrize(("channels", "parts"), [(32, 1), (256, 2)])
def test_sums_of_whole_numbers_have_schedules(channels: int, parts: int) -> None:
    """Of int32 there are none: they are sums of float32 that are exact."""

    def body(b: Any, x: Any) -> Any:
        weight = relax.const(np.full((8, channels, 3, 3), 57, "int32"))
        real = b.emit(relax.op.subtract(b.emit(relax.op.astype(x, "int32")), relax.const(128, "int32")))
        return b.emit(relax.op.nn.conv2d(real, weight, padding=1))

    lowered = lower(module(body, (1, channels, 8, 8), dtype="uint8"), cuda("sm_75"))
    assert (lowered.level, lowered.refused) == ("fast", {})
    assert list(lowered.rules.values()).count("gemm") == parts, lowered.rules


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(("shape", "axis"), [((4, 1000), 1), ((1, 21, 9, 9), 1), ((3, 5), 0)])
def test_the_place_of_the_greatest_is_made_for_gpus(shape: tuple[int, ...], axis: int, last: bool) -> None:
    def body(b: Any, x: Any) -> Any:
        return b.emit(b.call_te(extreme_index, x, axis, False, True, last))

    lowered = lower(module(body, shape), cuda("sm_75"))
    assert (lowered.level, lowered.refused) == ("fast", {})
    assert "2147483647" in device_source(machine_code.generate(lowered.separated.module, cuda("sm_75")).mod)


def test_memory_that_ran_out_is_not_tried_again_on_a_lower_level(monkeypatch: pytest.MonkeyPatch) -> None:
    def take(*_: Any) -> None:
        raise RuntimeError("TVM: std::bad_alloc")

    monkeypatch.setattr(pipeline, "pack", take)
    with pytest.raises(RuntimeError, match="bad_alloc"):
        lower(of_case("3x3"), cuda("sm_75"))
