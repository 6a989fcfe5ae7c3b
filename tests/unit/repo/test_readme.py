"""README and documentation say what the code says. `python tests/unit/repo/test_readme.py` writes their tables anew."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "tests"))  # also when this file is run itself

from support.tables import TABLES  # noqa: E402

README = ROOT / "README.md"
PAGES = {name: ROOT / "docs" / "reference" / f"{name}.md" for name in TABLES}


def rewritten(name: str) -> str:
    """The page with the table as the code has it."""
    block = re.compile(rf"(<!-- {name}: begin[^\n]*-->\n).*?(<!-- {name}: end -->)", re.DOTALL)
    made = TABLES[name]()
    return block.sub(lambda match: match[1] + made + match[2], PAGES[name].read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_the_codes(name: str) -> None:
    assert PAGES[name].read_text(encoding="utf-8") == rewritten(name), "run: python tests/unit/repo/test_readme.py"


def test_readme_opens_with_the_two_commands() -> None:
    head = README.read_text(encoding="utf-8")[:900]
    assert "$ make demo" in head
    assert "$ make test" in head


def test_python_snippets_are_python() -> None:
    snippets = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert snippets
    for snippet in snippets:
        ast.parse(snippet)


if __name__ == "__main__":
    for page in TABLES:
        PAGES[page].write_text(rewritten(page), encoding="utf-8")
