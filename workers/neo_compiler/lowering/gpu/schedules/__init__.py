"""RULES: a schedule for each kind of kernel on a GPU. To add one, add a file and a row here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tvm
from tvm import s_tir, tirx
from tvm.s_tir import dlight
from tvm.target import Target

from neo_compiler.errors import raise_out_of_memory
from neo_compiler.lowering.gpu.gpu_model import Gpu
from neo_compiler.lowering.gpu.schedules import depthwise, gemm, recurrent, small_reduction

TENSOR_CORES, NO_TENSOR_CORES = 70, "sm_62"

STEPS = "steps"
"""The rule for kernels written as loops instead of blocks."""

SCHEDULED = "tirx.is_scheduled"
"""TVM's attribute of a function that must not be scheduled again."""


@dataclass(frozen=True)
class Rule:
    """A way to schedule a complete kernel; `apply` returns None if it does not fit."""

    name: str
    apply: Callable[[Any, Gpu, Target], s_tir.Schedule | None]


def _template(module: Any) -> Callable[[Any, Gpu, Target], s_tir.Schedule | None]:
    def apply(function: Any, gpu: Gpu, target: Target) -> s_tir.Schedule | None:
        sch = s_tir.Schedule(function)
        block = module.find(sch)
        if block is None:
            return None
        module.schedule(sch, block, gpu)
        return sch

    return apply


def _dlight(rule: Any) -> Callable[[Any, Gpu, Target], s_tir.Schedule | None]:
    return lambda function, gpu, target: rule.apply(function, _plain(target), False)


def _plain(target: Target) -> Target:
    """`target` as DLight shall see it: without tensor cores, for which it tensorises. That ends TVM 0.27's process."""
    if target.kind.name != "cuda" or int(str(target.attrs["arch"]).removeprefix("sm_")) < TENSOR_CORES:
        return target
    return Target({**target.export(), "arch": NO_TENSOR_CORES})


RULES = (
    Rule("gemm", _template(gemm)),
    Rule("depthwise", _template(depthwise)),
    Rule("dlight matmul", _dlight(dlight.gpu.Matmul())),
    Rule("dlight gemv", _dlight(dlight.gpu.GEMV())),
    Rule("dlight transpose", _dlight(dlight.gpu.Transpose())),
    Rule("sums", _template(small_reduction)),
    Rule("dlight reduction", _dlight(dlight.gpu.Reduction())),
    Rule("dlight general reduction", _dlight(dlight.gpu.GeneralReduction())),
    Rule("dlight fallback", _dlight(dlight.gpu.Fallback())),
)
"""The first row that fits a kernel is used. A row that fails is skipped; the last one fits all kernels."""


def schedule_kernels(module: tvm.IRModule, gpu: Gpu, target: Target) -> tuple[tvm.IRModule, dict[str, str]]:
    """Returns (`module` with scheduled kernels, {kernel: rule}); skips scheduled kernels."""
    rules: dict[str, str] = {}
    functions = dict(module.functions_items())
    for name, function in functions.items():
        if isinstance(function, tirx.PrimFunc) and recurrent.applies(function):
            functions[name], rules[name.name_hint] = recurrent.schedule(function, target), STEPS
        elif isinstance(function, tirx.PrimFunc) and not (function.attrs or {}).get(SCHEDULED, False):
            try:
                functions[name], rules[name.name_hint] = schedule(function, gpu, target)
            except Exception as error:  # tvm raises many types
                raise ValueError(f"Not supported on GPUs: {name.name_hint}") from error
    return tvm.IRModule(functions, attrs=module.attrs), rules


def schedule(function: Any, gpu: Gpu, target: Target) -> tuple[Any, str]:
    """Returns (scheduled `function`, rule). Raises what the last rule raises, and ValueError if none fits."""
    for rule in RULES:
        try:
            sch = rule.apply(function, gpu, target)
        except Exception as error:  # a failing schedule must not fail the model
            raise_out_of_memory(error)
            if rule is RULES[-1]:
                raise
            continue
        if sch is not None and (rule is RULES[-1] or is_bound(sch)):
            scheduled = sch.mod["main"].with_attrs(dict(function.attrs or {}))
            return scheduled.with_attr(SCHEDULED, True), rule.name
    raise ValueError("no rule fits it")


def is_bound(sch: s_tir.Schedule) -> bool:
    """Whether the entire kernel runs on the GPU: some rules leave unexpected parts to the host."""
    blocks = sch.get_child_blocks(sch.get_sblock("root"))
    return all(any(sch.get(loop).thread_binding is not None for loop in sch.get_loops(block)) for block in blocks)


__all__ = ["RULES", "Rule", "schedule", "schedule_kernels"]
