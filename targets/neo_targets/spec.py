"""Targets as frozen data classes, and the TVM target dictionaries derived from them."""

from __future__ import annotations

from dataclasses import dataclass, field

from neo_targets.architectures import ANDROID, WINDOWS, Architecture
from neo_targets.runtime import RUNTIMES, Runtime

TargetDict = dict[str, object]


@dataclass(frozen=True)
class Host:
    """The CPU, which runs the kernels or launches them on an accelerator."""

    arch: Architecture
    cpu: str  # LLVM -mcpu
    features: tuple[str, ...] = ()  # LLVM -mattr, each with + or -
    triple: str = ""  # "" for the architecture's
    api_level: int = 0  # for Android; 0 elsewhere

    @property
    def llvm_triple(self) -> str:
        """The LLVM triple, e.g. "aarch64-linux-gnu" or "aarch64-linux-android28"."""
        return (self.triple or self.arch.triple) + (str(self.api_level) if self.api_level else "")

    @property
    def windows(self) -> bool:
        """Whether the operating system is Windows."""
        return self.arch.os == WINDOWS

    @property
    def library(self) -> str:
        """The file name of the compiled library."""
        return "compiled.dll" if self.windows else "compiled.so"

    def tvm(self) -> TargetDict:
        """TVM's target dict of kind llvm."""
        target: TargetDict = {"kind": "llvm", "mtriple": self.llvm_triple, "mcpu": self.cpu}
        if self.features:
            target["mattr"] = list(self.features)
        if self.arch.float_abi:
            target["mfloat-abi"] = self.arch.float_abi
        return target


@dataclass(frozen=True)
class Cuda:
    """An NVIDIA GPU, for which machine code of one architecture is compiled (a cubin)."""

    arch: str  # "sm_75"
    accelerator: str = "NVIDIA"  # AWS's name

    @property
    def sm(self) -> int:
        """The number in a cubin's e_flags, e.g. 75."""
        return int(self.arch.removeprefix("sm_"))

    @property
    def label(self) -> str:
        """What it is, in a few words."""
        return f"{self.accelerator} {self.arch}"

    def tvm(self) -> TargetDict:
        """TVM's target dict of kind cuda, with limits that apply to every architecture from sm_35 on."""
        return {
            "kind": "cuda",
            "arch": self.arch,
            "max_threads_per_block": 1024,
            "max_shared_memory_per_block": 49152,  # bytes
            "thread_warp_size": 32,
            "registers_per_block": 32768,
        }


@dataclass(frozen=True)
class OpenCl:
    """A GPU whose driver compiles OpenCL C when the model is loaded."""

    device: str  # TVM's name: mali, intel_graphics, adreno
    accelerator: str  # AWS's name: MALI, INTEL_GRAPHICS; or ADRENO, for which AWS has none

    @property
    def label(self) -> str:
        """What it is, in a few words."""
        return f"{self.accelerator} (OpenCL)"

    def tvm(self) -> TargetDict:
        """TVM's target dict of kind opencl."""
        return {"kind": "opencl", "device": self.device}


@dataclass(frozen=True)
class TargetSpec:
    """One resolved TargetDevice or TargetPlatform: what to compile for, and how to verify the result."""

    name: str  # in the artifact's name: "ml_c5", "LINUX_ARM64_NVIDIA"
    host: Host
    device: Cuda | OpenCl | None = None
    check: str = ""  # how the project's tests verify this row
    source: str = ""  # source of the row's facts
    not_compiled: tuple[str, ...] = ()  # what Neo would use and this artifact lacks
    family: str = ""  # coreml, neuron, eia: not compiled by TVM, with their own CompilerOptions
    no_compiler: str = ""  # why real code cannot be compiled; `host` is then that of the stand-in
    class_labels: str = ""  # coreml only: the file with a label per line
    recorded: dict[str, object] = field(default_factory=dict)  # options that only appear in the metadata

    @property
    def os(self) -> str:
        """AWS's name: LINUX or ANDROID; WINDOWS, which exists only as TargetDevice."""
        return self.host.arch.os

    @property
    def arch(self) -> str:
        """AWS's name of the architecture."""
        return self.host.arch.name

    @property
    def accelerator(self) -> str:
        """AWS's name of the accelerator that code is compiled for, "" for a CPU."""
        return self.device.accelerator if self.device else ""

    @property
    def families(self) -> frozenset[str]:
        """The families of CompilerOptions that apply to it; see options.FAMILIES."""
        if self.family:
            return frozenset({self.family})
        android = {"android"} if self.os == ANDROID else set()
        nvidia = {"nvidia"} if isinstance(self.device, Cuda) else set()
        return frozenset({"cpu", *android, *nvidia})

    @property
    def library(self) -> str:
        """The file name of the compiled code."""
        return "compiled.mlmodel" if self.coreml else self.host.library

    @property
    def coreml(self) -> bool:
        """Whether the result is a Core ML model instead of machine code."""
        return self.family == "coreml"

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
