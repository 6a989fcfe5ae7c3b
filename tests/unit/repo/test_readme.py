"""The README says what the code says. `python tests/unit/repo/test_readme.py` writes its table of settings anew."""

import ast
import re
from pathlib import Path

from neo_workers.settings import PREFIX, Settings

README = Path(__file__).parents[3] / "README.md"
BLOCK = re.compile(r"(<!-- settings: begin[^\n]*-->\n).*?(<!-- settings: end -->)", re.DOTALL)


def table() -> str:
    """One row per setting."""
    rows = ["| variable | default | what it does |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{field.default}`"
        rows.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows) + "\n"


def rewritten() -> str:
    """The README with the table as the code has it."""
    return BLOCK.sub(lambda match: match[1] + table() + match[2], README.read_text(encoding="utf-8"))


def test_settings_table_is_the_codes() -> None:
    assert README.read_text(encoding="utf-8") == rewritten(), "run: python tests/unit/repo/test_readme.py"


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
    README.write_text(rewritten())
