"""Converts a relax module to a Core ML model (.mlmodel), operator by operator, by coremltools' MIL builder.

coremltools itself supports only PyTorch and TensorFlow; from relax, all frameworks are supported. Core ML's
compiler on the device does the rest. Needs the extra `coreml`.
Source: coremltools' MIL operator reference; the model specification for multi-arrays.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import numpy as np
from tvm import relax

from neo_compiler.errors import CompilationError
from neo_compiler.frontends.base import Imported
from neo_compiler.passes.constant_folding import fold
from neo_compiler.tvm_import import load_coremltools

FILE = "compiled.mlmodel"

Emit = Callable[[Any, list[Any], Any, Any], Any]
"""(MIL builder, arguments, the call's attributes, its type) -> the MIL value."""


def _unary(name: str) -> Emit:
    return lambda mb, args, attrs, ty: getattr(mb, name)(x=args[0])


def _binary(name: str) -> Emit:
    def emit(mb: Any, args: list[Any], attrs: Any, ty: Any) -> Any:
        left, right = args
        if isinstance(left, np.ndarray) and not isinstance(right, np.ndarray):
            left = mb.const(val=left)
        return getattr(mb, name)(x=left, y=right)

    return emit


def _reduce(name: str) -> Emit:
    def emit(mb: Any, args: list[Any], attrs: Any, ty: Any) -> Any:
        axes = list(range(args[0].rank)) if attrs.axis is None else _ints(attrs.axis)
        return getattr(mb, name)(x=args[0], axes=axes, keep_dims=bool(attrs.keepdims))

    return emit


def _reshape(mb: Any, args: list[Any], attrs: Any, ty: Any) -> Any:
    return mb.reshape(x=args[0], shape=_ints(ty.shape))


def _broadcast(mb: Any, args: list[Any], attrs: Any, ty: Any) -> Any:
    wanted, found = _ints(ty.shape), list(args[0].shape)
    found = [1] * (len(wanted) - len(found)) + found
    value = args[0] if len(found) == args[0].rank else mb.reshape(x=args[0], shape=found)
    reps = [1 if have == want else want for have, want in zip(found, wanted, strict=True)]
    return value if set(reps) == {1} else mb.tile(x=value, reps=reps)


def _conv(mb: Any, args: list[Any], attrs: Any, ty: Any) -> Any:
    _only("the layout", (attrs.data_layout, attrs.kernel_layout), ("NCHW", "OIHW"))
    top, left, bottom, right = _ints(attrs.padding)
    return mb.conv(
        x=args[0],
        weight=args[1],
        strides=_ints(attrs.strides),
        pad_type="custom",
        pad=[top, bottom, left, right],
        dilations=_ints(attrs.dilation),
        groups=int(attrs.groups),
    )


def _pool(name: str) -> Emit:
    def emit(mb: Any, args: list[Any], attrs: Any, ty: Any) -> Any:
        _only("the layout", attrs.layout, "NCHW")
        _only("the dilation", _ints(attrs.dilation), [1, 1])
        top, left, bottom, right = _ints(attrs.padding)
        inclusive = {} if name == "max_pool" else {"exclude_padding_from_average": not attrs.count_include_pad}
        return getattr(mb, name)(
            x=args[0],
            kernel_sizes=_ints(attrs.pool_size),
            strides=_ints(attrs.strides),
            pad_type="custom",
            pad=[top, bottom, left, right],
            ceil_mode=bool(attrs.ceil_mode),
            **inclusive,
        )

    return emit


def _global_pool(mb: Any, args: list[Any], attrs: Any, ty: Any) -> Any:
    _only("the size", _ints(attrs.output_size), [1, 1])
    return mb.reduce_mean(x=args[0], axes=[2, 3], keep_dims=True)


def _layer_norm(mb: Any, args: list[Any], attrs: Any, ty: Any) -> Any:
    return mb.layer_norm(x=args[0], axes=_ints(attrs.axes), gamma=args[1], beta=args[2], epsilon=float(attrs.epsilon))


def _take(mb: Any, args: list[Any], attrs: Any, ty: Any) -> Any:
    table = mb.const(val=args[0]) if isinstance(args[0], np.ndarray) else args[0]
    return mb.gather(x=table, indices=args[1], axis=int(attrs.axis))


def _permute(mb: Any, args: list[Any], attrs: Any, ty: Any) -> Any:
    axes = list(range(args[0].rank))[::-1] if attrs.axes is None else _ints(attrs.axes)
    return mb.transpose(x=args[0], perm=axes)


def _cast(mb: Any, args: list[Any], attrs: Any, ty: Any) -> Any:
    return mb.cast(x=args[0], dtype={"float32": "fp32", "bool": "bool"}.get(str(ty.dtype), "int32"))


def _where(mb: Any, args: list[Any], attrs: Any, ty: Any) -> Any:
    return mb.select(cond=args[0], a=args[1], b=args[2])


OPERATORS: dict[str, Emit] = {
    **{f"relax.{name}": _unary(name) for name in ("erf", "tanh", "exp", "sqrt", "abs", "floor", "ceil", "sigmoid")},
    **{f"relax.nn.{name}": _unary(name) for name in ("relu",)},
    "relax.negative": lambda mb, args, attrs, ty: mb.mul(x=args[0], y=-1.0),
    "relax.nn.softmax": lambda mb, args, attrs, ty: mb.softmax(x=args[0], axis=int(attrs.axis)),
    "relax.nn.gelu": lambda mb, args, attrs, ty: mb.gelu(x=args[0], mode="EXACT"),
    **{f"relax.{name}": _binary(name) for name in ("less", "greater", "equal", "maximum", "minimum")},
    "relax.add": _binary("add"),
    "relax.subtract": _binary("sub"),
    "relax.multiply": _binary("mul"),
    "relax.divide": _binary("real_div"),
    "relax.power": _binary("pow"),
    "relax.matmul": _binary("matmul"),
    "relax.mean": _reduce("reduce_mean"),
    "relax.sum": _reduce("reduce_sum"),
    "relax.max": _reduce("reduce_max"),
    "relax.min": _reduce("reduce_min"),
    **{f"relax.{name}": _reshape for name in ("reshape", "squeeze", "expand_dims", "flatten")},
    "relax.nn.batch_flatten": _reshape,
    "relax.broadcast_to": _broadcast,
    "relax.nn.conv2d": _conv,
    "relax.nn.max_pool2d": _pool("max_pool"),
    "relax.nn.avg_pool2d": _pool("avg_pool"),
    "relax.nn.adaptive_avg_pool2d": _global_pool,
    "relax.nn.layer_norm": _layer_norm,
    "relax.take": _take,
    "relax.permute_dims": _permute,
    "relax.astype": _cast,
    "relax.where": _where,
    "relax.concat": lambda mb, args, attrs, ty: mb.concat(values=args[0], axis=int(attrs.axis)),
    "relax.stack": lambda mb, args, attrs, ty: mb.stack(values=args[0], axis=int(attrs.axis)),
}
"""relax operator -> function that creates it in MIL."""


def convert(imported: Imported, labels: Sequence[str], folder: Path) -> Path:
    """Writes the .mlmodel to `folder`, a classifier with `labels`. Returns its path. Raises CompilationError."""
    try:
        logging.getLogger("coremltools").setLevel(logging.ERROR)
        with redirect_stderr(io.StringIO()):  # warnings that this is not macOS, and progress bars
            load_coremltools()
    except ImportError as error:
        raise CompilationError("coreml needs coremltools: pip install 'neo-emulator[coreml]'") from error
    import coremltools

    main = fold(imported.module)["main"]
    classes = coremltools.ClassifierConfig(list(labels)) if labels else None
    try:
        with redirect_stderr(io.StringIO()):
            program = _program(main, imported)
            model = coremltools.convert(program, convert_to="neuralnetwork", classifier_config=classes)
    except CompilationError:
        raise
    except Exception as error:  # coremltools raises many types
        raise CompilationError(f"coremltools cannot create a Core ML model. {error}") from error
    path = folder / FILE
    path.write_bytes(model.get_spec().SerializeToString(deterministic=True))
    return path


def _program(main: relax.Function, imported: Imported) -> Any:
    from coremltools.converters.mil import Builder as mb  # noqa: N813
    from coremltools.converters.mil.mil import Function, Program

    inputs = {item.name: _placeholder(mb, param) for item, param in zip(imported.inputs, main.params, strict=True)}
    with Function(inputs) as function:
        values = {param: function.inputs[name] for param, name in zip(main.params, inputs, strict=True)}
        for block in main.body.blocks:
            for binding in block.bindings:
                values[binding.var] = _value(mb, binding.value, values)
        results = _value(mb, main.body.body, values)
        outputs = results if isinstance(results, list) else [results]
        names = [item.name for item in imported.outputs]
        function.set_outputs([mb.identity(x=output, name=name) for output, name in zip(outputs, names, strict=True)])
    program = Program()
    program.add_function("main", function)
    return program


def _placeholder(mb: Any, param: Any) -> Any:
    from coremltools.converters.mil.mil import types

    shape = _ints(param.ty.shape) if param.ty.shape is not None else None
    if not shape:
        raise CompilationError("the inputs of a Core ML model need static shapes with at least one dimension")
    kind = types.fp32 if str(param.ty.dtype).startswith("float") else types.int32
    return mb.placeholder(shape=shape, dtype=kind)


def _value(mb: Any, value: Any, values: dict[Any, Any]) -> Any:
    """An expression's value in MIL: an MIL value, a numpy array for a constant, a list for a tuple."""
    if value in values:
        return values[value]
    if isinstance(value, relax.Tuple):
        return [_value(mb, item, values) for item in value.fields]
    if isinstance(value, relax.TupleGetItem):
        return _value(mb, value.tuple_value, values)[value.index]
    if not isinstance(value, relax.Call):
        return _constant(value)
    name = str(value.op.name) if hasattr(value.op, "name") else str(value.op)
    if name not in OPERATORS:
        raise CompilationError(
            f"operator {name} is not supported for Core ML; supported are {', '.join(sorted(OPERATORS))}"
        )
    arguments = [_value(mb, item, values) for item in value.args if not isinstance(item, relax.ShapeExpr)]
    if all(isinstance(item, np.ndarray) for item in arguments):
        arguments[0] = mb.const(val=arguments[0])
    return OPERATORS[name](mb, arguments, value.attrs, value.ty)


def _constant(value: Any) -> Any:
    array = value.value.numpy() if hasattr(value, "value") else value.data.numpy()
    return array.astype("int32") if array.dtype in (np.int64, np.uint8, np.int8) else array


def _ints(values: Any) -> list[int]:
    return [int(value) for value in values]


def _only(what: str, found: Any, known: Any) -> None:
    if found != known:
        raise CompilationError(f"{what} {found} is not supported for Core ML; supported is {known}")
