"""EC2 instances and Jetson boards with an NVIDIA GPU."""

from __future__ import annotations

from neo_targets.architectures import ARM64, X86_64, Architecture
from neo_targets.spec import Cuda, Host, TargetSpec

_EDGE = "neo-supported-devices-edge-devices"
_EC2 = "EC2 instance types"
CHECK = "the cubin's ELF header"
NO_TENSORRT = ("TensorRT: kernels are TVM's own",)


def _row(name: str, arch: Architecture, cpu: str, sm: str, source: str) -> TargetSpec:
    host = Host(arch, cpu, arch.default_features)
    return TargetSpec(name, host, Cuda(sm), check=CHECK, source=source, not_compiled=NO_TENSORRT)


DEVICES = (
    _row("ml_p2", X86_64, "broadwell", "sm_37", f"{_EC2}: p2 has the K80"),
    _row("ml_p3", X86_64, "broadwell", "sm_70", f"{_EC2}: p3 has the V100"),
    _row("ml_g4dn", X86_64, "cascadelake", "sm_75", f"{_EC2}: g4dn has the T4"),
    _row("jetson_nano", ARM64, "cortex-a57", "sm_53", f"{_EDGE}: {{'gpu-code': 'sm_53'}}"),
    _row("jetson_tx1", ARM64, "cortex-a57", "sm_53", f"{_EDGE}: {{'gpu-code': 'sm_53'}}"),
    _row("jetson_tx2", ARM64, "cortex-a57", "sm_62", f"{_EDGE}: {{'gpu-code': 'sm_62'}}"),
    _row("jetson_xavier", ARM64, "carmel", "sm_72", f"{_EDGE}: {{'gpu-code': 'sm_72'}}"),
)
