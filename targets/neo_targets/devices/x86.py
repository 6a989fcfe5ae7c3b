"""EC2 instances, edge devices and Windows PCs with an x86 CPU and no accelerator."""

from __future__ import annotations

from neo_targets.architectures import X86_64, X86_64_WINDOWS, X86_WINDOWS, Architecture
from neo_targets.spec import Host, TargetSpec

_EC2 = "neo-ai-dlr container/ec2_compilation_container/tvm_ec2_compiler_utils.py"
_PAGE = "API_OutputConfig names it without a CPU"
_PE = "PE header, imports, exports; run against onnxruntime where Wine for 32 bits is installed"
_WINE = "PE header, imports, exports; run under wine against onnxruntime"
_RUN = "run on an x86-64 host against onnxruntime"


def _row(name: str, cpu: str, source: str) -> TargetSpec:
    return TargetSpec(name, Host(X86_64, cpu), check=_RUN, source=source)


def _windows(name: str, arch: Architecture, check: str, source: str) -> TargetSpec:
    return TargetSpec(name, Host(arch, arch.default_cpu), check=check, source=source)


DEVICES = (
    _row("lambda", "ivybridge", f"{_EC2} (ivybridge; that it means Lambda is our reading)"),
    _row("ml_c4", "haswell", f"{_EC2} (core-avx2 is LLVM's haswell)"),
    _row("ml_m4", "broadwell", "EC2 instance types: m4 runs on Xeon E5-2686 v4 (Broadwell)"),
    _row("ml_c5", "skylake-avx512", f"{_EC2}; TVM's tag aws/cpu/c5.large"),
    _row("ml_m5", "skylake-avx512", f"{_EC2}; EC2 instance types: m5 runs on Xeon Platinum 8175M"),
    _windows("x86_win32", X86_WINDOWS, _PE, f"{_PAGE}: Pentium 4 has the SSE2 that Windows 8 and later ask for"),
    _windows("x86_win64", X86_64_WINDOWS, _WINE, f"{_PAGE}: x86-64-v2 is what Windows 10 and 11 run on today"),
    _row("sbe_c", "core-avx2", "neo-supported-devices-edge-devices: X86_64 {'mcpu': 'core-avx2'}"),
)
