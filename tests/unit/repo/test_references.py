"""Numbers are compared with exact references: sessions and interpreters are made in one place each."""

import re
from pathlib import Path

from unit.repo.test_tree import tracked

ROOT = Path(__file__).parents[3]
MAKERS = {
    r"\bInferenceSession\(": {
        "workers/neo_compiler/frontends/onnx/reference.py",
        "tests/bench/rivals.py",  # is timed, and compared with nothing
    },
    r"\bInterpreter\(": {"workers/neo_compiler/frontends/tflite/load.py"},
}
"""What makes a reference -> the files that may, of all that is Python or shown to users."""


def test_only_one_place_makes_a_reference() -> None:
    for maker, allowed in MAKERS.items():
        files = [path for path in tracked("*.py", "*.md", "*.ipynb") if path != Path(__file__)]
        found = {str(path.relative_to(ROOT)) for path in files if re.search(maker, path.read_text(encoding="utf-8"))}
        assert found == allowed, maker
