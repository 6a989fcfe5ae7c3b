"""Names for the types of TVM and ONNX objects. Both packages are untyped: to mypy each of these is Any."""

from __future__ import annotations

from typing import Any

IRModule = Any
"""tvm.IRModule."""

Expr = Any
"""An expression of relax (in frontends and passes) or of TIR (in kernels)."""

PrimFunc = Any
"""tvm.tirx.PrimFunc: one kernel."""

Tensor = Any
"""tvm.te.Tensor: a tensor of a tensor expression."""

Block = Any
"""A block of a TVM schedule."""

Loop = Any
"""A loop of a TVM schedule."""

Executable = Any
"""tvm.relax.VMExecutable: a program of TVM's virtual machine."""

RuntimeModule = Any
"""tvm.runtime.Module: compiled code."""

Importer = Any
"""tvm's ExportedProgramImporter, which reads PyTorch's exported programs."""

OnnxModel = Any
"""onnx.ModelProto."""

OnnxGraph = Any
"""onnx.GraphProto."""

OnnxNode = Any
"""onnx.NodeProto."""

OnnxTensor = Any
"""onnx.TensorProto."""
