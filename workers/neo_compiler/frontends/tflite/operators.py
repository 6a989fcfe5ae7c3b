"""TVM's TFLite operators, where its own go wrong. Source: TVM 0.27, relax.frontend.tflite."""

from __future__ import annotations

from typing import Any

from tvm import relax
from tvm.relax.frontend.tflite import from_tflite
from tvm.relax.frontend.tflite.tflite_frontend import OperatorConverter

from neo_compiler.frontends.base import Array, random_text
from neo_compiler.tvm_types import IRModule


def convert(model: Any) -> IRModule:
    """A tflite.Model in relax, its weights as constants. Raises what TVM does."""
    return from_tflite(model, op_converter=Operators)


class Operators(OperatorConverter):  # type: ignore[misc]
    """Each method says which mistake it puts right."""

    def convert_expand_dims(self, op: Any) -> Any:
        """TVM gives expand_dims an argument too many."""
        source, axis = self.get_input_tensors(op)
        return relax.op.expand_dims(self.get_tensor_expr(source), int(self.get_tensor_value(axis).flat[0]))

    def convert_transpose_conv(self, op: Any) -> Any:
        """TVM makes a call that it cannot lower: of NHWC, by weights in IOHW."""
        raise NotImplementedError("TRANSPOSE_CONV is not supported: TVM does not lower it from NHWC.")

    def convert_random_uniform(self, op: Any) -> Any:
        """TVM calls a function that artifacts have not."""
        raise NotImplementedError(random_text("RANDOM_UNIFORM"))

    def convert_random_standard_normal(self, op: Any) -> Any:
        """As random_uniform."""
        raise NotImplementedError(random_text("RANDOM_STANDARD_NORMAL"))

    def convert_multinomial(self, op: Any) -> Any:
        """As random_uniform."""
        raise NotImplementedError(random_text("MULTINOMIAL"))

    def convert_reshape(self, op: Any) -> Any:
        """TVM takes no target that is computed: it is the shape that the file gives the result."""
        inputs, result = self.get_input_tensors(op), self.get_output_tensors(op)[0].tensor
        if len(inputs) != 2 or not self.has_expr(inputs[1].tensor_idx) or inputs[0].qnn_params:
            return super().convert_reshape(op)
        signature = result.ShapeSignatureAsNumpy() if result.ShapeSignatureLength() else result.ShapeAsNumpy()
        sizes = [int(size) for size in signature]
        if sizes.count(-1) > 1:
            raise ValueError(f"The shape of {result.Name().decode()} is computed at run time")
        return relax.op.reshape(self.get_expr(inputs[0].tensor_idx), sizes)

    def get_tensor_value(self, tensor_wrapper: Any, is_sparse: bool = False) -> Array:
        """Weights that DENSIFY made have no buffer of their own."""
        if not is_sparse and self.is_prefetched(tensor_wrapper.tensor_idx):
            made: Array = self.get_prefetched_node(tensor_wrapper.tensor_idx)
            return made
        value: Array = super().get_tensor_value(tensor_wrapper, is_sparse)
        return value
