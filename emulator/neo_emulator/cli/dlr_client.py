"""Runs an artifact as users do: with the unmodified dlr package from PyPI."""

from __future__ import annotations

import json
import logging
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def predict(path: Path, features: dict[str, Any]) -> tuple[Any, str]:
    """The artifact's first output, and what ran it: the dlr package if installed, else the artifact's own libdlr.

    Raises CannotRun if its code is not for this machine.
    """
    from neo_compiler.runtime.execute import MAX_BYTES, MAX_FILES, load_artifact
    from neo_compiler.storage.archive import unpack

    artifact = load_artifact(path)
    if not quiet_dlr():
        (scores,) = artifact.run(features).values()
        return scores, "its libdlr"
    from dlr import DLRModel

    logging.getLogger("dlr.neologger_logger").disabled = True  # it prints which library it loads
    with tempfile.TemporaryDirectory(prefix="neo-demo-") as folder:
        unpack(path, Path(folder), MAX_BYTES, MAX_FILES)
        (scores,) = DLRModel(folder, "cpu").run(features)
    return scores, "the dlr package"


def quiet_dlr() -> bool:
    """Whether the dlr package is installed and its telemetry, sent to Amazon on import, is disabled.

    Writes the file that disables it if there is none. Source: dlr/counter/phone_home.py.
    """
    spec = find_spec("dlr")
    if spec is None or spec.origin is None:
        return False
    config = Path(spec.origin).parent / "counter" / "ccm_config.json"
    try:
        if not config.exists():
            config.write_text('{"enable_phone_home": false}', encoding="utf-8")
        return json.loads(config.read_text(encoding="utf-8")).get("enable_phone_home") is False
    except (OSError, ValueError):
        return False
