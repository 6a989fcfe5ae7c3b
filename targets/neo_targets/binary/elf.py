"""Reads the parts of an ELF file that identify its machine. Pure Python, no dependency.

Source: the ELF specification; ARM IHI 0044 for the float ABI flags; cubin e_flags as NVRTC 11.8 and 12.9 write them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

EM_ARM = 40
ANDROID_NOTE = b"\x08\0\0\0\x04\0\0\0\x01\0\0\0Android\0"
"""Start of .note.android.ident (sizes of name and value, type, name), before the API level (32-bit integer)."""
EM_CUDA = 190
_ARM_SOFT, _ARM_HARD = 0x200, 0x400
_CUDA_ABI_FROM_SM_100 = 0x41
_SHT_DYNAMIC, _DT_NEEDED = 6, 1


class ElfError(ValueError):
    """The bytes are not an ELF file, or are truncated."""


@dataclass(frozen=True)
class Header:
    """The ELF header (the first 64 bytes of the file)."""

    elf_class: int  # 32 or 64 bits
    machine: int  # e_machine
    flags: int  # e_flags
    section_offset: int  # bytes
    section_size: int  # bytes of one section header
    section_count: int
    os_abi: int = 0  # EI_OSABI

    @property
    def float_abi(self) -> str:
        """ "hard" or "soft" on 32-bit ARM, "" elsewhere or if neither flag is set."""
        if self.machine != EM_ARM:
            return ""
        return "hard" if self.flags & _ARM_HARD else "soft" if self.flags & _ARM_SOFT else ""

    @property
    def sm(self) -> int:
        """The GPU architecture of a cubin, e.g. 75; 0 for other files."""
        flags = self.flags >> 8 if self.os_abi == _CUDA_ABI_FROM_SM_100 else self.flags
        return flags & 0xFF if self.machine == EM_CUDA else 0


def header(data: bytes | memoryview) -> Header:
    """The header of a little-endian ELF file. Raises ElfError."""
    if len(data) < 52 or bytes(data[:4]) != b"\x7fELF":
        raise ElfError("not an ELF file")
    elf_class = {1: 32, 2: 64}.get(data[4], 0)
    if not elf_class or data[5] != 1 or (elf_class == 64 and len(data) < 64):
        raise ElfError("not a little-endian ELF file of 32 or 64 bits")
    (machine,) = struct.unpack_from("<H", data, 18)
    layout, at = ("<QI6H", 40) if elf_class == 64 else ("<II6H", 32)
    section_offset, flags, _, _, _, section_size, section_count, _ = struct.unpack_from(layout, data, at)
    return Header(elf_class, machine, flags, section_offset, section_size, section_count, data[7])


def android_api_level(library: bytes) -> int:
    """A library's Android API level from .note.android.ident, 0 if it has none."""
    start = library.find(ANDROID_NOTE)
    return int.from_bytes(library[start + len(ANDROID_NOTE) :][:4], "little") if start >= 0 else 0


def find_opencl(library: bytes) -> str:
    """The OpenCL C source of a compiled library's kernels, "" if there is none.

    TVM's module tree contains it as [u64 6]"opencl" [u64 bytes] [u64 2]"cl" [function table] [u64 size] [text].
    """
    tag, form = (struct.pack("<Q", len(word)) + word for word in (b"opencl", b"cl"))
    entry = library.find(tag)
    if entry < 0:
        return ""
    body = entry + len(tag) + 8
    (size,) = struct.unpack_from("<Q", library, body - 8)
    payload = library[body : body + size]
    start = payload.find(b"// Function: ")
    if not payload.startswith(form) or start < 8 or struct.unpack_from("<Q", payload, start - 8)[0] != size - start:
        return ""
    return payload[start:].decode("utf-8", "replace")


def find_cubin(library: bytes) -> bytes | None:
    """The CUDA machine code in a compiled library, None if there is none.

    TVM's module tree contains it as [u64 5]"cubin" [function table] [u64 size] [ELF]; the size is checked.
    """
    marker = library.find(struct.pack("<Q", 5) + b"cubin")
    start = library.find(b"\x7fELF", marker) if marker >= 0 else -1
    if start < 8:
        return None
    (size,) = struct.unpack_from("<Q", library, start - 8)
    cubin = library[start : start + size]
    return cubin if len(cubin) == size and header(cubin).machine == EM_CUDA else None


def needed(data: bytes) -> list[str]:
    """The names in DT_NEEDED, in order. Raises ElfError for a file without a dynamic section."""
    head = header(data)
    wide = head.elf_class == 64
    sections = [head.section_offset + index * head.section_size for index in range(head.section_count)]
    entry = "<qQ" if wide else "<iI"
    for at in sections:
        (kind,) = struct.unpack_from("<I", data, at + 4)
        if kind != _SHT_DYNAMIC:
            continue
        offset, size, link = struct.unpack_from("<QQI" if wide else "<III", data, at + (24 if wide else 16))
        (names,) = struct.unpack_from("<Q" if wide else "<I", data, sections[link] + (24 if wide else 16))
        values = [value for tag, value in struct.iter_unpack(entry, data[offset : offset + size]) if tag == _DT_NEEDED]
        return [data[names + value : data.index(b"\0", names + value)].decode() for value in values]
    raise ElfError("no dynamic section")
