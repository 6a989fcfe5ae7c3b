"""The examples that API_OutputConfig prints, read from the page itself: botocore's model brings its text along."""

from __future__ import annotations

import json
import re
from typing import Any

import botocore.session

EIA = '{"precision_mode": "FP32", "output_names": ["output:0"]}'
"""The page's EIA example; botocore's newer text has lost that paragraph."""

_CODE = re.compile(r"<code>(.*?)</code>", re.DOTALL)


def _codes(member: str) -> list[str]:
    model = botocore.session.get_session().get_service_model("sagemaker")
    return [text.strip() for text in _CODE.findall(model.shape_for("OutputConfig").members[member].documentation)]


def options() -> list[str]:
    """Each value of CompilerOptions in the paragraphs on CompilerOptions, as a client would send it."""
    found = [text for text in _codes("CompilerOptions") if text.startswith(("{", '"CompilerOptions":'))]
    return [json.loads(f"{{{text}}}")["CompilerOptions"] if text[0] == '"' else text for text in found] + [EIA]


def platforms() -> list[dict[str, Any]]:
    """Each TargetPlatform with its CompilerOptions, as an OutputConfig without its place in S3."""
    examples: list[dict[str, Any]] = []
    for text in _codes("TargetPlatform"):
        name, separator, value = text.partition(": ")
        if separator and name == '"TargetPlatform"':
            examples.append({"TargetPlatform": json.loads(value.rstrip(","))})
        elif separator and name == '"CompilerOptions"':
            examples[-1]["CompilerOptions"] = value
    return examples
