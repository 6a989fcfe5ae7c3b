"""Runs an artifact as its users would: through the dlr package from PyPI, unmodified."""

from __future__ import annotations

import json
import logging
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def predict(path: Path, features: dict[str, Any]) -> tuple[Any, str]:
    """What the artifact computes, and by what: the stock dlr package if it may be used, else the libdlr inside.

    Raises CannotRun when its code is not for this machine.
    """
    from neo_compiler.runtime.execute import MAX_BYTES, MAX_FILES, load_artifact
    from neo_compiler.storage.archive import unpack

    artifact = load_artifact(path)
    if not quiet_dlr():
        (scores,) = artifact.run(features).values()
        return scores, "its libdlr"
    from dlr import DLRModel

    logging.getLogger("dlr.neologger_logger").disabled = True  # it tells on the console which library it loads
    with tempfile.TemporaryDirectory(prefix="neo-demo-") as folder:
        unpack(path, Path(folder), MAX_BYTES, MAX_FILES)
        (scores,) = DLRModel(folder, "cpu").run(features)
    return scores, "the dlr package"


def quiet_dlr() -> bool:
    """Whether the dlr package is installed and its reports to Amazon, sent on import, are switched off.

    A file that dlr looks for switches them off; it is written where there is none. Source: dlr/counter/phone_home.py.
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
