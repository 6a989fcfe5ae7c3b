"""Operating systems and CPU architectures: LLVM triples, file formats, C libraries."""

from __future__ import annotations

from dataclasses import dataclass

from neo_targets.binary.pe import AMD64, I386

LINUX, ANDROID, WINDOWS = "LINUX", "ANDROID", "WINDOWS"
"""AWS's names; WINDOWS exists only as TargetDevice."""

_EM_386, _EM_ARM, _EM_X86_64, _EM_AARCH64 = 3, 40, 62, 183
_GLIBC = ("libm.so.6", "libc.so.6")
_GLIBC_32 = ("libm.so.6", "libgcc_s.so.1", "libc.so.6")  # libgcc: 64-bit division, 64-bit integer to float
_BIONIC = ("libm.so", "libc.so")
_NO_NEON = ("-neon", "-d32")
"""The minimum of ARMv7: VFPv3-D16. LLVM's generic ARMv7 has NEON; AWS enables it by {'mattr': ['+neon']}."""


@dataclass(frozen=True)
class Architecture:
    """One value of TargetPlatform.Arch on one operating system, and the format of its libraries."""

    name: str  # AWS's name: X86_64, ARM64, ARM_EABIHF
    triple: str  # LLVM triple; for Android the API level is appended
    emulation: str  # ld.lld -m, or lld-link /machine
    elf_class: int  # 32 or 64 bits; 0 for Windows' PE
    elf_machine: int  # e_machine, or PE's Machine
    default_cpu: str  # for a TargetPlatform without mcpu
    runtime: str  # the libdlr of its artifacts, a name in neo_targets.runtime.RUNTIMES
    os: str = LINUX
    default_features: tuple[str, ...] = ()
    float_abi: str = ""  # "hard" or "soft", which e_flags of 32-bit ARM must have
    needed: tuple[str, ...] = _GLIBC  # DT_NEEDED of compiled.so
    helpers: str = ""  # object file to link, a name in neo_targets.compiler_rt.HELPERS


X86_64 = Architecture("X86_64", "x86_64-linux-gnu", "elf_x86_64", 64, _EM_X86_64, "x86-64", "x86_64-linux")
X86 = Architecture(
    *("X86", "i686-linux-gnu", "elf_i386", 32, _EM_386),
    "pentium4",  # SSE2: without it TVM's float16 and 64-bit integer code is not exact
    "i686-linux",
    needed=_GLIBC_32,
)
ARM64 = Architecture(
    *("ARM64", "aarch64-linux-gnu", "aarch64linux", 64, _EM_AARCH64, "generic", "aarch64-linux"),
    default_features=("+neon",),
)
ARM_EABIHF = Architecture(
    *("ARM_EABIHF", "armv7a-linux-gnueabihf", "armelf_linux_eabi", 32, _EM_ARM, "generic", "armhf-linux"),
    default_features=_NO_NEON,
    float_abi="hard",
    needed=_GLIBC_32,
)
ARM_EABI = Architecture(
    *("ARM_EABI", "armv7a-linux-gnueabi", "armelf_linux_eabi", 32, _EM_ARM, "generic", "armel-linux"),
    default_features=_NO_NEON,
    float_abi="soft",
    needed=_GLIBC_32,
)

# Android's ABI guide: every x86 has SSSE3, every x86-64 SSE4.2 and POPCNT, every ARM64 NEON; ARMv7 may lack it
ANDROID_X86_64 = Architecture(
    *("X86_64", "x86_64-linux-android", "elf_x86_64", 64, _EM_X86_64, "x86-64", "x86_64-android", ANDROID),
    default_features=("+ssse3", "+sse4.2", "+popcnt"),
    needed=_BIONIC,
)
ANDROID_X86 = Architecture(
    *("X86", "i686-linux-android", "elf_i386", 32, _EM_386, "i686", "i686-android", ANDROID),
    default_features=("+ssse3",),
    needed=_BIONIC,
    helpers="i686-android",
)
ANDROID_ARM64 = Architecture(
    *("ARM64", "aarch64-linux-android", "aarch64linux", 64, _EM_AARCH64, "generic", "aarch64-android", ANDROID),
    default_features=("+neon",),
    needed=_BIONIC,
)
ANDROID_ARM_EABI = Architecture(
    *("ARM_EABI", "armv7a-linux-androideabi", "armelf_linux_eabi", 32, _EM_ARM, "generic", "arm-android", ANDROID),
    default_features=_NO_NEON,
    float_abi="soft",
    needed=_BIONIC,
    helpers="arm-android",
)

_UCRT = ("ucrtbase.dll",)
X86_64_WINDOWS = Architecture(
    *("X86_64", "x86_64-pc-windows-gnu", "x64", 0, AMD64, "x86-64-v2", "x86_64-windows", WINDOWS),
    needed=_UCRT,
    helpers="x86_64-windows",
)
X86_WINDOWS = Architecture(
    *("X86", "i686-pc-windows-gnu", "x86", 0, I386, "pentium4", "i686-windows", WINDOWS),
    needed=_UCRT,
    helpers="i686-windows",
)

APPLE_ARM64 = Architecture("ARM64", "arm64-apple-ios", "", 0, 0, "apple-a12", "", "APPLE")
"""For Core ML, whose models contain no machine code."""

ARCHITECTURES = {
    (arch.os, arch.name): arch
    for arch in (
        *(X86_64, X86, ARM64, ARM_EABI, ARM_EABIHF),
        *(ANDROID_X86_64, ANDROID_X86, ANDROID_ARM64, ANDROID_ARM_EABI),
        *(X86_64_WINDOWS, X86_WINDOWS),
    )
}
"""All architectures by AWS's names (Os, Arch)."""
