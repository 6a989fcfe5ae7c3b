"""Decision trees as arrays for the kernel in tree_traversal.py, from treelite's models. Does not import tvm.

Source: treelite's model format (treelite.readthedocs.io, "Editing tree models", field accessors).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
TreeliteModel = Any
"""treelite.Model; treelite is untyped."""

DEFAULT_RIGHT, CATEGORICAL, OTHERS_RIGHT = 1 << 31, 1 << 30, 1 << 29
FEATURE_MASK = OTHERS_RIGHT - 1
"""Bits in the first word of a node: its feature, the child for missing values, and, for a categorical node,
the child for categories outside the range of its set."""

LESS_THAN, LESS_OR_EQUAL = 2, 3
"""Supported comparison operators of treelite. Source: treelite/enum/operator.h."""

SUPPORTED = {LESS_THAN: "<", LESS_OR_EQUAL: "<="}
WORD_BITS = 32


class NotATree(ValueError):  # noqa: N818 - caught by name
    """A model that cannot be represented as a Forest; the text is the reason."""


@dataclass(frozen=True)
class Forest:
    """Trees whose leaves are summed into `outputs` columns.

    nodes [N, 4] int32: 0 feature and flags; 1 bits of the threshold, or first word of a set; 2 the left child (the
    right one follows it; a leaf is its own child); 3 a leaf's row in `leaves`, or the bits of a set.
    """

    features: int
    outputs: int
    nodes: Array
    roots: Array  # [T] int32: each tree's first node
    columns: Array  # [T] int32: the output that the first value of each tree's leaves adds to
    leaves: Array  # [L, V] float32
    sets: Array  # [W] int32: bit c of a set is 1 if category c goes right
    base: Array  # [outputs] float32, added to the sum
    scale: Array | None  # [outputs] float32, factor of the sum; None: 1
    depth: int  # of the deepest tree

    @property
    def categorical(self) -> bool:
        """Whether any node is categorical."""
        return len(self.sets) > 0


def from_treelite(model: TreeliteModel) -> Forest:
    """The trees of a treelite model. Raises NotATree if the kernel does not support it."""
    header = model.get_header_accessor()
    width = int(header.get_field("num_class").max())
    outputs = int(header.get_field("num_target")[0]) * width
    targets, classes = header.get_field("target_id"), header.get_field("class_id")
    builder = _Builder(int(model.num_feature))
    for index in range(model.num_tree):
        builder.add(_Tree(model.get_tree_accessor(index)))
    columns = np.maximum(targets, 0) * width + np.maximum(classes, 0)
    if not builder.depth and not builder.nodes:
        raise NotATree("The model has no trees.")
    leaves = builder.leaf_table(outputs if _vector(header) else 1)
    if int(columns.max()) + leaves.shape[1] > outputs:
        raise NotATree(f"A tree adds to output {int(columns.max())} of {outputs}.")
    scale = _scale(columns, leaves.shape[1], outputs) if header.get_field("average_tree_output")[0] else None
    return Forest(
        features=int(model.num_feature),
        outputs=outputs,
        nodes=np.concatenate(builder.nodes),
        roots=np.array(builder.roots, "int32"),
        columns=columns.astype("int32"),
        leaves=leaves,
        sets=np.array(builder.words, "uint32").view("int32"),
        base=np.resize(header.get_field("base_scores"), outputs).astype("float32"),
        scale=scale,
        depth=builder.depth,
    )


def as_less_than(thresholds: Array, operators: Array) -> Array:
    """float32 thresholds t such that `x < t` equals the original comparison, with its operator and float64 (or float32)
    threshold, for every float32 x."""
    exact = np.asarray(thresholds, "float64")
    with np.errstate(over="ignore"):
        near = exact.astype("float32")
    infinity = np.float32(np.inf)
    above = np.where(near < exact, np.nextafter(near, infinity), near)  # x < t
    below = np.where(near > exact, np.nextafter(near, -infinity), near)  # x <= t, which is x < the next after it
    return np.where(operators == LESS_OR_EQUAL, np.nextafter(below, infinity), above).astype("float32")


class _Tree:
    """One tree of treelite with its nodes in the kernel's order: by level, siblings adjacent."""

    def __init__(self, accessor: Any) -> None:
        self._field = accessor.get_field
        left, right = self._field("cleft"), self._field("cright")
        level, levels = np.array([0]), []
        while len(level):
            levels.append(level)
            if sum(map(len, levels)) > len(left):
                raise NotATree("A tree's nodes form a cycle.")
            inner = level[left[level] != -1]
            level = np.stack([left[inner], right[inner]], axis=1).ravel()
        self.depth = len(levels) - 1
        self.order = np.concatenate(levels)
        self.leaf = left[self.order] == -1
        place = np.zeros(len(left), "int64")
        place[self.order] = np.arange(len(self.order))
        self.left = np.where(self.leaf, np.arange(len(self.order)), place[left[self.order]])

    def __getitem__(self, name: str) -> Array:
        """A field of every node, in order."""
        values: Array = self._field(name)[self.order]
        return values

    def sets(self) -> list[tuple[int, Array]]:
        """(index, categories) of the categorical nodes."""
        if not self._field("has_categorical_split")[0]:
            return []
        lists, begins, ends = self._field("category_list"), self["category_list_begin"], self["category_list_end"]
        is_set = (self["cmp"] == 0) & ~self.leaf
        return [(int(place), lists[begins[place] : ends[place]]) for place in np.flatnonzero(is_set)]

    def values(self) -> Array:
        """[leaves, values per leaf], in order."""
        vectors, begins, ends = self._field("leaf_vector"), self["leaf_vector_begin"], self["leaf_vector_end"]
        if not len(vectors):
            single: Array = self["leaf_value"][self.leaf][:, None]
            return single
        return np.stack([vectors[begins[place] : ends[place]] for place in np.flatnonzero(self.leaf)])


class _Builder:
    """Concatenates trees."""

    def __init__(self, features: int) -> None:
        self._features = features
        self.nodes: list[Array] = []
        self.roots: list[int] = []
        self.words: list[int] = []
        self.depth = 0
        self._leaves: list[Array] = []
        self._node_count = self._leaf_count = 0

    def add(self, tree: _Tree) -> None:
        """Appends a tree. Raises NotATree for an unknown comparison."""
        categories = dict(tree.sets())
        self._check(tree, categories)
        words = tree["split_index"].astype("int64")
        words[tree["default_left"] == 0] |= DEFAULT_RIGHT
        words[tree.leaf] = 0
        table = np.zeros((len(tree.order), 4), "int32")
        thresholds = as_less_than(tree["threshold"], tree["cmp"])
        thresholds[tree.leaf] = np.nan  # no value is less: the traversal stays at the leaf
        table[:, 1] = thresholds.view("int32")
        table[tree.leaf, 3] = self._leaf_count + np.arange(int(tree.leaf.sum()))
        to_right = tree["category_list_right_child"]
        for place, listed in categories.items():
            words[place] |= CATEGORICAL | (0 if to_right[place] else OTHERS_RIGHT)
            table[place, 1], table[place, 3] = self._set(listed, bool(to_right[place]))
        table[:, 0] = words.astype("uint32").view("int32")
        table[:, 2] = self._node_count + tree.left
        values = tree.values()
        self.nodes.append(table)
        self.roots.append(self._node_count)
        self._leaves.append(values)
        self._node_count += len(table)
        self._leaf_count += len(values)
        self.depth = max(self.depth, tree.depth)

    def leaf_table(self, width: int) -> Array:
        """All leaves, [L, width] float32."""
        return np.concatenate([np.broadcast_to(v, (len(v), width)) for v in self._leaves]).astype("float32")

    def _set(self, listed: Sequence[int] | Array, to_right: bool) -> tuple[int, int]:
        """The first word and the bits of a set."""
        count = -(-(int(max(listed, default=-1)) + 1) // WORD_BITS)
        bits = np.full(count * WORD_BITS, not to_right)
        bits[np.asarray(listed, "int64")] = to_right
        first = len(self.words)
        self.words += np.packbits(bits, bitorder="little").view("<u4").tolist()
        return first, count * WORD_BITS

    def _check(self, tree: _Tree, categories: dict[int, Array]) -> None:
        asks = ~tree.leaf
        asks[list(categories)] = False
        unknown = set(tree["cmp"][asks].tolist()) - set(SUPPORTED)
        if unknown:
            raise NotATree(
                f"A tree compares by operator {sorted(unknown)}; supported are {', '.join(SUPPORTED.values())}."
            )
        if int(tree["split_index"].max(initial=0)) >= min(self._features, FEATURE_MASK):
            raise NotATree(f"A tree asks for feature {int(tree['split_index'].max())} of {self._features}.")


def _vector(header: Any) -> bool:
    return int(np.prod(header.get_field("leaf_vector_shape"))) > 1


def _scale(columns: Array, width: int, outputs: int) -> Array:
    """The reciprocal of the number of trees per output."""
    counts = np.zeros(outputs)
    for column in columns:
        counts[column : column + width] += 1
    return (1 / np.maximum(counts, 1)).astype("float32")
