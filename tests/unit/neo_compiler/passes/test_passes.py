"""What the passes before scheduling leave behind: one kernel where the model has five operators, few transpositions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tvm
from tvm import relax
from unit.neo_compiler.lowering.cpu.modules import check, module, sample, weight

from neo_compiler.lowering.cpu import cost_model, winograd
from neo_compiler.lowering.cpu.cpu_model import AVX2, AVX512, NEON, SSE, Machine, machine_of
from neo_compiler.lowering.cpu.pack_weights import panels
from neo_compiler.passes.constant_folding import fold

R = relax.op


def kernels(lowered: Any) -> list[str]:
    functions = lowered.separated.module.functions_items()
    return sorted(name.name_hint for name, value in functions if isinstance(value, tvm.tirx.PrimFunc))


def test_a_batch_norm_goes_into_the_weight() -> None:
    def body(b: Any, x: Any) -> Any:
        y = b.emit(R.add(b.emit(R.nn.conv2d(x, weight(16, 8, 1, 1))), weight(16, 1, 1)))
        y = b.emit(
            R.divide(b.emit(R.subtract(y, weight(1, 16, 1, 1, seed=2))), relax.const(np.full((16, 1, 1), 0.5, "f4")))
        )
        return b.emit(R.add(b.emit(R.multiply(weight(1, 16, 1, 1, seed=3), y)), weight(16, 1, 1, seed=4)))

    lowered = check(body, (1, 8, 4, 4))
    assert [name for name in kernels(lowered) if "conv" in name] == ["fused_neo_convolution_add"]
    assert not any(word in name for name in kernels(lowered) for word in ("multiply", "subtract", "divide"))


@pytest.mark.parametrize("per_channel", [True, False])
def test_a_quantised_weight_is_multiplied_as_floats(per_channel: bool) -> None:
    """As whole numbers it has no packed form, and ResNet-18 took 95 times as long."""
    random = np.random.default_rng(3)
    kernel = random.integers(-128, 128, (16, 8, 3, 3)).astype("int8")
    scale = random.uniform(0.01, 0.02, 16 if per_channel else ()).astype("f4")
    zero = random.integers(-3, 3, 16 if per_channel else ()).astype("int8")

    def body(b: Any, x: Any) -> Any:
        wide = R.dequantize(relax.const(kernel), relax.const(scale), relax.const(zero), axis=0, out_dtype="float32")
        return b.emit(R.nn.conv2d(x, b.emit(wide), strides=2, padding=1))

    lowered = check(body, (1, 8, 6, 6))
    assert [name for name in kernels(lowered) if "conv" in name] == ["neo_convolution"]
    assert not any("dequantize" in name for name in kernels(lowered))


def test_a_product_that_is_read_twice_keeps_its_weight() -> None:
    def body(b: Any, x: Any) -> Any:
        y = b.emit(R.matmul(x, weight(8, 16)))
        return b.emit(R.add(b.emit(R.multiply(y, weight(16, seed=2))), y))

    check(body, (3, 8))


def test_layout_changes_only_where_it_must() -> None:
    def body(b: Any, x: Any) -> Any:
        y = b.emit(R.nn.relu(b.emit(R.nn.conv2d(x, weight(16, 8, 3, 3), padding=1))))
        y = b.emit(R.concat([y, b.emit(R.nn.max_pool2d(y, (3, 3), padding=(1, 1)))], 1))
        y = b.emit(R.strided_slice(b.emit(R.nn.conv2d(y, weight(16, 32, 1, 1))), [1, 2], [0, 1], [8, 7]))
        y = b.emit(R.multiply(y, b.emit(R.sigmoid(b.emit(R.mean(y, [2, 3], keepdims=True))))))
        return b.emit(R.permute_dims(b.emit(R.reshape(y, (1, 8, 48))), [0, 2, 1]))

    lowered = check(body, (1, 8, 8, 8))
    assert [name for name in kernels(lowered) if "transpose" in name] == ["transpose"]  # the input's


def test_conv1d_and_rank_3() -> None:
    def body(b: Any, x: Any) -> Any:
        y = b.emit(R.nn.conv1d(x, weight(16, 8, 5), padding=2, strides=2))
        return b.emit(R.nn.conv1d(b.emit(R.nn.relu(y)), weight(8, 16, 3)))

    check(body, (1, 8, 33))


def test_an_operator_without_a_rule_gets_the_models_order() -> None:
    def body(b: Any, x: Any) -> Any:
        return b.emit(R.flip(b.emit(R.nn.conv2d(x, weight(16, 8, 1, 1))), 1))

    check(body, (1, 8, 4, 4))


def test_constants_are_computed_once() -> None:
    def body(b: Any, x: Any) -> Any:
        scale = b.emit(R.sqrt(b.emit(R.add(b.emit(R.expand_dims(weight(4), [0])), relax.const(3.0)))))
        return b.emit(R.multiply(x, b.emit(R.broadcast_to(scale, (2, 4)))))

    text = fold(module(body, (2, 4))).script()
    assert "multiply" in text
    assert not any(word in text for word in ("sqrt", "expand_dims", "broadcast_to", "R.add"))


def test_panels() -> None:
    packed = panels(np.arange(10, dtype="float32").reshape(2, 5), 4)
    assert packed.tolist() == [[[0, 1, 2, 3], [5, 6, 7, 8]], [[4, 0, 0, 0], [9, 0, 0, 0]]]


@pytest.mark.parametrize("machine", [AVX512, AVX2, SSE, NEON], ids=lambda machine: machine.name)
@pytest.mark.parametrize("shape", [(1, 1), (7, 512), (19, 85), (197, 192), (56, 64), (1, 1000)])
def test_tiles_fit_the_registers(machine: Machine, shape: tuple[int, int]) -> None:
    tile = cost_model.choose(machine, *shape, 64)
    vectors = tile.columns // machine.vector(tile.columns)
    assert tile.rows * vectors < machine.registers
    assert tile.rows * tile.columns * 4 <= cost_model.STACK_MAX_BYTES
    assert tile.rows <= shape[0]


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ({"mtriple": "x86_64-linux-gnu", "mcpu": "skylake-avx512"}, "avx512"),
        ({"mtriple": "x86_64-linux-gnu", "mcpu": "haswell"}, "avx2"),
        ({"mtriple": "x86_64-linux-gnu", "mcpu": "ivybridge"}, "avx"),
        ({"mtriple": "x86_64-linux-gnu", "mcpu": "x86-64"}, "sse"),
        ({"mtriple": "x86_64-pc-windows-gnu", "mcpu": "x86-64-v2"}, "sse"),
        ({"mtriple": "i686-linux-gnu", "mcpu": "pentium4"}, "sse of 32-bit code"),
        ({"mtriple": "aarch64-linux-gnu", "mcpu": "neoverse-n1"}, "neon"),
        ({"mtriple": "aarch64-linux-gnu", "mcpu": "cortex-a53"}, "neon of a small core"),
        ({"mtriple": "armv7a-linux-gnueabihf", "mcpu": "generic", "mattr": ["+neon"]}, "neon of 32-bit code"),
    ],
)
def test_machines_come_from_the_target(target: dict[str, Any], name: str) -> None:
    assert machine_of(tvm.target.Target({"kind": "llvm", **target})).name == name


@pytest.mark.parametrize(("channels", "size"), [(8, 4), (24, 4), (32, 4), (20, 0)])
def test_winograd_takes_half_vectors_where_they_pay(channels: int, size: int) -> None:
    window = [[1, 1], [1, 1, 1, 1], [1, 1]]
    assert cost_model.winograd_size(AVX512, [1, 120, 120, 96], [3, 3, 96, channels], window) == size


@pytest.mark.parametrize("size", [2, 4])
def test_winograd_matrices(size: int) -> None:
    result, weights, data = winograd.matrices(size)
    x, kernel = sample(size + 2).astype("float64"), sample(3).astype("float64")
    found = result @ ((weights @ kernel) * (data @ x))
    assert np.allclose(found, np.convolve(x, kernel[::-1], "valid"))
