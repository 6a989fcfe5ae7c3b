"""The kernel that traverses the trees of a Forest, written as scheduled loops.

Many traversals run in parallel ("lanes"), so that their loads overlap and LLVM can use gather instructions
if the CPU has them. Lanes are rows if there are many, else trees. Measured on one core with AVX-512, 2000 rows,
100 trees of depth 6: 0.93 ms with 64 lanes, 6.0 ms with one; XGBoost itself 4.1 ms.
"""
# mypy: disable-error-code="valid-type, operator, misc, untyped-decorator"
# TVMScript's annotations are calls

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from tvm import relax
from tvm.script import tirx as T  # noqa: N812 - TVM's own name for it

from neo_compiler.kernels.forest import CATEGORICAL, FEATURE_MASK, OTHERS_RIGHT, Forest
from neo_compiler.tvm_types import Expr, PrimFunc

Array = npt.NDArray[Any]

LANES = 64
MIN_ROW_LANES = 8
"""With fewer rows, lanes are trees."""

MIN_PARALLEL_STEPS = 50_000
"""Minimum work (rows x trees x depth, some 50 us) for which multiple threads pay off."""

_OPAQUE = 8
"""The operator pattern that is never fused. Source: tvm/relax/op_attr_types.h, kOpaque."""


def emit(builder: relax.BlockBuilder, forest: Forest, data: Expr, rows: int) -> Expr:
    """[rows, outputs] float32: the sums of the leaves that data [rows, F] reaches, as calls in `builder`."""
    function = builder.add_func(kernel(forest, rows), "trees")
    tables = [relax.const(array) for array in arguments(forest)]
    result = relax.TensorType((rows, forest.outputs), "float32")
    sums = builder.emit(relax.call_tir(function, [data, *tables], result))
    if forest.scale is None:
        return sums
    means = builder.emit(relax.op.multiply(sums, relax.const(forest.scale)))
    return builder.emit(relax.op.add(means, relax.const(forest.base)))


def kernel(forest: Forest, rows: int) -> PrimFunc:
    """The PrimFunc (data [rows, F], nodes, roots, columns, leaves, start, sets) -> out [rows, outputs]."""
    make = _over_rows if rows >= MIN_ROW_LANES else _over_trees
    return make(forest, rows).with_attr("op_pattern", _OPAQUE)


def arguments(forest: Forest) -> list[Array]:
    """The kernel's arguments after data. Sums start at `base`, as in XGBoost; averages start at 0."""
    start = forest.base if forest.scale is None else np.zeros_like(forest.base)
    sets = forest.sets if forest.categorical else np.zeros(1, "int32")
    return [forest.nodes, forest.roots, forest.columns, forest.leaves, start, sets]


def _next(forest: Forest, nodes: Any, sets: Any, node: Expr, word: Expr, value: Expr, bound: Expr) -> Expr:
    """The node after `node`, whose first words are `word` and `bound`, for the value of its feature.

    They are variables: loads in a conditional expression would become a branch and prevent gathers.
    """
    right = T.Cast("int32", value >= T.reinterpret("float32", bound))
    if forest.categorical:
        right = T.Select((word & CATEGORICAL) != 0, _category_goes_right(nodes, sets, node, word, value), right)
    return nodes[node, 2] + T.Select(T.isnan(value), T.Cast("int32", word < 0), right)


def _category_goes_right(nodes: Any, sets: Any, node: Expr, word: Expr, value: Expr) -> Expr:
    """1 or 0. A value is truncated to its category; negative ones are in no set."""
    listed = (value >= T.float32(0)) & (value < T.Cast("float32", nodes[node, 3]))
    category = T.Cast("int32", T.Select(listed, value, T.float32(0)))
    bits = sets[T.Select(listed, nodes[node, 1] + (category >> 5), 0)]
    return T.Select(listed, (bits >> (category & 31)) & 1, T.Cast("int32", (word & OTHERS_RIGHT) != 0))


def _over_rows(forest: Forest, rows: int) -> PrimFunc:
    """Lanes are rows: processes tree after tree for a block of rows, so that a tree stays in the CPU cache."""
    inputs, outputs, width = forest.features, forest.outputs, forest.leaves.shape[1]
    node_count, tree_count, leaf_count, words = *_sizes(forest), max(len(forest.sets), 1)
    lanes = min(LANES, -(-rows // MIN_ROW_LANES) * MIN_ROW_LANES)
    blocks = -(-rows // lanes)
    loop = T.parallel if _is_worth_threads(forest, rows) and blocks > 1 else T.serial

    @T.prim_func(s_tir=True)
    def trees(
        data: T.Buffer((rows, inputs), "float32"),
        nodes: T.Buffer((node_count, 4), "int32"),
        roots: T.Buffer((tree_count,), "int32"),
        columns: T.Buffer((tree_count,), "int32"),
        leaves: T.Buffer((leaf_count, width), "float32"),
        start: T.Buffer((outputs,), "float32"),
        sets: T.Buffer((words,), "int32"),
        out: T.Buffer((rows, outputs), "float32"),
    ) -> None:
        T.func_attr({"tirx.noalias": True, "tirx.is_scheduled": True, "neo.for_cpus": True})
        for block in loop(blocks):
            node = T.alloc_buffer((lanes,), "int32", scope="local")
            moved = T.alloc_buffer((1,), "int32", scope="local")
            for lane, k in T.grid(lanes, outputs):
                if block * lanes + lane < rows:
                    out[block * lanes + lane, k] = start[k]
            for tree in range(tree_count):
                for lane in range(lanes):
                    node[lane] = roots[tree]
                moved[0] = 1
                while moved[0] != 0:
                    moved[0] = 0
                    for lane in range(lanes):
                        word: T.int32 = nodes[node[lane], 0]
                        bound: T.int32 = nodes[node[lane], 1]
                        value: T.float32 = data[T.min(block * lanes + lane, rows - 1), word & FEATURE_MASK]
                        following: T.int32 = _next(forest, nodes, sets, node[lane], word, value, bound)
                        moved[0] = moved[0] | (following ^ node[lane])
                        node[lane] = following
                for lane, k in T.grid(lanes, width):
                    if block * lanes + lane < rows:
                        out[block * lanes + lane, columns[tree] + k] = (
                            out[block * lanes + lane, columns[tree] + k] + leaves[nodes[node[lane], 3], k]
                        )

    return trees


def _over_trees(forest: Forest, rows: int) -> PrimFunc:
    """Lanes are trees, for each row."""
    inputs, outputs, width = forest.features, forest.outputs, forest.leaves.shape[1]
    node_count, tree_count, leaf_count, words = *_sizes(forest), max(len(forest.sets), 1)
    lanes = min(LANES, tree_count)
    blocks = -(-tree_count // lanes)

    @T.prim_func(s_tir=True)
    def trees(
        data: T.Buffer((rows, inputs), "float32"),
        nodes: T.Buffer((node_count, 4), "int32"),
        roots: T.Buffer((tree_count,), "int32"),
        columns: T.Buffer((tree_count,), "int32"),
        leaves: T.Buffer((leaf_count, width), "float32"),
        start: T.Buffer((outputs,), "float32"),
        sets: T.Buffer((words,), "int32"),
        out: T.Buffer((rows, outputs), "float32"),
    ) -> None:
        T.func_attr({"tirx.noalias": True, "tirx.is_scheduled": True, "neo.for_cpus": True})
        node = T.alloc_buffer((lanes,), "int32", scope="local")
        moved = T.alloc_buffer((1,), "int32", scope="local")
        for row in range(rows):
            for k in range(outputs):
                out[row, k] = start[k]
            for block in range(blocks):
                for lane in range(lanes):
                    node[lane] = roots[T.min(block * lanes + lane, tree_count - 1)]
                moved[0] = 1
                while moved[0] != 0:
                    moved[0] = 0
                    for lane in range(lanes):
                        word: T.int32 = nodes[node[lane], 0]
                        bound: T.int32 = nodes[node[lane], 1]
                        value: T.float32 = data[row, word & FEATURE_MASK]
                        following: T.int32 = _next(forest, nodes, sets, node[lane], word, value, bound)
                        moved[0] = moved[0] | (following ^ node[lane])
                        node[lane] = following
                for lane, k in T.grid(lanes, width):
                    if block * lanes + lane < tree_count:
                        out[row, columns[block * lanes + lane] + k] = (
                            out[row, columns[block * lanes + lane] + k] + leaves[nodes[node[lane], 3], k]
                        )

    return trees


def _sizes(forest: Forest) -> tuple[int, int, int]:
    return len(forest.nodes), len(forest.roots), len(forest.leaves)


def _is_worth_threads(forest: Forest, rows: int) -> bool:
    return rows * len(forest.roots) * max(forest.depth, 1) >= MIN_PARALLEL_STEPS
