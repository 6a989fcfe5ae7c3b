"""TVM's ONNX importer with converters of our own in it, and with errors that name the node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tvm.relax.frontend.onnx import onnx_frontend

from neo_compiler.frontends.onnx import exact, recurrent
from neo_compiler.frontends.onnx.operators import Call, Converter
from neo_compiler.input_config import Shape

CONVERTERS: dict[str, Converter] = dict.fromkeys(("LSTM", "GRU", "RNN"), recurrent.convert) | exact.CONVERTERS
"""Operators that TVM's frontend lacks or gets wrong."""

_HANDLED = ("If", "Constant")


def from_onnx(model: Any, shapes: Mapping[str, Shape], opset: int) -> Any:
    """The model as an IRModule whose `main` keeps the model's names. Raises ValueError naming operator and node."""
    missing = unsupported(model.graph)
    if missing:
        raise ValueError(f"The following operators are not supported: {', '.join(missing)}")
    importer = _Importer({name: list(shape) for name, shape in shapes.items()}, "float32", sanitize=False)
    return importer.from_onnx(model.graph, opset)


def unsupported(graph: Any) -> list[str]:
    """The operators of a graph that nothing here converts, with the first node of each."""
    known = {*onnx_frontend._get_convert_map(), *CONVERTERS, *_HANDLED}
    found: dict[str, str] = {}
    for node in graph.node:
        if node.op_type not in known:
            domain = f"{node.domain}." if node.domain not in ("", "ai.onnx") else ""
            found.setdefault(f"{domain}{node.op_type}", node.name or node.output[0])
    return [f"{op} (node {name})" for op, name in sorted(found.items())]


class _Importer(onnx_frontend.ONNXGraphImporter):  # type: ignore[misc]
    def _check_for_unsupported_ops(self, graph: Any) -> None:
        """`unsupported` has looked."""

    def _convert_operator(self, op_name: str, inputs: list[Any], attrs: dict[str, Any], opset: int) -> Any:
        try:
            if op_name in CONVERTERS:
                return self.bb.normalize(CONVERTERS[op_name](Call(op_name, self.bb, inputs, attrs)))
            return super()._convert_operator(op_name, inputs, attrs, opset)
        except Exception as error:  # TVM raises many types
            name = attrs.get("tvm_custom", {}).get("name") or "without a name"
            raise ValueError(f"{op_name} (node {name}): {error}") from error
