"""Facts about the target GPU for the schedules."""

from __future__ import annotations

from dataclasses import dataclass

from tvm.target import Target

KIB = 1 << 10


@dataclass(frozen=True)
class Gpu:
    """A kind of GPU. A unit is what a block of threads runs on: an SM, a shader core, a subslice."""

    name: str
    units: int
    threads: int  # of a block, at most
    shared_bytes: int  # of a block; 0 where shared memory is no faster than any other
    warps: int = 8  # of 32 threads that a unit needs to hide what an instruction waits for


NVIDIA_UNITS = {
    "sm_37": 13,  # one of the two GPUs of a K80
    "sm_53": 1,  # Jetson Nano; TX1 has 2
    "sm_62": 2,  # Jetson TX2
    "sm_70": 80,  # V100
    "sm_72": 8,  # Jetson Xavier
    "sm_75": 40,  # T4
    "sm_80": 108,  # A100
    "sm_86": 80,  # A10
}
"""SMs of the GPU that an architecture's TargetDevice has, or of a usual one. Source: NVIDIA's data sheets."""

OTHER_UNITS = 40

MALI = Gpu("mali", units=4, threads=256, shared_bytes=0, warps=2)
"""Source: Arm 100614, OpenCL developer guide: "OpenCL local and private memories are mapped into main memory"."""

ADRENO = Gpu("adreno", units=2, threads=256, shared_bytes=16 * KIB, warps=4)
INTEL = Gpu("intel_graphics", units=3, threads=256, shared_bytes=32 * KIB, warps=8)


def gpu_of(target: Target) -> Gpu:
    """The Gpu for a GPU target."""
    if target.kind.name == "cuda":
        arch = str(target.attrs["arch"])
        threads, shared = (int(target.attrs[f"max_{name}_per_block"]) for name in ("threads", "shared_memory"))
        return Gpu(arch, NVIDIA_UNITS.get(arch, OTHER_UNITS), threads, shared)
    device = str(target.attrs.get("device", ""))
    return {row.name: row for row in (MALI, ADRENO, INTEL)}.get(device, INTEL)
