"""Rules about the tree itself."""

import ast
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]
MAX_LINES = 300
MAX_FUNCTION_LINES = 50


def tracked(*patterns: str) -> list[Path]:
    """Files of the repository, whether or not they are committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", *patterns], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        return [path for pattern in patterns for path in ROOT.glob(f"*/**/{pattern}")]
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_product_files_are_short() -> None:
    files = [path for path in tracked("*.py", "*.c", "*.h", "*.lua") if "tests" not in path.relative_to(ROOT).parts]
    lengths = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert lengths
    assert {path: lines for path, lines in lengths.items() if lines > MAX_LINES} == {}


def long_functions(path: Path) -> list[str]:
    """Functions of more than 50 lines. A kernel in TVMScript does not count: it cannot be split."""
    return [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION_LINES
        and "prim_func" not in ast.unparse(node)
    ]


def test_product_functions_are_short() -> None:
    files = [path for path in tracked("*.py") if path.relative_to(ROOT).parts[0] in ("emulator", "workers", "targets")]
    assert files
    assert [name for path in files for name in long_functions(path)] == []


def test_no_machine_paths_or_registry_hosts_are_committed() -> None:
    hosts = "|".join(["pypi" + r"\.org", "python" + "hosted", "registry" + r"\.npmjs", "deb" + r"\.debian\.org"])
    forbidden = re.compile(rf"/root/|/work/|{hosts}")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked("*.py", "*.md", "*.toml", "*.txt", "*.yaml", "*.json", "Makefile", "Dockerfile", ".ci/run")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if forbidden.search(line)
    ]
    assert [place for place in found if not place.startswith("tests/unit/repo/test_tree.py")] == []


def test_every_invariant_names_enforcers_that_exist() -> None:
    invariants = re.findall(r"^(?:-|\d+\.) (.+)$", (ROOT / "INVARIANTS.md").read_text(encoding="utf-8"), re.MULTILINE)
    contracts = set(re.findall(r'^name = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE))
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    wrong = {}
    for invariant in invariants:
        rule, _, enforcers = invariant.partition(" — ")
        names = re.findall(r"`([^`]+)`", enforcers)
        missing = [name for name in names if not _is_target(name, targets) and not _is_test(name)]
        missing += set(re.findall(r'"([^"]+)"', enforcers)) - contracts
        if missing or not (names or "import-linter: " in enforcers):
            wrong[rule] = missing
    assert len(invariants) > 50
    assert wrong == {}


def _is_target(name: str, targets: set[str]) -> bool:
    return name.startswith("make ") and name.removeprefix("make ") in targets


def _is_test(name: str) -> bool:
    """Whether `file::name` or `file`, which may be a pattern, exists below tests/."""
    path, _, function = name.partition("::")
    files = list((ROOT / "tests").glob(path))
    return bool(files) and all(not function or f"def {function}(" in file.read_text(encoding="utf-8") for file in files)
