"""Loads packages without what they import only because it is installed.

tvm_ffi imports torch wherever it is there: two seconds and 300 MB in each child, of use to PYTORCH jobs only.
coremltools imports torch, TensorFlow, scikit-learn and XGBoost, ten seconds, and MIL needs none of them. Neither has a
switch for it; a module that cannot be imported is one. What was hidden may still be imported afterwards.
Source: apache-tvm-ffi 0.1.15, tvm_ffi/__init__.py; coremltools 9.0, coremltools/_deps/__init__.py.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def hidden(*names: str) -> Iterator[None]:
    """Those of these packages that this process has not imported yet cannot be imported inside the block."""
    modules: dict[str, Any] = sys.modules
    new = [name for name in names if name not in modules]
    modules.update(dict.fromkeys(new))
    try:
        yield
    finally:
        for name in new:
            del modules[name]


def load_tvm() -> None:
    """Imports tvm; torch only where this process has it already."""
    with hidden("torch"):
        import tvm
        import tvm.relax  # noqa: F401


def load_coremltools() -> None:
    """Imports coremltools; other frameworks only where this process has them already. Raises ImportError."""
    with hidden("torch", "tensorflow", "sklearn", "xgboost"):
        import coremltools  # noqa: F401
