"""What a target is: plain frozen data, and the two TVM target dicts that follow from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from neo_targets.pe import AMD64
from neo_targets.runtime import RUNTIMES, Runtime

TargetDict = dict[str, object]


@dataclass(frozen=True)
class Architecture:
    """One value of TargetPlatform.Arch, and how its libraries look."""

    name: str  # AWS's word: X86_64, ARM64, ARM_EABIHF
    triple: str  # LLVM triple
    emulation: str  # ld.lld -m, or lld-link /machine
    elf_class: int  # 32 or 64 bits; 0: not an ELF file, but Windows' PE
    elf_machine: int  # e_machine, or PE's Machine
    default_cpu: str  # for a TargetPlatform without mcpu
    default_features: tuple[str, ...] = ()
    float_abi: str = ""  # "hard": the e_flags of 32-bit ARM must say so
    fast_math: bool = False  # LLVM vectorises 32-bit NEON only then: its NEON is not IEEE (flushes denormals)
    needed: tuple[str, ...] = ("libm.so.6", "libc.so.6")  # shared objects that compiled.so asks for
    runtime: str = ""  # the libdlr of its artifacts, a name in neo_targets.runtime.RUNTIMES


X86_64 = Architecture("X86_64", "x86_64-linux-gnu", "elf_x86_64", 64, 62, "x86-64", runtime="x86_64-linux")
ARM64 = Architecture(
    "ARM64", "aarch64-linux-gnu", "aarch64linux", 64, 183, "generic", ("+neon",), runtime="aarch64-linux"
)
ARM_EABIHF = Architecture(
    "ARM_EABIHF",
    "armv7a-linux-gnueabihf",
    "armelf_linux_eabi",
    32,
    40,
    "generic",
    ("+neon",),
    float_abi="hard",
    fast_math=True,
    needed=(
        "libm.so.6",
        "libgcc_s.so.1",
        "libc.so.6",
    ),  # libgcc: 64-bit integer to float, and the unwinder's names
    runtime="armhf-linux",
)
ARM_EABI = Architecture(
    "ARM_EABI",
    "armv7a-linux-gnueabi",
    "armelf_linux_eabi",
    32,
    40,
    "generic",
    ("+neon",),
    float_abi="soft",
    fast_math=True,
    needed=ARM_EABIHF.needed,
    runtime="armel-linux",
)
X86 = Architecture(
    "X86",
    "i686-linux-gnu",
    "elf_i386",
    32,
    3,
    "pentium4",  # SSE2: without it TVM's float16 and 64-bit integer code is not exact
    needed=ARM_EABIHF.needed,  # libgcc: 64-bit division
    runtime="i686-linux",
)
X86_64_WINDOWS = Architecture(
    "X86_64",
    "x86_64-pc-windows-gnu",
    "x64",
    0,
    AMD64,
    "x86-64-v2",
    needed=("ucrtbase.dll",),
    runtime="x86_64-windows",
)
ARCHITECTURES = {arch.name: arch for arch in (X86_64, X86, ARM64, ARM_EABI, ARM_EABIHF)}
"""Linux architectures that compile today, by AWS's name."""


@dataclass(frozen=True)
class Host:
    """The CPU that calls the kernels, or runs them itself."""

    arch: Architecture
    cpu: str  # LLVM -mcpu
    features: tuple[str, ...] = ()  # LLVM -mattr, each with its + or -
    triple: str = ""  # only where it is not the architecture's

    @property
    def llvm_triple(self) -> str:
        """The LLVM triple, e.g. "aarch64-linux-gnu"."""
        return self.triple or self.arch.triple

    @property
    def windows(self) -> bool:
        """Whether its libraries are Windows'."""
        return self.arch.elf_class == 0

    def tvm(self) -> TargetDict:
        """TVM's target dict of kind llvm."""
        target: TargetDict = {"kind": "llvm", "mtriple": self.llvm_triple, "mcpu": self.cpu}
        if self.features:
            target["mattr"] = list(self.features)
        if self.arch.float_abi:
            target["mfloat-abi"] = self.arch.float_abi
        if self.arch.fast_math:
            target["fast-math"] = True
        return target


@dataclass(frozen=True)
class Cuda:
    """An NVIDIA GPU, as real machine code of one architecture (a cubin)."""

    arch: str  # "sm_75"

    @property
    def sm(self) -> int:
        """The number in a cubin's e_flags, e.g. 75."""
        return int(self.arch.removeprefix("sm_"))

    def tvm(self) -> TargetDict:
        """TVM's target dict of kind cuda; limits that hold for every architecture from sm_35 on."""
        return {
            "kind": "cuda",
            "arch": self.arch,
            "max_threads_per_block": 1024,
            "max_shared_memory_per_block": 49152,  # bytes
            "thread_warp_size": 32,
            "registers_per_block": 32768,
        }


@dataclass(frozen=True)
class TargetSpec:
    """One TargetDevice or TargetPlatform, resolved: what to compile for and how to tell that it was done."""

    name: str  # in the artifact's name: "ml_c5", "LINUX_ARM64_NVIDIA"
    os: str  # AWS's word: LINUX; WINDOWS where only a TargetDevice exists
    host: Host
    device: Cuda | None = None
    library: str = "compiled.so"
    check: str = ""  # how the project's tests verify this row
    source: str = ""  # where the row's facts are from
    not_compiled: tuple[str, ...] = ()  # what Neo would have used and this artifact lacks
    recorded: dict[str, object] = field(default_factory=dict)  # options that change no code, kept for the metadata

    @property
    def arch(self) -> str:
        """AWS's name of the architecture."""
        return self.host.arch.name

    @property
    def accelerator(self) -> str:
        """AWS's name of the accelerator that code is made for, "" for a CPU."""
        return "NVIDIA" if self.device else ""

    @property
    def runtime(self) -> Runtime:
        """The libdlr that goes into its artifacts."""
        return RUNTIMES[self.host.arch.runtime]

    def tvm_host(self) -> TargetDict:
        """TVM's target dict of the CPU."""
        return self.host.tvm()

    def tvm_device(self) -> TargetDict | None:
        """TVM's target dict of the accelerator, None for a CPU target."""
        return self.device.tvm() if self.device else None
