"""Every kind of kernel is scheduled, and computes what TVM's own lowering computes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import tvm
from tvm import relax, te
from tvm.target import Target
from unit.neo_compiler.lowering.cpu.modules import CPUS, Body, check, lower, module, weight

from neo_compiler.lowering.cpu import cost_model, templates
from neo_compiler.lowering.cpu.cpu_model import machine_of
from neo_compiler.lowering.cpu.pipeline import Lowered
from neo_compiler.lowering.cpu.schedules import contraction
from neo_compiler.lowering.cpu.schedules.kernel import Kernel, chunk
from neo_compiler.lowering.targets import cpu_flags
from neo_compiler.runtime.execute import this_cpu_flags
from neo_targets.architectures import X86_64
from neo_targets.registry import DEVICES
from neo_targets.spec import Host

R = relax.op


def conv(channels: int, inputs: int, kernel: int, groups: int = 1, **window: Any) -> Body:
    def body(builder: Any, x: Any) -> Any:
        y = builder.emit(R.nn.conv2d(x, weight(channels, inputs // groups, kernel, kernel), groups=groups, **window))
        y = builder.emit(R.add(y, weight(1, channels, 1, 1)))
        return builder.emit(R.nn.relu(y))

    return body


def deconv(channels: int, inputs: int, kernel: int, **window: Any) -> Body:
    def body(builder: Any, x: Any) -> Any:
        return builder.emit(R.nn.conv2d_transpose(x, weight(inputs, channels, kernel, kernel), **window))

    return body


def unary(*steps: Callable[[Any], Any]) -> Body:
    def body(builder: Any, x: Any) -> Any:
        for step in steps:
            x = builder.emit(step(x))
        return x

    return body


CONVOLUTIONS: dict[str, tuple[Body, tuple[int, ...]]] = {
    "3x3": (conv(32, 16, 3, padding=1), (1, 16, 14, 14)),
    "3x3, odd width 19": (conv(32, 16, 3, padding=1), (1, 16, 5, 19)),
    "3x3, odd width 38": (conv(24, 8, 3, padding=1), (1, 8, 6, 38)),
    "3x3, stride 2, a batch": (conv(48, 8, 3, strides=2, padding=1), (2, 8, 15, 15)),
    "3x3, dilation 2": (conv(16, 8, 3, padding=2, dilation=2), (1, 8, 12, 12)),
    "3x3, no padding": (conv(16, 8, 3), (1, 8, 12, 13)),
    "5x3 pads unlike": (conv(16, 8, 5, padding=(1, 2, 0, 3)), (1, 8, 11, 9)),
    "first layer": (conv(32, 3, 7, strides=2, padding=3), (1, 3, 32, 32)),
    "1x1": (conv(64, 32, 1), (1, 32, 13, 13)),
    "1x1, prime width": (conv(64, 32, 1), (1, 32, 3, 37)),
    "1x1, stride 2": (conv(32, 16, 1, strides=2), (1, 16, 9, 9)),
    "1x1, a big weight": (conv(128, 2176, 1), (1, 2176, 7, 7)),
    "3x3, a big weight": (conv(128, 240, 3, strides=2, padding=1), (1, 240, 7, 7)),
    "1x1 of one point": (conv(40, 64, 1), (1, 64, 1, 1)),
    "channels that fill no panel": (conv(85, 16, 1), (1, 16, 10, 10)),
    "one channel": (conv(1, 16, 1), (1, 16, 10, 10)),
    "three channels, 3x3": (conv(3, 8, 3, padding=1), (1, 8, 9, 9)),
    "groups of 2": (conv(16, 16, 3, groups=2, padding=1), (1, 16, 9, 9)),
    "depthwise": (conv(32, 32, 3, groups=32, padding=1), (1, 32, 14, 14)),
    "depthwise, stride 2": (conv(24, 24, 3, groups=24, strides=2, padding=1), (1, 24, 15, 15)),
    "depthwise 5x5": (conv(48, 48, 5, groups=48, padding=2), (1, 48, 7, 7)),
    "depthwise 7x7": (conv(16, 16, 7, groups=16, padding=3), (1, 16, 9, 9)),
    "depthwise, channels that fill no vector": (conv(21, 21, 3, groups=21, padding=1), (1, 21, 8, 8)),
    "transposed 2x2, stride 2": (deconv(16, 8, 2, strides=2), (1, 8, 7, 7)),
    "transposed 3x3, stride 2": (deconv(16, 8, 3, strides=2, padding=1), (1, 8, 6, 5)),
    "transposed 3x3, more output": (deconv(8, 8, 3, strides=2, padding=1, output_padding=1), (1, 8, 6, 5)),
    "transposed 4x4, stride 2": (deconv(16, 8, 4, strides=2, padding=1), (1, 8, 6, 5)),
    "transposed 3x3, stride 1": (deconv(16, 8, 3, padding=1), (1, 8, 6, 5)),
    "transposed, groups": (deconv(2, 8, 3, groups=4, strides=2, padding=1), (1, 8, 6, 5)),
}


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_convolutions(case: str) -> None:
    body, shape = CONVOLUTIONS[case]
    check(body, shape)


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize(
    ("channels", "shape", "padding"),
    [
        (16, (1, 16, 9, 11), 1),
        (32, (2, 16, 8, 6), 0),
        (64, (1, 64, 7, 6), (1, 0, 2, 1)),
        (24, (1, 40, 9, 11), 1),
        (72, (1, 8, 10, 8), 1),
    ],
    ids=["odd", "a batch, no padding", "a big weight, pads unlike", "half vectors", "half vectors, panels"],
)
def test_winograd(channels: int, shape: Any, padding: Any, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost_model, "winograd_size", lambda *_: size)
    lowered = check(conv(channels, shape[1], 3, padding=padding), shape)
    assert any("winograd" in name.name_hint for name in lowered.separated.module.get_global_vars())


OTHERS: dict[str, tuple[Body, tuple[tuple[int, ...], ...]]] = {
    "matmul": (unary(lambda x: R.matmul(x, weight(64, 96))), ((7, 64),)),
    "matmul of a line": (unary(lambda x: R.matmul(x, weight(64, 1000))), ((1, 64),)),
    "matmul of a big weight": (unary(lambda x: R.matmul(x, weight(640, 1024))), ((8, 640),)),
    "matmul of a big weight, cut": (unary(lambda x: R.matmul(x, weight(640, 1000))), ((11, 640),)),
    "matmul of lines": (unary(lambda x: R.matmul(x, weight(64, 10))), ((6, 1, 64),)),
    "matmul, prime rows, erf": (unary(lambda x: R.matmul(x, weight(48, 64)), R.erf), ((1, 197, 48),)),
    "matmul, two batches": (unary(lambda x: R.matmul(x, weight(24, 32)), R.nn.gelu), ((2, 3, 17, 24),)),
    "batched matmul": (lambda b, x, y: b.emit(R.matmul(x, y)), ((3, 17, 24), (3, 24, 40))),
    "batched matmul, one column": (lambda b, x, y: b.emit(R.matmul(x, y)), ((3, 17, 24), (3, 24, 1))),
    "batched matmul, columns that fill no panel": (
        lambda b, x, y: b.emit(R.divide(b.emit(R.matmul(x, y)), relax.const(8.0))),
        ((2, 3, 13, 24), (2, 3, 24, 37)),
    ),
    "vector times matrix": (lambda b, x, y: b.emit(R.matmul(x, y)), ((24,), (24, 40))),
    "softmax": (unary(lambda x: R.nn.softmax(x, -1)), ((2, 8, 33),)),
    "softmax, shared out": (unary(lambda x: R.nn.softmax(x, -1)), ((4, 65, 80),)),
    "softmax over channels": (unary(lambda x: R.nn.softmax(x, 1)), ((1, 20, 6, 6),)),
    "log softmax": (unary(lambda x: R.nn.log_softmax(x, -1)), ((4, 40),)),
    "layer norm": (unary(lambda x: R.nn.layer_norm(x, weight(64), weight(64, seed=3), -1)), ((1, 9, 64),)),
    "layer norm, odd": (unary(lambda x: R.nn.layer_norm(x, weight(37), weight(37, seed=3), -1)), ((5, 37),)),
    "group norm": (unary(lambda x: R.nn.group_norm(x, weight(16), weight(16), 4, 1, [2, 3])), ((1, 16, 5, 5),)),
    "mean of an image": (unary(lambda x: R.mean(x, [2, 3])), ((1, 48, 7, 7),)),
    "sum of everything": (unary(R.sum), ((4, 33),)),
    "max over the last axis": (unary(lambda x: R.max(x, -1)), ((6, 64),)),
    "mean over the first axis": (unary(lambda x: R.mean(x, 0)), ((6, 64),)),
    "argmax": (unary(lambda x: R.argmax(x, 1), lambda x: R.astype(x, "float32")), ((6, 64),)),
    "max pool": (unary(lambda x: R.nn.max_pool2d(x, (3, 3), (2, 2), (1, 1))), ((1, 16, 15, 15),)),
    "average pool": (unary(lambda x: R.nn.avg_pool2d(x, (3, 3), (2, 2), (1, 1))), ((1, 16, 15, 15),)),
    "transpose": (unary(lambda x: R.permute_dims(x, [0, 2, 3, 1])), ((1, 3, 20, 20),)),
    "transpose to channels first": (unary(lambda x: R.permute_dims(x, [0, 3, 1, 2])), ((1, 5, 24, 40),)),
    "transpose of odd sizes": (unary(lambda x: R.permute_dims(x, [0, 2, 1]), R.nn.relu), ((2, 19, 13),)),
    "transpose of all axes": (unary(lambda x: R.permute_dims(x, [2, 1, 0])), ((16, 9, 31),)),
    "turned matrix": (unary(lambda x: R.permute_dims(x, [1, 0]), lambda x: R.multiply(x, x)), ((33, 65),)),
    "arithmetic": (lambda b, x, y: b.emit(R.divide(b.emit(R.add(x, y)), relax.const(3.0))), ((5, 33), (1, 33))),
    "sigmoid, silu, tanh": (unary(R.sigmoid, R.nn.silu, R.tanh, R.exp), ((3, 50),)),
    "concat": (lambda b, x, y: b.emit(R.concat([x, y], 1)), ((2, 3, 5), (2, 4, 5))),
    "resize": (unary(lambda x: R.image.resize2d(x, (10, 10), method="nearest_neighbor")), ((1, 8, 5, 5),)),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_kernels(case: str) -> None:
    body, shapes = OTHERS[case]
    check(body, *shapes)


def kernels(lowered: Lowered) -> list[str]:
    """The kernels' code."""
    return [
        str(function) for _, function in lowered.separated.module.functions_items() if "R.function" not in str(function)
    ]


def test_a_big_weight_is_read_once_and_asked_for_ahead() -> None:
    """Eight rows take one tile, which walks through each panel once; the lines it will need are prefetched."""
    body = unary(lambda x: R.matmul(x, weight(640, 1024)), R.nn.relu)
    (kernel,) = kernels(lower(module(body, (8, 640)), CPUS["avx512"]))
    assert '"8x16"' in kernel
    assert "prefetch" in kernel
    (small,) = kernels(lower(module(unary(lambda x: R.matmul(x, weight(24, 32))), (8, 24)), CPUS["avx512"]))
    assert "prefetch" not in small


@pytest.mark.parametrize(("extent", "at_most", "size"), [(14, 4, 1), (28, 7, 7), (56, 8, 7), (7, 3, 1), (240, 9, 8)])
def test_chunks_are_shared_evenly_by_two_threads(extent: int, at_most: int, size: int) -> None:
    assert chunk(extent, at_most) == size


def test_tiles_are_stored_whole_where_there_is_room() -> None:
    """A condition for each number would make scalar stores of vector ones."""
    body, shape = CONVOLUTIONS["channels that fill no panel"]
    (code,) = [text for text in kernels(lower(module(body, shape))) if "neo_conv_global" in text]
    _, _, store = code.partition('T.sblock("neo_conv_global")')
    assert "T.where" not in store.partition("T.sblock(")[0]
    assert "neo.whole" not in code


def test_a_line_that_no_panel_divides_is_shared_out() -> None:
    """A classifier's 1000 columns: a batch of one has no rows to share out."""
    (kernel,) = kernels(lower(module(unary(lambda x: R.matmul(x, weight(512, 1000))), (1, 512)), CPUS["avx512"]))
    assert "T.parallel" in kernel


def test_a_small_image_with_many_channels_keeps_its_panel() -> None:
    """7 x 7 points of 2048 channels stay in the cache: a weight of 4 MB is read once, not for each line."""
    (kernel,) = (
        text
        for text in kernels(lower(module(conv(512, 2048, 1), (1, 2048, 7, 7)), CPUS["avx512"]))
        if "neo_convolution" in text
    )
    assert "_fused // T.int64(7) * T.int64(32)" in kernel, "panels are the outer loop"


@pytest.mark.parametrize("cpu", CPUS)
def test_every_vector_width(cpu: str) -> None:
    if missing := set(cpu_flags(replace(DEVICES["ml_c5"], host=Host(X86_64, CPUS[cpu])))) - this_cpu_flags():
        pytest.skip(f"this machine lacks {', '.join(sorted(missing))}")
    for case in ("3x3, odd width 19", "1x1, a big weight", "3x3, a big weight"):
        body, shape = CONVOLUTIONS[case]
        check(body, shape, cpu=CPUS[cpu])
    for case in ("matmul of a big weight", "matmul of a big weight, cut"):
        body, shapes = OTHERS[case]
        check(body, *shapes, cpu=CPUS[cpu])


def test_arm_multiplies_by_elements_of_vectors() -> None:
    """A row's numbers are loaded four at a time: no load of a single number stands between the multiplications."""
    target = Target({"kind": "llvm", "mtriple": "aarch64-linux-gnu", "mattr": ["+neon"]})
    machine = machine_of(target)
    tile = cost_model.choose(machine, rows=8, columns=64, depth=64)
    data, packed = te.placeholder((8, 64)), te.placeholder((-(-64 // tile.columns), 64, tile.columns))
    product = te.create_prim_func([data, packed, templates.matmul(data, packed, tile.text, 64)])
    kernel = Kernel(tvm.IRModule({"main": product}), machine)
    contraction.schedule(kernel, next(block for block in kernel.blocks() if kernel.kind(block)))
    assembly = tvm.compile(kernel.sch.mod, target=target).mod.inspect_source("asm")
    assert len(re.findall(r"fmla\tv\d+\.4s, v\d+\.4s, v\d+\.s\[\d\]", assembly)) == tile.rows * tile.columns
    assert not re.search(r"ld1r|ldr\ts\d", assembly)
