"""Loads TVM without PyTorch.

tvm_ffi imports torch wherever it is installed: two seconds and 300 MB in each child, of use to PYTORCH jobs only. It
has no switch of its own; a module that cannot be imported is one. torch may still be imported after TVM.
Source: apache-tvm-ffi 0.1.15, tvm_ffi/__init__.py.
"""

from __future__ import annotations

import sys
from typing import Any


def load_tvm() -> None:
    """Imports tvm; torch only where this process has it already."""
    modules: dict[str, Any] = sys.modules
    hidden = "torch" not in modules
    if hidden:
        modules["torch"] = None
    try:
        import tvm
        import tvm.relax  # noqa: F401
    finally:
        if hidden:
            del modules["torch"]
