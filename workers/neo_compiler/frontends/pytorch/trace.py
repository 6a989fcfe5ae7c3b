"""Makes an IRModule of a PyTorch model: TorchScript is traced into a graph, which torch.export and TVM then read."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils import _pytree as pytree
from tvm.relax.frontend.torch import from_exported_program

from neo_compiler.frontends.pytorch.convert import CONVERTERS
from neo_compiler.frontends.pytorch.decompose import DECOMPOSITIONS
from neo_compiler.frontends.pytorch.model import Model
from neo_compiler.frontends.pytorch.rewrite import Refused, rewrite
from neo_compiler.tvm_types import IRModule

OPSET = 17
"""Newest opset that the exporter for TorchScript writes well."""

Tensors = Sequence[torch.Tensor]
Program = Any
"""torch.export.ExportedProgram; torch is an extra, which lint does without."""


def to_relax(model: Model, examples: Tensors) -> IRModule:
    """The model for inputs like `examples`, its weights as constants. Raises what torch and TVM do."""
    with torch.no_grad():
        if model.exported:
            return _convert(_fixed(model, examples))
        try:
            return _convert(_trace(model.source, examples))
        except Refused:
            raise
        except Exception:  # of the two errors the first is told: the model's author knows its operators
            with contextlib.suppress(Exception):
                return _through_onnx(model.source, examples)
            raise


def _trace(script: Any, examples: Tensors) -> Program:
    """A ScriptModule as a program; its branches go as they do for `examples`.

    Without mkldnn, whose fused recurrent layers TVM does not know.
    """
    frozen = torch.jit.freeze(script) if hasattr(script, "training") else script
    with torch.backends.mkldnn.flags(enabled=False):
        graph = make_fx(lambda *inputs: frozen(*inputs), decomposition_table=DECOMPOSITIONS)(*examples)
        rewrite(graph.graph)
        graph.recompile()
        return torch.export.export(graph, tuple(examples), strict=False)


def _fixed(model: Model, examples: Tensors) -> Program:
    """The program without open sizes."""
    program: Program = model.source
    if all(argument.shape == tuple(item.shape) for argument, item in zip(model.arguments, examples, strict=True)):
        return program
    args, kwargs = pytree.tree_unflatten(list(examples), program.call_spec.in_spec)
    return torch.export.export(program.module(), args, kwargs, strict=False)


def _convert(program: Program) -> IRModule:
    table = torch.export.default_decompositions()
    table.update(DECOMPOSITIONS)
    program = program.run_decompositions(table)
    for part in program.graph_module.modules():  # branches are graphs of their own
        if isinstance(part, torch.fx.GraphModule):
            rewrite(part.graph)
            part.recompile()
    return from_exported_program(
        program, run_ep_decomposition=False, unwrap_unit_return_tuple=True, custom_convert_map=CONVERTERS
    )


def _through_onnx(script: Any, examples: Tensors) -> IRModule:
    """Through torch's exporter for TorchScript, which prints the whole graph when it fails."""
    from neo_compiler.frontends.onnx import load as onnx_frontend

    names = [f"input{index}" for index in range(len(examples))]
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        path = Path(folder) / "model.onnx"
        torch.onnx.export(script, tuple(examples), str(path), dynamo=False, opset_version=OPSET, input_names=names)
        imported = onnx_frontend.load([path], None)
    if [item.name for item in imported.inputs] != names:
        raise ValueError("torch.onnx.export left inputs out.")
    return imported.module
