"""MXNet's fused recurrent layers, as ONNX's LSTM, GRU and RNN. Source: Apache MXNet 1.9 API, mx.sym.RNN."""

from __future__ import annotations

from dataclasses import dataclass

from neo_compiler.frontends.mxnet.file import Node
from neo_compiler.frontends.mxnet.operators import Operator, State


@dataclass(frozen=True)
class _Mode:
    op: str
    gates: tuple[int, ...]  # MXNet's gate that stands at each of ONNX's places
    activation: str | None = None


_MODES = {
    "lstm": _Mode("LSTM", (0, 3, 1, 2)),  # i f c o -> i o f c
    "gru": _Mode("GRU", (1, 0, 2)),  # r z h -> z r h
    "rnn_tanh": _Mode("RNN", (0,), "Tanh"),
    "rnn_relu": _Mode("RNN", (0,), "Relu"),
}


def _rnn(state: State, node: Node, inputs: list[str]) -> list[str]:
    """Inputs: data [T, N, I], all weights in one vector, h [layers * directions, N, H], c. Results: data, h, c."""
    graph, mode = state.graph, _MODES[node.text("mode", "")]
    if node.value("projection_size", None) is not None or node.flag("use_sequence_length"):
        raise ValueError("projections and sequence lengths are not available")
    layers, hidden = node.integer("num_layers"), node.integer("state_size")
    directions = 2 if node.flag("bidirectional") else 1
    data, parameters, *states = inputs
    packed = _Packed(state, parameters, mode, hidden, directions)
    ends: list[list[str]] = []
    for layer, (weights, recurrent) in enumerate(packed.weights(layers, graph.shape(data)[2])):
        begin = [_part(state, name, layer * directions, directions) for name in states]
        attributes: dict[str, object] = {"hidden_size": hidden}
        if directions == 2:
            attributes["direction"] = "bidirectional"
        if mode.op == "GRU":
            attributes["linear_before_reset"] = 1
        if mode.activation:
            attributes["activations"] = [mode.activation] * directions
        count = 3 if mode.op == "LSTM" else 2
        bias = packed.bias(layers, layer)
        made, *end = graph.add_many(mode.op, count, data, weights, recurrent, bias, "", *begin, **attributes)
        length, _, batch, _ = graph.shape(made)
        data = graph.reshape(graph.add("Transpose", made, perm=[0, 2, 1, 3]), [length, batch, directions * hidden])
        ends.append(end)
    packed.check()
    return [data, *(graph.add("Concat", *items, axis=0) for items in zip(*ends, strict=True))]


def _part(state: State, name: str, begin: int, count: int) -> str:
    return state.graph.slice(name, 0, begin, begin + count) if name else ""


class _Packed:
    """The vector: for each layer and direction W then R, then for each layer and direction the two biases."""

    def __init__(self, state: State, name: str, mode: _Mode, hidden: int, directions: int) -> None:
        self._graph, self._name, self._mode = state.graph, name, mode
        self._hidden, self._directions, self._used = hidden, directions, 0

    def weights(self, layers: int, width: int) -> list[tuple[str, str]]:
        """W [directions, gates * H, I] and R [directions, gates * H, H] of every layer."""
        made = []
        for _ in range(layers):
            pairs = [(self._matrix(width), self._matrix(self._hidden)) for _ in range(self._directions)]
            made.append((self._stack([pair[0] for pair in pairs]), self._stack([pair[1] for pair in pairs])))
            width = self._hidden * self._directions
        self._biases_at = self._used
        self._used += layers * self._directions * 2 * len(self._mode.gates) * self._hidden
        return made

    def bias(self, layers: int, layer: int) -> str:
        """[directions, 2 * gates * H]."""
        size = len(self._mode.gates) * self._hidden
        begin = self._biases_at + layer * self._directions * 2 * size
        halves = [self._gates(begin + half * size, [-1]) for half in range(2 * self._directions)]
        return self._graph.reshape(self._graph.add("Concat", *halves, axis=0), [self._directions, 2 * size])

    def check(self) -> None:
        """Raises ValueError when the vector has another length."""
        (size,) = self._graph.shape(self._name)
        if size != self._used:
            raise ValueError(f"it takes {self._used} weights, there are {size}")

    def _matrix(self, width: int) -> str:
        begin = self._used
        self._used += len(self._mode.gates) * self._hidden * width
        return self._gates(begin, [-1, width])

    def _gates(self, begin: int, shape: list[int]) -> str:
        """The gates in ONNX's order, each in `shape` (a -1 is H)."""
        sizes = [self._hidden if size == -1 else size for size in shape]
        size = self._hidden * (sizes[1] if len(sizes) > 1 else 1)
        parts = [self._graph.slice(self._name, 0, begin + g * size, begin + (g + 1) * size) for g in self._mode.gates]
        return self._graph.add("Concat", *(self._graph.reshape(part, sizes) for part in parts), axis=0)

    def _stack(self, items: list[str]) -> str:
        axis = self._graph.constant([0], "int64")
        return self._graph.add("Concat", *(self._graph.add("Unsqueeze", item, axis) for item in items), axis=0)


OPERATORS: dict[str, Operator] = {"RNN": _rnn}
