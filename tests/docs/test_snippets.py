"""Every snippet of the README and of docs/ runs: Python as it stands, shell lines that begin with "$ ".

The blocks of a page run in order, in one folder, which has the quickstart's model.onnx. A Python block with tests is
run by pytest, one with "# conftest.py" is kept for it. `<!-- not run: why -->` before a block leaves it out.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from neo_emulator.testing.server_process import ServerProcess

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"(?:<!-- not run: ([^>]+) -->\s*)?```(python|console)\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Snippet:
    language: str
    text: str


def snippets(page: Path) -> list[Snippet]:
    """What of a page is run."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [Snippet(language, text) for why_not, language, text in found if not why_not]


WITH_SNIPPETS = [page for page in PAGES if snippets(page)]


class Reader:
    """Someone who does what a page says."""

    def __init__(self, folder: Path, server: ServerProcess) -> None:
        self.folder, self.server = folder, server
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "AWS_"))}
        bin_dir = Path(sys.executable).parent
        path = {"PATH": f"{bin_dir}{os.pathsep}{os.environ['PATH']}", "PYTHONWARNINGS": "ignore"}
        self.environment = kept | server.environment() | path

    def follow(self, snippet: Snippet) -> None:
        if snippet.language == "console":
            for line in snippet.text.splitlines():
                if line.startswith("$ "):
                    self.run("sh", "-ec", line.removeprefix("$ "))
        elif "# conftest.py" in snippet.text:
            (self.folder / "conftest.py").write_text(snippet.text)
        elif "\ndef test_" in snippet.text or snippet.text.startswith("def test_"):
            (self.folder / "test_page.py").write_text(snippet.text)
            self.run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--neo-url", self.server.url)
        else:
            self.run(sys.executable, "-c", snippet.text)

    def run(self, *command: str) -> None:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, encoding="utf-8", timeout=280
        )
        assert done.returncode == 0, f"{command[-1]}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--workers", "1") as server:
        yield server


@pytest.mark.parametrize("page", WITH_SNIPPETS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_page(page: Path, server: ServerProcess, tmp_path: Path) -> None:
    reader = Reader(tmp_path, server)
    (model, *_) = (snippet for snippet in snippets(ROOT / "docs" / "quickstart.md") if "onnx.save" in snippet.text)
    reader.follow(model)
    for snippet in snippets(page):
        reader.follow(snippet)
    server.reset()


def test_pages_that_have_snippets_are_found() -> None:
    names = {page.stem for page in WITH_SNIPPETS}
    assert {"README", "quickstart", "pytest", "command", "sdks", "failures"} <= names


def test_what_is_left_out_says_why() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert len(re.findall("<!-- not run: ", text)) == sum(bool(found[0]) for found in BLOCK.findall(text))
