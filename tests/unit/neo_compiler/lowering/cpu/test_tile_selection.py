"""Which tile a product gets, and what is remembered of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tvm import relax
from unit.neo_compiler.lowering.cpu.modules import module, target, weight

from neo_compiler.lowering.cpu import cost_model
from neo_compiler.lowering.cpu.cpu_model import AVX2, AVX512, machine_of
from neo_compiler.lowering.cpu.tile_selection import BATCHED, CONVOLUTION, MATMUL, Choices, Product
from neo_compiler.lowering.lower import lower

CONV = Product(CONVOLUTION, (1, 28, 28, 64), (1, 1, 64, 128), 28, 64, 28, ((1, 1), (0, 0, 0, 0), (1, 1)))


def test_the_cost_models_choice_comes_first() -> None:
    for machine in (AVX512, AVX2):
        found = CONV.candidates(machine)
        assert found[0] == cost_model.choose(machine, 28, 128, 64)
        assert len(found) == len(set(found)) > 10


def test_names_tell_products_apart() -> None:
    others = [
        CONV,
        replace(CONV, kind="winograd4"),
        replace(CONV, data=(2, 28, 28, 64)),
        replace(CONV, weight=(1, 1, 64, 64)),
        replace(CONV, window=((2, 2), (0, 0, 0, 0), (1, 1))),
    ]
    assert len({product.name for product in others}) == len(others)


def test_a_known_tile_is_given_if_it_fits_this_machine() -> None:
    wanted = CONV.candidates(AVX512)[3]
    choices = Choices({CONV.name: wanted.text})
    assert choices.tile(AVX512, CONV) == wanted
    assert choices.used == {CONV.name: wanted}
    for text in ("999x16", "8x17", "nonsense", "8x512"):
        ignored = Choices({CONV.name: text})
        assert ignored.tile(AVX512, CONV) == cost_model.choose(AVX512, 28, 128, 64)
        assert ignored.used == {}


def convolution(kernel: int, stride: int = 1) -> Any:
    def body(builder: Any, x: Any) -> Any:
        return relax.op.nn.conv2d(x, weight(32, 16, kernel, kernel), strides=stride, padding=kernel // 2)

    return body


@pytest.mark.parametrize(
    ("body", "shapes", "kind"),
    [
        (convolution(1), [(1, 16, 12, 12)], CONVOLUTION),
        (convolution(3, 2), [(1, 16, 12, 12)], CONVOLUTION),
        (convolution(3), [(1, 16, 32, 32)], "winograd"),
        (lambda b, x: relax.op.matmul(x, weight(24, 40)), [(2, 7, 24)], MATMUL),
        (lambda b, x: relax.op.matmul(x, weight(24, 40)), [(5, 1, 24)], MATMUL),
        (lambda b, x, y: relax.op.matmul(x, y), [(2, 7, 24), (2, 24, 9)], BATCHED),
    ],
    ids=["1x1", "3x3", "winograd", "matmul", "rows of one", "batched"],
)
def test_a_product_alone_asks_for_the_same_tile_as_in_its_model(body: Any, shapes: Any, kind: str) -> None:
    from neo_compiler.tuning import candidate

    wanted = target("skylake-avx512")
    asked, alone = Choices(), Choices()
    lower(module(body, *shapes), wanted, choices=asked)
    (product,) = asked.asked
    assert product.kind.startswith(kind)
    lower(candidate.module(product), wanted, choices=alone)
    assert alone.asked == asked.asked


def test_what_a_product_costs_is_its_tiles_cost() -> None:
    machine = machine_of(target("skylake-avx512"))
    fast, slow = CONV.candidates(machine)[0], CONV.candidates(machine)[-1]
    assert 0 < CONV.cycles(machine, fast) < CONV.cycles(machine, slow)
    assert replace(CONV, lines=56).cycles(machine, fast) == 2 * CONV.cycles(machine, fast)
