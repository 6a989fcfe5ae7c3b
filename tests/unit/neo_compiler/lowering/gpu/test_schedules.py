"""GPU schedules: the same kernels run as OpenCL by pocl, and compile for NVIDIA within what a block may have."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from bench import gpucode
from tvm import relax
from tvm.target import Target
from unit.neo_compiler.lowering.cpu.modules import module
from unit.neo_compiler.lowering.gpu.kernels import CASES, lower, run_apart, wrong

from neo_compiler.codegen import machine_code
from neo_compiler.codegen.cubin import device_source
from neo_compiler.codegen.nvrtc import compile_cubin
from neo_compiler.lowering.gpu import cost_model, pack_weights, templates
from neo_compiler.lowering.gpu.cost_model import Product
from neo_compiler.lowering.gpu.gpu_model import ADRENO, INTEL, MALI, gpu_of
from neo_targets.spec import Cuda

RUN = {
    "3x3": {"gemm"},
    "3x3, stride 2, a batch": {"gemm"},
    "5x3 pads unlike": {"gemm"},
    "first layer": {"gemm"},
    "1x1, prime width": {"gemm"},
    "groups of 2": {"dlight general reduction"},
    "groups of 2, 64 channels": {"gemm"},
    "channels that fill no panel": {"gemm"},
    "one channel": {"dlight gemv"},
    "1x1 of one point": {"sums"},
    "depthwise, stride 2": {"depthwise"},
    "depthwise 5x5": {"depthwise"},
    "depthwise, channels that fill no vector": {"depthwise"},
    "transposed 3x3, stride 2": {"gemm"},
    "matmul, two batches": {"gemm"},
    "batched matmul": {"gemm"},
    "sliced: 3x3": {"gemm"},
    "sliced: matmul, two batches": {"gemm"},
    "max pool": {"sums"},
    "recurrent: LSTM both ways, lengths": {"gemm", "steps"},
    "recurrent: LSTM clip, functions": {"gemm", "steps"},
    "recurrent: GRU both ways": {"gemm", "steps"},
    "softmax": {"dlight general reduction"},
}
"""Case -> rules that its kernels must be scheduled by; the rest is element-wise."""


WITHOUT_SHARED_MEMORY = (
    "3x3, stride 2, a batch",
    "first layer",
    "groups of 2",
    "matmul, two batches",
    "batched matmul",
)


@pytest.mark.parametrize("device, names", [("intel_graphics", RUN), ("mali", WITHOUT_SHARED_MEMORY)])
def test_computes_what_tvm_computes(device: str, names: Iterable[str]) -> None:
    """Products in shared memory with barriers, and (mali) from registers alone."""
    found = run_apart(device, *names)
    assert wrong(found) == {}
    rules = {name: set(rules.values()) - {"dlight fallback"} for name, (_, rules) in found.items()}
    assert rules == {name: RUN[name] for name in names}


def cuda(arch: str) -> Target:
    return Target(Cuda(arch).tvm(), host=Target({"kind": "llvm", "mtriple": "x86_64-linux-gnu"}))


def compiled(name: str, arch: str) -> tuple[dict[str, dict[str, int]], list[gpucode.Kernel]]:
    """The resources and the launches of a case's kernels."""
    target, (body, shapes) = cuda(arch), CASES[name]
    lowered = lower(module(body, *shapes), target).separated.module
    cubin = compile_cubin(device_source(machine_code.generate(lowered, target).mod), arch)
    return gpucode.resources(cubin), [kernel for own in gpucode.kernels(lowered, target).values() for kernel in own]


@pytest.mark.parametrize("tile", cost_model.TILES, ids=lambda tile: tile.text)
@pytest.mark.parametrize("arch", ["sm_53", "sm_86"])
def test_every_tile_fits_its_block(tile: cost_model.Tile, arch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No register is spilled, shared memory is what the table says, a block's registers are at most 32768."""
    monkeypatch.setattr(pack_weights, "tile_of", lambda *_: tile)
    used, kernels = compiled("1x1", arch)
    name = next(name for name in used if "neo_convolution" in name)
    kernel = next(kernel for kernel in kernels if kernel.name == name)
    assert used[name]["spilled_bytes"] == 0
    assert used[name]["shared_bytes"] == kernel.shared_bytes == tile.shared_bytes
    assert kernel.thread_count == tile.thread_count <= 256
    assert used[name]["registers"] * kernel.thread_count <= 32768


@pytest.mark.parametrize("arch", ["sm_53", "sm_75"])
def test_half_precision_is_summed_in_single(arch: str) -> None:
    """DLight would tensorise from sm_70 on, which ends the process in TVM 0.27."""

    def body(builder: Any, x: Any) -> Any:
        half = relax.const(np.ones((128, 256), "float16"))
        y = builder.emit(relax.op.matmul(x, half))
        turned = builder.emit(relax.op.matmul(builder.emit(relax.op.permute_dims(y, [1, 0])), y))
        return builder.emit(relax.op.matmul(builder.emit(relax.op.sum(turned, 0, keepdims=True)), turned))

    target = cuda(arch)
    lowered = lower(module(body, (197, 128), dtype="float16"), target)
    source = device_source(machine_code.generate(lowered.separated.module, target).mod)
    used = gpucode.resources(compile_cubin(source, arch))
    assert Counter(lowered.rules.values())["gemm"] == 2
    assert "half" in source
    assert "float neo_gemm_local" in source
    assert all(kernel["spilled_bytes"] == 0 for kernel in used.values())


def test_a_number_is_loaded_once_for_a_whole_tile() -> None:
    _, kernels = compiled("3x3, a big weight", "sm_75")
    product = max(kernels, key=lambda kernel: kernel.flops)
    padded = 2 * product.thread_count * product.block_count  # one fused multiply-add a thread
    assert product.flops % padded == 0
    assert product.bytes_per_flop <= 0.4  # 4 without shared memory


@pytest.mark.parametrize(
    "gpu", [gpu_of(cuda("sm_53")), gpu_of(cuda("sm_80")), INTEL, MALI, ADRENO], ids=lambda g: g.name
)
@pytest.mark.parametrize("sizes", [(3136, 64, 576), (49, 512, 512, 9), (8, 1024, 784), (2, 2, 3)], ids=str)
def test_the_chosen_tile_fits_the_gpu(gpu: Any, sizes: tuple[int, ...]) -> None:
    product = Product(*sizes)
    tile = cost_model.tile_of(gpu, product)
    assert tile.thread_count <= gpu.threads
    assert tile.shared_bytes <= gpu.shared_bytes or not gpu.shared_bytes
    others = cost_model.TILES if gpu.shared_bytes else cost_model.REGISTER_TILES
    assert cost_model.cost(gpu, tile, product) <= min(cost_model.cost(gpu, other, product) for other in others)


def test_big_products_get_big_tiles_and_small_ones_fill_the_gpu() -> None:
    few, many = gpu_of(cuda("sm_53")), gpu_of(cuda("sm_80"))
    tile = cost_model.tile_of(few, Product(12544, 256, 64))
    assert (tile.rows * tile.columns, tile.slices) == (128 * 128, 1)
    tile = cost_model.tile_of(many, Product(49, 512, 512, 9))
    assert tile.slices > 1
    assert tile.slices * math.ceil(49 / tile.rows) * math.ceil(512 / tile.columns) >= many.units


def test_indices_of_joined_axes() -> None:
    assert templates.split(23, [2, 3, 4]) == [1, 2, 3]
    assert templates.split(7, [1, 9]) == [0, 7]
    assert templates.joined([1, 2, 3], [2, 3, 4]) == 23
