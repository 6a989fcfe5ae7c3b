"""Compiles CUDA C++ to machine code of one GPU architecture by NVRTC (PyPI nvidia-cuda-nvrtc-cu11, -cu12) and ctypes.

Needs no GPU, driver or toolkit. Only NVRTC 11.8 supports both sm_37 (ml_p2) and sm_90; NVRTC
12 (the extra `cuda12`) supports newer architectures. neo_targets.options.GPU_CODES maps architectures to versions.
Source: NVIDIA's NVRTC 11.8 manual for the functions called.
"""

from __future__ import annotations

import ctypes
import importlib.util
import re
from functools import lru_cache
from pathlib import Path

from neo_compiler.codegen.cuda_headers import HEADERS
from neo_compiler.errors import CompilationError, InternalError
from neo_targets.options import GPU_CODES

OLDEST = "11"
OPTIONS = ("-default-device", "-std=c++17")


HALF_FROM = 53
"""The first architecture with half-precision arithmetic. Source: CUDA C++ Programming Guide, cuda_fp16.h."""


def compile_cubin(source: str, arch: str) -> bytes:
    """The cubin (an ELF file) of CUDA C++ `source` for e.g. "sm_75". Raises CompilationError with NVRTC's log."""
    if int(arch.removeprefix("sm_").rstrip("af")) < HALF_FROM and re.search(r"\bhalf\b", source):
        raise CompilationError(
            f"The model computes in float16, for which {arch} has no arithmetic (sm_{HALF_FROM} and newer have); "
            "a float32 model compiles"
        )
    library = _library(GPU_CODES.get(arch, OLDEST))
    program = ctypes.c_void_p()
    texts = (ctypes.c_char_p * len(HEADERS))(*(text.encode() for text in HEADERS.values()))
    names = (ctypes.c_char_p * len(HEADERS))(*(name.encode() for name in HEADERS))
    created = library.nvrtcCreateProgram(
        ctypes.byref(program), source.encode(), b"kernels.cu", len(HEADERS), texts, names
    )
    if created:
        raise InternalError(f"NVRTC cannot create a program: {_error(library, created)}")
    try:
        options = [
            f"--gpu-architecture={arch}",
            *OPTIONS,
            *(f"-I{path}" for path in _package("cuda_runtime", "include")),
        ]
        argv = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        status = library.nvrtcCompileProgram(program, len(options), argv)
        if status:
            log = _read(library.nvrtcGetProgramLogSize, library.nvrtcGetProgramLog, program).rstrip(b"\0")
            reason = log.decode(errors="replace").strip() or "no log"
            raise CompilationError(f"NVRTC cannot compile for {arch}: {_error(library, status)}. {reason}")
        return _read(library.nvrtcGetCUBINSize, library.nvrtcGetCUBIN, program)
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def supported(major: str = OLDEST) -> list[str]:
    """The architectures that an NVRTC supports, e.g. ["sm_35", ...]."""
    library, count = _library(major), ctypes.c_int()
    library.nvrtcGetNumSupportedArchs(ctypes.byref(count))
    numbers = (ctypes.c_int * count.value)()
    library.nvrtcGetSupportedArchs(numbers)
    return [f"sm_{number}" for number in numbers]


@lru_cache
def version(arch: str) -> str:
    """The version of the NVRTC that compiles for `arch`, e.g. "11.8"."""
    major, minor = ctypes.c_int(), ctypes.c_int()
    _library(GPU_CODES.get(arch, OLDEST)).nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
    return f"{major.value}.{minor.value}"


@lru_cache
def _library(version: str) -> ctypes.CDLL:
    """Loads the NVRTC of one major version; the packages of several versions share a folder."""
    for folder in _package("cuda_nvrtc", "lib"):
        builtins = sorted(folder.glob(f"libnvrtc-builtins.so.{version}*"))
        main = sorted(folder.glob(f"libnvrtc.so.{version}*"))
        if builtins and main:
            ctypes.CDLL(str(builtins[0]), mode=ctypes.RTLD_GLOBAL)  # libnvrtc looks it up by name
            library = ctypes.CDLL(str(main[0]))
            library.nvrtcGetErrorString.restype = ctypes.c_char_p
            return library
    if version != OLDEST:
        raise CompilationError(
            f"CompilerOptions gpu-code: this architecture needs NVRTC {version}, which this worker does not have; "
            f"pip install 'neo-emulator[cuda{version}]'"
        )
    raise InternalError("no NVRTC on this worker: the package nvidia-cuda-nvrtc-cu11 exists for Linux only")


def _package(name: str, folder: str) -> list[Path]:
    """The files in `folder` of NVIDIA's PyPI package `name`; empty if it is not installed."""
    try:
        spec = importlib.util.find_spec(f"nvidia.{name}")
    except ModuleNotFoundError:
        return []
    places = spec.submodule_search_locations if spec else None
    return [Path(place) / folder for place in places or ()]


def _error(library: ctypes.CDLL, status: int) -> str:
    text: bytes = library.nvrtcGetErrorString(status)
    return text.decode()


def _read(size_of: ctypes._NamedFuncPointer, read: ctypes._NamedFuncPointer, program: ctypes.c_void_p) -> bytes:
    size = ctypes.c_size_t()
    size_of(program, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    read(program, buffer)
    return buffer.raw
