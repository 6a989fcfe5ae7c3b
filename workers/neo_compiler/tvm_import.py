"""Imports tvm and coremltools without the optional packages that they import if installed.

tvm_ffi imports torch if it is installed: two seconds and 300 MB in each child, needed for PYTORCH jobs only.
coremltools imports torch, TensorFlow, scikit-learn and XGBoost, ten seconds, and MIL needs none. Neither has a
switch for it, so the modules are hidden during the import. They can be imported afterwards.
Source: apache-tvm-ffi 0.1.15, tvm_ffi/__init__.py; coremltools 9.0, coremltools/_deps/__init__.py.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def hidden(*names: str) -> Iterator[None]:
    """Inside the block, these packages cannot be imported, unless this process has already imported them."""
    modules: dict[str, Any] = sys.modules
    new = [name for name in names if name not in modules]
    modules.update(dict.fromkeys(new))
    try:
        yield
    finally:
        for name in new:
            del modules[name]


def load_tvm() -> None:
    """Imports tvm without torch, unless this process has already imported that."""
    with hidden("torch"):
        import tvm
        import tvm.relax  # noqa: F401


def load_coremltools() -> None:
    """Imports coremltools without other frameworks, unless already imported. Raises ImportError."""
    with hidden("torch", "tensorflow", "sklearn", "xgboost"):
        import coremltools  # noqa: F401
