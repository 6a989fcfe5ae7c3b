"""Facts about the target CPU for the schedules, derived from the TVM target."""

from __future__ import annotations

from dataclasses import dataclass, replace

import tvm
from tvm.target import Target

from neo_compiler.passes.quantization.dot_instructions import SDOT, VNNI, Dot

_get_features = tvm.get_global_func("target.llvm_get_cpu_features")

FLOAT_BYTES = 4
KIB = 1 << 10


@dataclass(frozen=True)
class Machine:
    """A kind of CPU. `lanes` is the number of float32 values in a vector register."""

    name: str
    lanes: int
    registers: int  # vector registers
    fma_per_cycle: float  # vectors; a multiplication and an addition where the CPU has no fused instruction
    loads_per_cycle: float  # vectors or broadcast values
    fma_latency: float  # cycles until the sum can be used again
    memory_operands: bool  # an instruction can read one factor from memory
    l1_bytes: int = 32 * KIB
    l2_bytes: int = 512 * KIB
    unroll_k: int = 1  # unrolled steps of a product's inner loop
    overwrites: bool = False  # an instruction's result takes the place of a factor; two spread a number over a vector
    ahead_bytes: int = 0  # how far ahead weights are prefetched; 0: left to the CPU
    window: tuple[int, int] | None = None  # vectors, sums of a depthwise tile whose image has its border in memory
    dot: Dot | None = None  # the instruction for products of bytes
    by_element: bool = False  # one number of a vector register can be a factor: `unroll_k` steps' are loaded at once

    @property
    def half(self) -> int:
        """Lanes of the smallest useful vector."""
        return max(4, self.lanes // 2)

    def vector(self, width: int) -> int:
        """The widest power of two of lanes that divides `width`."""
        lanes = self.lanes
        while width % lanes:
            lanes //= 2
        return lanes


AVX512 = Machine("avx512", 16, 32, 2, 2, 4, True, 32 * KIB, 1024 * KIB, ahead_bytes=2 * KIB)
AVX512_ONE = Machine("avx512 in halves", 16, 32, 1, 1, 4, True, 32 * KIB, 1024 * KIB)
AVX2 = Machine("avx2", 8, 16, 2, 2, 4, True)
AVX = Machine("avx", 8, 16, 1, 1, 7, True, l2_bytes=256 * KIB)
SSE = Machine("sse", 4, 16, 1, 2, 7, True, l2_bytes=256 * KIB, overwrites=True)
SSE_32 = Machine("sse of 32-bit code", 4, 8, 1, 2, 7, True, l2_bytes=256 * KIB, overwrites=True)
NEON = Machine("neon", 4, 32, 2, 2, 4, False, unroll_k=4, by_element=True, window=(2, 14))
NEON_LITTLE = replace(NEON, name="neon of a small core", fma_per_cycle=1, loads_per_cycle=1, l2_bytes=256 * KIB)
NEON_32 = Machine("neon of 32-bit code", 4, 16, 1, 1, 4, False, l2_bytes=256 * KIB, unroll_k=2, window=(1, 4))
SCALAR = Machine("no vectors", 1, 8, 1, 1, 4, False)

LITTLE = ("cortex-a35", "cortex-a53", "cortex-a55")
"""In-order ARM cores: at most one vector instruction per cycle."""

HALVES = ("znver4",)
"""CPUs that take two cycles for an AVX-512 instruction."""


def machine_of(target: Target) -> Machine:
    """The Machine for a CPU target. LLVM's vector width is not usable: it is 512 for every x86 CPU in TVM 0.27."""
    features = {str(name) for name in _get_features(target)}
    triple, cpu = str(target.attrs.get("mtriple", "")), str(target.attrs.get("mcpu", ""))
    machine = _vectors(features, triple, cpu)
    return replace(machine, dot=_dot(features, triple))


def _dot(features: set[str], triple: str) -> Dot | None:
    if triple.startswith(("aarch64", "arm64")):
        return SDOT if "dotprod" in features else None
    return VNNI if {"avx512vnni", "avxvnni"} & features else None


def _vectors(features: set[str], triple: str, cpu: str) -> Machine:
    if triple.startswith(("aarch64", "arm64")):
        return NEON_LITTLE if cpu in LITTLE else NEON
    if triple.startswith(("arm", "thumb")):
        return NEON_32 if "neon" in features else SCALAR
    if "avx512f" in features:
        return AVX512_ONE if cpu in HALVES else AVX512
    if "avx2" in features and "fma" in features:
        return AVX2
    if "avx" in features:
        return AVX
    if "sse2" in features:
        return (
            SSE if "64bit" in features or (triple.startswith(("x86_64", "")) and not triple.startswith("i")) else SSE_32
        )
    return SCALAR
