"""What can be told of a GPU kernel without a GPU: its launch and work from TVM's code, its resources from a cubin.

Source: the cubin's sections as NVRTC writes them. `.nv.info` is a list of [u8 format][u8 attribute][u16 size or value],
with `size` bytes behind format 4: here [u32 symbol][u32 number]. `.nv.shared.KERNEL` is as big as its shared memory.
"""

from __future__ import annotations

import io
import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import tvm
import tvm_ffi
from elftools.elf.elffile import ELFFile
from tvm import ir, relax, tirx
from tvm.tirx.build import split_host_device_mods

from neo_compiler.lowering.lower import OPT_LEVEL, PASS_CONFIG

ATTRIBUTES = {0x2F: "registers", 0x11: "spilled_bytes"}
"""EIATTR_REGCOUNT, a thread's; EIATTR_FRAME_SIZE, what a thread keeps in local memory."""

WITH_SIZE = 4
"""EIFMT_SVAL."""

ARITHMETIC = (tirx.Add, tirx.Sub, tirx.Mul, tirx.Div)


@dataclass
class Kernel:
    """One launch of a GPU. `blocks` and `threads` along x, y, z."""

    name: str
    blocks: list[int] = field(default_factory=lambda: [1, 1, 1])
    threads: list[int] = field(default_factory=lambda: [1, 1, 1])
    flops: float = 0  # additions, multiplications, ... of floating-point numbers, all threads
    loaded_bytes: float = 0  # from global memory, all threads
    shared_bytes: int = 0  # of a block

    @property
    def thread_count(self) -> int:
        """Of a block."""
        across, down, deep = self.threads
        return across * down * deep

    @property
    def block_count(self) -> int:
        """Of the launch."""
        across, down, deep = self.blocks
        return across * down * deep

    @property
    def bytes_per_flop(self) -> float:
        """What is loaded from global memory for each operation: 4 where nothing is used twice, 0 without operations."""
        return self.loaded_bytes / self.flops if self.flops else 0.0


def kernels(lowered: tvm.IRModule, target: Any) -> dict[str, list[Kernel]]:
    """The launches of each PrimFunc of a lowered module."""
    functions = {name: value for name, value in lowered.functions_items() if isinstance(value, tvm.tirx.PrimFunc)}
    passes, _, _ = tvm.tirx.get_tir_pipeline("default")  # what relax.build takes for every target
    found: dict[str, list[Kernel]] = {}
    for name, function in functions.items():
        module = tvm.tirx.transform.BindTarget(target)(tvm.IRModule({name: function}, attrs=lowered.attrs))
        with target, tvm.transform.PassContext(opt_level=OPT_LEVEL, config=PASS_CONFIG):
            _, devices = split_host_device_mods(passes(module))
        found[name.name_hint] = [
            count(own.name_hint, code) for device in devices.values() for own, code in device.functions_items()
        ]
    return found


def calls(lowered: tvm.IRModule) -> Counter[str]:
    """How often main calls each function."""
    values = [binding.value for block in lowered["main"].body.blocks for binding in block.bindings]
    return Counter(
        value.op.name_hint for value in values if isinstance(value, relax.Call) and isinstance(value.op, ir.GlobalVar)
    )


def count(name: str, function: Any) -> Kernel:
    """A device function's launch and work; a condition counts as true."""
    kernel = Kernel(name)
    _statement(function.body, 1.0, kernel)
    return kernel


def _statement(node: Any, times: float, kernel: Kernel) -> None:
    if isinstance(node, tirx.SeqStmt):
        for child in node.seq:
            _statement(child, times, kernel)
        return
    if isinstance(node, tirx.AttrStmt) and node.attr_key == "thread_extent":
        kind, axis = node.node.thread_tag.split(".")
        sizes = kernel.blocks if kind == "blockIdx" else kernel.threads
        if sizes["xyz".index(axis)] == 1:
            sizes["xyz".index(axis)] = int(node.value)
            times *= int(node.value)
    elif isinstance(node, tirx.For):
        times *= int(node.extent) if isinstance(node.extent, tirx.IntImm) else 1
    elif isinstance(node, tirx.AllocBuffer) and node.buffer.scope().startswith("shared"):
        kernel.shared_bytes += _bytes(node.buffer.dtype) * int(node.buffer.shape[0])
    for name in ("condition", "value"):
        _expression(getattr(node, name, None), times, kernel)
    for name in ("body", "then_case", "else_case"):
        child = getattr(node, name, None)
        if child is not None:
            _statement(child, times, kernel)


def _expression(node: Any, times: float, kernel: Kernel) -> None:
    if not isinstance(node, tirx.Expr | ir.TensorLoad):
        return

    def operation(found: Any) -> None:
        lanes = _lanes(found.ty.dtype if hasattr(found, "ty") else found.dtype)
        if str(found.dtype if hasattr(found, "dtype") else found.ty.dtype).startswith(("float", "bfloat")):
            kernel.flops += times * lanes

    def load(found: Any) -> None:
        if found.source.scope() == "global":
            kernel.loaded_bytes += times * _bytes(found.dtype if hasattr(found, "dtype") else found.ty.dtype)

    tvm_ffi.structural_walk(node, [*((kind, operation) for kind in ARITHMETIC), (ir.TensorLoad, load)])


def _lanes(dtype: Any) -> int:
    text = str(dtype)
    return int(text.rpartition("x")[2]) if "x" in text else 1


def _bytes(dtype: Any) -> int:
    text = str(dtype).partition("x")[0]
    digits = "".join(character for character in text if character.isdigit())
    return max(1, int(digits or 8) // 8) * _lanes(dtype)


def resources(cubin: bytes) -> dict[str, dict[str, int]]:
    """Kernel -> registers, spilled_bytes and shared_bytes."""
    elf = ELFFile(io.BytesIO(cubin))
    symbols = [symbol.name for symbol in elf.get_section_by_name(".symtab").iter_symbols()]
    found: dict[str, dict[str, int]] = {}
    for section in elf.iter_sections():
        if section.name.startswith(".text."):
            found.setdefault(section.name.removeprefix(".text."), {"shared_bytes": 0})
    for section in elf.iter_sections():
        if section.name.startswith(".nv.shared.") and section["sh_size"]:
            found.setdefault(section.name.removeprefix(".nv.shared."), {})["shared_bytes"] = section["sh_size"]
    for attribute, symbol, number in _info(elf.get_section_by_name(".nv.info").data()):
        if attribute in ATTRIBUTES and symbols[symbol] in found:
            found[symbols[symbol]][ATTRIBUTES[attribute]] = number
    return found


def _info(data: bytes) -> list[tuple[int, int, int]]:
    """(attribute, symbol, number) of every entry that has these."""
    found, at = [], 0
    while at + 4 <= len(data):
        form, attribute, size = struct.unpack_from("<BBH", data, at)
        at += 4
        if form != WITH_SIZE:
            continue
        if size == 8:
            found.append((attribute, *struct.unpack_from("<II", data, at)))
        at += size
    return found
