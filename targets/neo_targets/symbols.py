"""Which functions a compiled library of kernels leaves to the device: all must be in its C library.

A symbol that nobody has would only be noticed by the device's loader.
Source: the ELF specification; ISO C11 7.12 for the math library; GCC's libgcc manual and ARM's run-time ABI (IHI 0043).
"""

from __future__ import annotations

import re
import struct

from neo_targets.elf import header

_SHT_DYNSYM, _STB_WEAK, _SHN_UNDEF = 11, 2, 0

_MATH = (
    *("acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "copysign", "cos", "cosh", "erf"),
    *("erfc", "exp", "exp2", "expm1", "fabs", "floor", "fma", "fmax", "fmin", "fmod", "hypot", "ldexp", "lgamma"),
    *("log", "log10", "log1p", "log2", "nearbyint", "nextafter", "pow", "rint", "round", "sin", "sinh", "sqrt", "tan"),
    *("tanh", "tgamma", "trunc"),
)
C_LIBRARY = frozenset(("memcpy", "memmove", "memset", *_MATH, *(f"{name}f" for name in _MATH)))
"""What TVM's and LLVM's code may call of libc and libm."""

COMPILER = re.compile(
    r"__(aeabi_\w+|u?(div|mod|divmod)[sdt]i[34]|(ash[lr]|lshr|mul)di3|float(un)?[sdt]i[shd]f|fix(uns)?[shd]f[sdt]i"
    r"|(extend|trunc)[shd]f[shd]f2|gnu_[hf]2[fh]_ieee|powi[sd]f2|aarch64_\w+)"
)
"""What the compiler calls where the machine has no instruction: in libgcc_s.so.1, or linked in."""


def missing(library: bytes) -> list[str]:
    """The functions that an ELF library of kernels asks for and no device has, sorted. Raises ElfError."""
    return sorted(name for name in undefined(library) if name not in C_LIBRARY and not COMPILER.fullmatch(name))


def undefined(library: bytes) -> list[str]:
    """The symbols that an ELF library wants from others, weak ones left out. Raises ElfError."""
    head = header(library)
    wide = head.elf_class == 64
    sections = [head.section_offset + index * head.section_size for index in range(head.section_count)]
    for at in sections:
        if struct.unpack_from("<I", library, at + 4)[0] == _SHT_DYNSYM:
            offset, size, link = _place(library, at, wide)
            names = _place(library, sections[link], wide)[0]
            return [
                library[names + name : library.index(b"\0", names + name)].decode()
                for name, info, section in _symbols(library[offset : offset + size], wide)
                if section == _SHN_UNDEF and name and info >> 4 != _STB_WEAK
            ]
    return []


def _place(library: bytes, section: int, wide: bool) -> tuple[int, int, int]:
    """sh_offset, sh_size and sh_link of a section header."""
    offset, size, link = struct.unpack_from("<QQI" if wide else "<III", library, section + (24 if wide else 16))
    return offset, size, link


def _symbols(table: bytes, wide: bool) -> list[tuple[int, int, int]]:
    """st_name, st_info and st_shndx of every symbol."""
    if wide:
        return [(name, info, section) for name, info, _, section, _, _ in struct.iter_unpack("<IBBHQQ", table)]
    return [(name, info, section) for name, _, _, info, _, section in struct.iter_unpack("<IIIBBH", table)]
