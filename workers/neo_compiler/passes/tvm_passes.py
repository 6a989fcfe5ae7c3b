"""TVM's own passes around the schedules, which CPUs and GPUs share."""

from __future__ import annotations

from typing import Any

import tvm
from tvm import relax
from tvm.target import Target

from neo_compiler.passes.infinite_limits import begin_at_infinity
from neo_compiler.passes.scan_scatter import dependent

Stock = Any
"""A module of tvm.relax.backend with the passes for a kind of target."""


def simplified(module: tvm.IRModule) -> tvm.IRModule:
    """`module` with batch norms and similar operators decomposed."""
    return relax.transform.CanonicalizeBindings()(relax.transform.DecomposeOpsForInference()(module))


def fused(module: tvm.IRModule, target: Target, stock: Stock) -> tvm.IRModule:
    """`module` with operators fused to kernels (PrimFuncs)."""
    transform = relax.transform
    module = dependent(module, target)
    module = _sequence(*stock.library_dispatch_passes(target))(module)
    module = _sequence(transform.LegalizeOps(), transform.AnnotateTIROpPattern())(module)
    return _sequence(transform.FuseOps(), transform.FuseTIR(), transform.DeadCodeElimination())(module)


def finished(module: tvm.IRModule, target: Target, stock: Stock) -> tvm.IRModule:
    """`module` with planned memory, ready for code generation."""
    if target.kind.name == "llvm":  # TVM cannot write infinity in OpenCL C
        module = begin_at_infinity(module)
    return _sequence(*stock.dataflow_lower_passes(target), *stock.finalize_passes(target))(module)


def _sequence(*passes: object) -> tvm.transform.Pass:
    return tvm.transform.Sequential(list(passes))
