"""PyTorch's three kinds of model files, made of a net."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from neo_compiler.frontends.base import Array, quiet

KINDS = {"trace": ".pth", "script": ".pt", "export": ".pt2"}
"""How a net is saved -> the ending of its file."""


def save(net: nn.Module, inputs: list[Tensor], kind: str, folder: Path) -> Path:
    """The model's file in `folder`."""
    path = folder / f"model{KINDS[kind]}"
    with torch.no_grad(), quiet():
        if kind == "export":
            torch.export.save(torch.export.export(net, tuple(inputs)), str(path))
        else:
            script = torch.jit.script(net) if kind == "script" else torch.jit.trace(net, tuple(inputs), strict=False)
            script.save(str(path))
    return path


def truth(net: nn.Module, inputs: list[Tensor]) -> list[Array]:
    """What the net itself computes."""
    with torch.no_grad():
        return [item.numpy() for item in pytree.tree_leaves(net(*inputs))]
