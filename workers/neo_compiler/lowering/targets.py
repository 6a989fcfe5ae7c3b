"""Converts a TargetSpec to a tvm Target, after checks for which LLVM would only print warnings."""

from __future__ import annotations

import tvm
from tvm.target import Target
from tvm.target.codegen import llvm_get_cpu_archlist, llvm_is_valid_cpu

from neo_compiler.errors import CompilationError
from neo_targets.spec import TargetSpec

_get_features = tvm.get_global_func("target.llvm_get_cpu_features")

CPUINFO_NAMES = {
    "avx": "avx",
    "avx2": "avx2",
    "avx512bw": "avx512bw",
    "avx512cd": "avx512cd",
    "avx512dq": "avx512dq",
    "avx512f": "avx512f",
    "avx512vl": "avx512vl",
    "avx512vnni": "avx512_vnni",
    "avxvnni": "avx_vnni",
    "bmi": "bmi1",
    "bmi2": "bmi2",
    "f16c": "f16c",
    "fma": "fma",
    "sse4.2": "sse4_2",
    "sve": "sve",
    "dotprod": "asimddp",
    "fullfp16": "asimdhp",
    "lse": "atomics",
}
"""LLVM's feature -> name in /proc/cpuinfo, for features that compiled code may use."""


def tvm_target(spec: TargetSpec) -> Target:
    """The tvm Target of `spec`. Raises CompilationError for a CPU or feature that LLVM does not support.

    LLVM would print a warning and continue with the generic CPU.
    """
    host = spec.host
    if not llvm_is_valid_cpu(host.cpu, host.llvm_triple):
        known = sorted(str(cpu) for cpu in llvm_get_cpu_archlist(Target({"kind": "llvm", "mtriple": host.llvm_triple})))
        raise CompilationError(
            f"CompilerOptions mcpu: {host.cpu!r} is not a CPU of {host.llvm_triple}; supported are {', '.join(known)}"
        )
    target = Target(spec.tvm_host())
    wanted = {feature[1:] for feature in host.features}
    switched_on = Target({**spec.tvm_host(), "mattr": [f"+{name}" for name in sorted(wanted)]})
    unknown = sorted(wanted - set(_features(switched_on)))
    if unknown:
        raise CompilationError(
            f"CompilerOptions mattr: {host.llvm_triple} has no feature {', '.join(unknown)}; "
            f"{host.cpu} has {', '.join(_features(target))}"
        )
    device = spec.tvm_device()
    return target if device is None else Target(device, host=target)


def cpu_flags(spec: TargetSpec) -> list[str]:
    """The flags that /proc/cpuinfo of a machine must have to run the compiled code, sorted."""
    enabled = set(_features(Target(spec.tvm_host())))
    if "avx512vnni" in enabled:  # LLVM takes its form of the instructions then
        enabled.discard("avxvnni")
    return sorted(CPUINFO_NAMES[name] for name in enabled if name in CPUINFO_NAMES)


def _features(target: Target) -> list[str]:
    return sorted(str(name) for name in _get_features(target))
