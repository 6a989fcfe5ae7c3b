"""Converts convolutions and matrix products to templates: the part common to CPUs and GPUs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neo_compiler.passes.constant_folding import constant
from neo_compiler.passes.rewriter import Rewriter, op_name
from neo_compiler.tvm_types import Expr

Array = npt.NDArray[Any]

OUT_FUSABLE = 4
"""TVM's OpPatternKind kOutEWiseFusable: element-wise operators may follow in the same kernel."""

MAX_GROUPS = 64
"""Maximum number of groups of a convolution; with more, TVM's own is used."""


class Packer(Rewriter):
    """Rewrites conv2d and matmul; those for which a method returns None are left to TVM."""

    def call(self, call: Expr, args: list[Expr]) -> Expr | None:
        """By the operator."""
        name = op_name(call)
        if name == "relax.nn.conv2d":
            return self.conv2d(call, args)
        return self.matmul(call, args) if name == "relax.matmul" else None

    def conv2d(self, call: Expr, args: list[Expr]) -> Expr | None:
        """A convolution."""
        raise NotImplementedError

    def matmul(self, call: Expr, args: list[Expr]) -> Expr | None:
        """A product of matrices."""
        raise NotImplementedError

    def template(self, template: Any, data: Expr, weight: Array | Expr, *arguments: Any) -> Expr:
        """A kernel of `template`, by its name."""
        return self.builder.call_te(
            template,
            data,
            constant(weight) if isinstance(weight, np.ndarray) else weight,
            *arguments,
            primfunc_name_hint=f"neo_{template.__name__}",
            primfunc_attrs={"op_pattern": OUT_FUSABLE},
        )
