"""TVM is loaded without torch, coremltools without any framework; they may follow."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

SCRIPT = """
import sys
from neo_compiler import pipeline
from neo_compiler.settings import CompilerSettings
pipeline.preload(CompilerSettings())
assert "tvm" in sys.modules
assert "torch" not in sys.modules, "preload loaded torch"
try:
    import torch
except ImportError:
    pass
"""


def test_what_children_fork_from_has_no_torch() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


COREML = """
import sys
from neo_compiler.tvm_import import load_coremltools
load_coremltools()
found = {"torch", "tensorflow", "sklearn", "xgboost"} & sys.modules.keys()
assert not found, found
from coremltools.converters.mil import Builder
"""


@pytest.mark.skipif(find_spec("coremltools") is None, reason="pip install 'neo-emulator[coreml]'")
def test_core_ml_needs_no_other_framework() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", COREML], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
