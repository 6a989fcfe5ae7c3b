"""ONNX's LSTM, GRU and RNN in relax: one product for all inputs, then a kernel that loops over time.

TVM's own frontend has none of them. Source: ONNX operators, LSTM-22, GRU-22, RNN-22.
"""

from __future__ import annotations

import numpy as np
from tvm import relax

from neo_compiler.frontends.base import Array
from neo_compiler.frontends.onnx.operators import Call
from neo_compiler.kernels.recurrent import Layer, activation, kernel
from neo_compiler.tvm_types import Expr

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
ACTIVATIONS = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh"), "RNN": ("Tanh",)}


def convert(call: Call) -> Expr:
    """Y [T, D, N, H], Y_h [D, N, H] and, for LSTM, Y_c; with layout 1 the batch comes first."""
    layout = call.integer("layout", 0)
    x = call.input(0)
    if layout:
        x = call.emit(relax.op.permute_dims(x, [1, 0, 2]))
    directions = [_direction(call, x, index, layout) for index in range(_count(call))]
    y, h, c = (list(items) for items in zip(*directions, strict=True))
    outputs = [call.emit(relax.op.stack(y, axis=1)), call.emit(relax.op.stack(h, axis=0))]
    if call.op == "LSTM":
        outputs.append(call.emit(relax.op.stack(c, axis=0)))
    if layout:
        outputs = [call.emit(relax.op.permute_dims(outputs[0], [2, 0, 1, 3]))] + [
            call.emit(relax.op.permute_dims(item, [1, 0, 2])) for item in outputs[1:]
        ]
    return relax.Tuple(outputs)


def _count(call: Call) -> int:
    return 2 if call.text("direction", "forward") == "bidirectional" else 1


def _direction(call: Call, x: Expr, index: int, layout: int) -> tuple[Expr, Expr, Expr]:
    """y [T, N, H], the last h and the last c [N, H] of one direction."""
    length, batch, width = call.shape(x)
    layer = _layer(call, length, batch, index, str(x.ty.dtype))
    gates, hidden = GATES[call.op], layer.hidden
    w, r = (call.emit(_transposed(call, call.input(place), index)) for place in (1, 2))
    bias, late_bias = _biases(call, index, layer)
    flat = call.emit(relax.op.reshape(x, (length * batch, width)))
    summed = call.emit(relax.op.add(call.emit(relax.op.matmul(flat, w)), bias))
    sums = call.emit(relax.op.reshape(summed, (length, batch, gates * hidden)))
    states = [_state(call, place, index, layout, layer) for place in (5, 6 if call.op == "LSTM" else None)]
    peepholes = _peepholes(call, index, layer)
    lens = _lens(call, layer)
    shapes = ((length, batch, hidden), (batch, hidden), (batch, hidden), (batch, gates * hidden))
    result = call.kernel(
        kernel(call.op, layer),
        [sums, r, late_bias, peepholes, *states, lens],
        [relax.TensorType(shape, layer.dtype) for shape in shapes],
    )
    y, h, c = (call.emit(relax.TupleGetItem(result, place)) for place in range(3))
    return y, h, c


def _layer(call: Call, length: int, batch: int, index: int, dtype: str) -> Layer:
    direction = call.text("direction", "forward")
    defaults = ACTIVATIONS[call.op]
    names = [*call.texts("activations")] or [*defaults] * _count(call)
    alphas, betas = (_spread(call, names, key) for key in ("activation_alpha", "activation_beta"))
    mine = slice(index * len(defaults), (index + 1) * len(defaults))
    functions = [activation(*item, dtype) for item in zip(names[mine], alphas[mine], betas[mine], strict=True)]
    return Layer(
        length,
        batch,
        call.integer("hidden_size"),
        dtype,
        reverse=direction == "reverse" or index == 1,
        activations=tuple(functions),
        clip=call.number("clip", None),
        input_forget=bool(call.integer("input_forget", 0)),
        linear_before_reset=bool(call.integer("linear_before_reset", 0)),
    )


_WITH_ALPHA = {"leakyrelu", "thresholdedrelu", "scaledtanh", "hardsigmoid", "elu", "affine"}
_WITH_BETA = {"scaledtanh", "hardsigmoid", "affine"}


def _spread(call: Call, names: list[str], key: str) -> list[float | None]:
    """Each function's own constant: the attribute lists them for the functions that have one."""
    takers = _WITH_ALPHA if key == "activation_alpha" else _WITH_BETA
    given = iter(call.numbers(key))
    return [next(given, None) if name.lower() in takers else None for name in names]


def _transposed(call: Call, weights: Expr, index: int) -> Expr:
    """[I, gates * H] of one direction, computed here when the weights are constant."""
    array = call.constant(weights)
    if array is not None:
        return relax.const(np.ascontiguousarray(array[index].T), str(array.dtype))
    return relax.op.permute_dims(_of_direction(call, weights, index))


def _of_direction(call: Call, value: Expr, index: int) -> Expr:
    return call.emit(relax.op.take(value, relax.const(np.int64(index)), axis=0))


def _biases(call: Call, index: int, layer: Layer) -> tuple[Expr, Expr]:
    """The bias of the inputs' product, and the recurrent one that GRU adds to its candidate apart."""
    size = GATES[call.op] * layer.hidden
    given = call.input(3)
    if given is None:
        zeros = relax.const(np.zeros(size, layer.dtype), layer.dtype)
        return zeros, zeros
    array = call.constant(given)
    if array is None:
        return _computed_biases(call, _of_direction(call, given, index), size, layer)
    inner, outer = array[index, :size], array[index, size:]
    late = np.zeros(size, layer.dtype)
    if call.op == "GRU":
        late[2 * layer.hidden :] = outer[2 * layer.hidden :]
    early = (inner + outer - late).astype(layer.dtype)
    return relax.const(early, layer.dtype), relax.const(late, layer.dtype)


def _computed_biases(call: Call, both: Expr, size: int, layer: Layer) -> tuple[Expr, Expr]:
    inner, outer = (call.emit(relax.op.strided_slice(both, [0], [k * size], [(k + 1) * size])) for k in range(2))
    mask = np.zeros(size, layer.dtype)
    if call.op == "GRU":
        mask[2 * layer.hidden :] = 1
    late = call.emit(relax.op.multiply(outer, relax.const(mask, layer.dtype)))
    return call.emit(relax.op.subtract(call.emit(relax.op.add(inner, outer)), late)), late


def _state(call: Call, place: int | None, index: int, layout: int, layer: Layer) -> Expr:
    given = None if place is None else call.input(place)
    if given is None:
        return relax.const(np.zeros((layer.batch, layer.hidden), layer.dtype), layer.dtype)
    return call.emit(relax.op.take(given, relax.const(np.int64(index)), axis=1 if layout else 0))


def _peepholes(call: Call, index: int, layer: Layer) -> Expr:
    given = call.input(7) if call.op == "LSTM" else None
    if given is None:
        return relax.const(np.zeros((3, layer.hidden), layer.dtype), layer.dtype)
    mine = _of_direction(call, given, index)
    return call.emit(relax.op.reshape(mine, (3, layer.hidden)))


def _lens(call: Call, layer: Layer) -> Expr:
    given = call.input(4)
    if given is not None:
        return given
    full: Array = np.full(layer.batch, layer.length, "int32")
    return relax.const(full)
