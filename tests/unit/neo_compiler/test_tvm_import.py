"""TVM is loaded without torch; torch may follow."""

import subprocess
import sys

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
