"""moto is met in two places, so that an upgrade of it is read against two places."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
ALLOWED = ("emulator/neo_emulator/aws/moto.py", "emulator/neo_emulator/aws/persistence/")
MOTO = re.compile(r"^\s*(?:from|import) moto\b", re.MULTILINE)


def test_only_the_bridge_and_durable_import_moto() -> None:
    sources = [path for folder in ("emulator", "workers", "targets") for path in (ROOT / folder).rglob("*.py")]
    importing = {str(path.relative_to(ROOT)) for path in sources if MOTO.search(path.read_text(encoding="utf-8"))}
    assert ALLOWED[0] in importing
    assert [name for name in importing if not name.startswith(ALLOWED)] == []
