"""Replaces the CUDA source in TVM's import tree by machine code.

A TVM without GPU exports [string "cuda"][bytes: string format, function table, string source], each string
and the bytes with their length in front as u64. The device's TVM loads [string "cubin"] with an ELF instead
of the source just as well, and need not compile anything.
Source: TVM's src/backend/cuda/codegen/cuda_fallback_module.cc (format, function table, code).
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import tvm

from neo_compiler.codegen.nvrtc import compile_cubin
from neo_compiler.errors import InternalError
from neo_compiler.tvm_types import RuntimeModule
from neo_targets.spec import Cuda, TargetSpec

_pack_imports = tvm.get_global_func("runtime.ModulePackImportsToTensor")
_codegen_blob = tvm.get_global_func("codegen.codegen_blob")


def device_source(module: RuntimeModule) -> str:
    """The CUDA C++ or OpenCL C of all GPU kernels in `module`, "" if there are none."""
    for child in module.imports:
        if child.kind in ("cuda", "opencl"):
            return str(child.inspect_source())
        if source := device_source(child):
            return source
    return ""


def write_imports(module: RuntimeModule, spec: TargetSpec, output: Path) -> None:
    """Writes the object file with `module`'s import tree, with compiled CUDA source. Raises CompilationError.

    OpenCL C is kept: the device's driver compiles it.
    """
    blob = bytes(_pack_imports(module).numpy())
    source = device_source(module)
    if isinstance(spec.device, Cuda) and source:
        blob = replace_cuda(blob, source.encode(), compile_cubin(source, spec.device.arch))
    _codegen_blob(blob, False, json.dumps(spec.tvm_host()), "").write_to_file(str(output))


def replace_cuda(blob: bytes, source: bytes, cubin: bytes) -> bytes:
    """`blob`, a packed import tree, with the source of its CUDA module replaced. Raises InternalError if it has none.

    The tree is [u64 bytes that follow][...]; the CUDA entry [u64 4]"cuda"[u64 n][n bytes], and in these
    [u64 4]"cuda"[function table][u64 size][source].
    """
    tag = _text(b"cuda")
    entry = blob.find(tag)
    body = entry + len(tag) + 8
    (size,) = struct.unpack_from("<Q", blob, body - 8) if entry >= 0 else (0,)
    payload, ending = blob[body : body + size], _text(source)
    if entry < 0 or not payload.startswith(tag) or not payload.endswith(ending):
        raise InternalError("TVM's import tree has an unknown format: CUDA source not found")
    payload = _text(b"cubin") + payload[len(tag) : -len(ending)] + _text(cubin)
    tree = blob[8 : body - 8] + _text(payload) + blob[body + size :]
    return _text(tree)


def _text(data: bytes) -> bytes:
    return struct.pack("<Q", len(data)) + data
