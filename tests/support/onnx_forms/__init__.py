"""Forms of ONNX operators, made from tables: all versions of their schemas, all values of their enums, odd sizes.

`table.forms()` gives them; `python -m support.onnx_forms.run` compares them with ONNX Runtime.
"""

from support.onnx_forms import (
    binary,
    control,
    images,
    indexing,
    normal,
    quantised,
    recurrent,
    reductions,
    resizing,
    shapes,
    signals,
    unary,
    windows,
)

GENERATOR_MODULES = (
    *(binary, control, images, indexing, normal, quantised, recurrent, reductions, resizing),
    *(shapes, signals, unary, windows),
)
"""Each has GENERATORS: operator -> the function that gives its forms for one Operator."""
