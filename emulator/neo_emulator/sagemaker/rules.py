"""Rules of CreateCompilationJob that botocore's model cannot express: a table, each row with its source.

Only documented or observed refusals at request time are included. Left out, because no public source shows
that the service refuses it before the job starts: CompilerOptions that cannot be parsed, options of another target, a
framework that the target does not take, a missing DataInputConfig, roles of another account, tag keys with "aws:".
Except for FrameworkVersion, the service's texts are not public; these are our own.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from dataclasses import dataclass

from neo_emulator.protocol import errors
from neo_targets.platforms import PLATFORMS
from neo_workers.jobs import JsonObject

API = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/"
GUIDE = "https://docs.aws.amazon.com/sagemaker/latest/dg/"


@dataclass(frozen=True)
class Rule:
    """One reason to refuse a request that is valid by its shapes."""

    broken: Callable[[JsonObject], bool]
    message: str
    source: str


def check(request: JsonObject) -> None:
    """Raises ServiceError (ValidationException) for the first rule that `request` violates."""
    for rule in CREATE_RULES:
        if rule.broken(request):
            raise errors.validation(rule.message)


VERSIONLESS_DEVICES = frozenset(
    {"imx8mplus", "jacinto_tda4vm", "coreml", "sitara_am57x", "amba_cv2", "amba_cv22", "amba_cv25"}
)
"""Devices without FrameworkVersion: neither the service's text nor the SDK's table allows it for them."""


def _output(request: JsonObject) -> JsonObject:
    output: JsonObject = request["OutputConfig"]
    return output


def _unsupported_platform(request: JsonObject) -> bool:
    platform = _output(request).get("TargetPlatform")
    if platform is None:
        return False
    return platform.get("Accelerator", "") not in PLATFORMS.get((platform["Os"], platform["Arch"]), ())


def _nvidia_without_gpu_code(request: JsonObject) -> bool:
    output = _output(request)
    platform = output.get("TargetPlatform", {})
    if platform.get("Accelerator") != "NVIDIA":
        return False
    options = _options(output.get("CompilerOptions", ""))
    if platform["Os"] == "LINUX" and platform["Arch"] == "X86_64" and "mcpu" in options:
        return False  # the page's own example for EC2 m5.2xlarge
    return not options & {"gpu-code", "gpu_code"}


def _options(text: str) -> set[str]:
    """Names of the options in a JSON or Python literal; empty for any other text."""
    for read in (json.loads, ast.literal_eval):
        try:
            options = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return set(options) if isinstance(options, dict) else set()
    return set()


CREATE_RULES = (
    Rule(
        lambda request: "InputConfig" in request and "ModelPackageVersionArn" in request,
        "InputConfig and ModelPackageVersionArn cannot be specified at the same time.",
        API + "API_CreateCompilationJob.html, text as in moto 5.2",
    ),
    Rule(
        lambda request: "InputConfig" not in request and "ModelPackageVersionArn" not in request,
        "Either InputConfig or ModelPackageVersionArn must be specified.",
        API + "API_CreateCompilationJob.html, text as in moto 5.2",
    ),
    Rule(
        lambda request: "TargetDevice" in _output(request) and "TargetPlatform" in _output(request),
        "TargetDevice and TargetPlatform are mutually exclusive: only one of them can be specified.",
        API + "API_OutputConfig.html",
    ),
    Rule(
        lambda request: "TargetDevice" not in _output(request) and "TargetPlatform" not in _output(request),
        "Either TargetDevice or TargetPlatform must be specified.",
        API + "API_OutputConfig.html",
    ),
    Rule(
        lambda request: (
            "FrameworkVersion" in request.get("InputConfig", {})
            and _output(request).get("TargetDevice") in VERSIONLESS_DEVICES
        ),
        "Unsupported framework version field for target. Framework version is supported for Target Platform "
        "configuration and only part of target devices. \nFramework version is only supported for ml_c4, ml_c5, "
        "ml_m4, ml_m5, ml_p2, ml_p3, ml_g4dn cloud targetsand lambda, jetson_tx1, jetson_nano, jetson_tx2, "
        "jetson_xavier, deeplens, rasp3b, rasp4b, imx8qm, rk3288, rk3399, aisage, sbe_c edge targets.",
        "aws/amazon-sagemaker-examples#3239 (2022-03; the words after sbe_ are ours), sagemaker 2.257 model.py",
    ),
    Rule(
        _unsupported_platform,
        "Unsupported combination of Os, Arch and Accelerator in TargetPlatform.",
        GUIDE + "neo-supported-devices-edge-devices.html",
    ),
    Rule(
        _nvidia_without_gpu_code,
        "CompilerOptions with gpu-code is required for the NVIDIA accelerator, "
        'for example {"gpu-code": "sm_72", "trt-ver": "6.0.1", "cuda-ver": "10.1"}.',
        API + 'API_OutputConfig.html: "It is required for NVIDIA accelerators"',
    ),
)
