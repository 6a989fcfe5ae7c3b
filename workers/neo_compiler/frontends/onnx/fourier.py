"""Fourier transforms as products with matrices. Source: ONNX operators, DFT and STFT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neo_compiler.frontends.base import Array
from neo_compiler.frontends.onnx.nodes import Constant, Nodes, Rewrite
from neo_compiler.tvm_types import OnnxNode


def _dft(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """A product with the matrix of cosines and sines. Input and output [..., n, ..., 1 or 2]."""
    nodes = Nodes(node, types)
    attributes, shape = nodes.attributes(), nodes.shape(0)
    axis = -2
    if nodes.input(2):
        given = constant(nodes.input(2))
        if given is None:
            raise ValueError("DFT needs a constant axis")
        axis = int(given)
    axis %= len(shape)
    given = constant(nodes.input(1)) if nodes.input(1) else np.array(_signal_length(attributes, shape[axis]))
    if given is None:
        raise ValueError("DFT needs a constant dft_length")
    length, inverse = int(given), bool(attributes.get("inverse", 0))
    onesided = bool(attributes.get("onesided", 0))
    matrix = _real(length) if onesided and inverse else _fourier(shape[axis], length, inverse, onesided, shape[-1])
    parts = 1 if onesided and inverse else 2
    order = [place for place in range(len(shape)) if place not in (axis, len(shape) - 1)]
    front = nodes.add("Transpose", nodes.input(0), perm=[*order, axis, len(shape) - 1])
    rest = [shape[place] for place in order]
    flat = nodes.add("Reshape", front, nodes.constant([*rest, shape[axis] * shape[-1]], "int64"))
    made = nodes.add("MatMul", flat, nodes.constant(matrix, nodes.dtype(0)))
    split = nodes.add("Reshape", made, nodes.constant([*rest, matrix.shape[1] // parts, parts], "int64"))
    back = list(np.argsort([*order, axis, len(shape) - 1]))
    nodes.add("Transpose", split, perm=[int(place) for place in back], output=nodes.output())
    return nodes.made


def _signal_length(attributes: dict[str, Any], bins: int) -> int:
    return 2 * (bins - 1) if attributes.get("onesided", 0) and attributes.get("inverse", 0) else bins


def _fourier(size: int, length: int, inverse: bool, onesided: bool, parts: int) -> Array:
    """[size * parts, bins * 2]: from real (1) or real and imaginary (2) values to real and imaginary bins."""
    bins = length // 2 + 1 if onesided else length
    angle = 2 * np.pi * np.outer(np.arange(size), np.arange(bins)) / length
    turn = np.exp((1j if inverse else -1j) * angle) / (length if inverse else 1)
    turn[length:] = 0  # a longer signal is cut
    rows = [np.stack([turn.real, turn.imag], -1), np.stack([-turn.imag, turn.real], -1)][:parts]
    matrix: Array = np.stack(rows, 1).reshape(size * parts, bins * 2)
    return matrix


def _real(length: int) -> Array:
    """[(length // 2 + 1) * 2, length]: from the bins of a real signal back to it."""
    bins = length // 2 + 1
    weight = np.full((bins, 1), 2.0)
    weight[0] = 1
    if length % 2 == 0:
        weight[-1] = 1
    angle = 2 * np.pi * np.outer(np.arange(bins), np.arange(length)) / length
    matrix: Array = np.stack([weight * np.cos(angle), -weight * np.sin(angle)], 1).reshape(bins * 2, length) / length
    return matrix


def _stft(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode]:
    """Frames of the signal [N, L, 1 or 2], each times the window, each transformed: [N, frames, bins, 2]."""
    nodes = Nodes(node, types)
    n, size, *parts = nodes.shape(0)
    step, window = constant(nodes.input(1)), nodes.input(2)
    given = constant(nodes.input(3)) if nodes.input(3) else None
    if step is None or (nodes.input(3) and given is None):
        raise ValueError("STFT needs a constant frame_step and frame_length")
    length = int(given) if given is not None else nodes.shape(2)[0]
    frames = (size - length) // int(step) + 1
    places = np.arange(frames)[:, None] * int(step) + np.arange(length)[None]
    signal = nodes.add("Reshape", nodes.input(0), nodes.constant([n, size, *(parts or [1])], "int64"))
    cut = nodes.add("Gather", signal, nodes.constant(places, "int64"), axis=1)
    if window:
        cut = nodes.add("Mul", cut, nodes.add("Reshape", window, nodes.constant([1, 1, length, 1], "int64")))
    width = (parts or [1])[0]
    matrix = _fourier(length, length, False, bool(nodes.attributes().get("onesided", 1)), width)
    flat = nodes.add("Reshape", cut, nodes.constant([n, frames, length * width], "int64"))
    made = nodes.add("MatMul", flat, nodes.constant(matrix, nodes.dtype(0)))
    target = nodes.constant([n, frames, matrix.shape[1] // 2, 2], "int64")
    nodes.add("Reshape", made, target, output=nodes.output())
    return nodes.made


REWRITES: dict[str, Rewrite] = {"DFT": _dft, "STFT": _stft}
