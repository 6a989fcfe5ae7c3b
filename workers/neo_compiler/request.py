"""A CreateCompilationJob request, parsed once for all steps of a compilation.

Source: API_CreateCompilationJob, API_InputConfig, API_OutputConfig, neo-compilation-preparing-model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from neo_compiler import frontends, input_config
from neo_compiler.errors import CompilationError, CompileError, InputConfigurationError, OutputConfigurationError
from neo_compiler.storage.s3_uri import S3Uri, S3UriError, artifact_of, parse
from neo_targets import registry
from neo_targets.errors import TargetError
from neo_targets.spec import TargetSpec


@dataclass(frozen=True)
class CompilationRequest:
    """The parameters of one compilation."""

    input_uri: S3Uri  # the model archive
    artifact_uri: S3Uri
    framework: str  # a key of frontends.FRAMEWORKS
    framework_version: str | None
    data_input_config: str | None  # the unparsed text
    shapes: dict[str, input_config.Shape] | list[input_config.Shape] | None  # its parsed value; None without one
    target: TargetSpec
    compiler_options: str | None  # the unparsed text; they are applied to `target`
    kms_key_id: str | None
    max_runtime_seconds: float | None

    @classmethod
    def parse(cls, request: Mapping[str, Any], stand_in: bool = False) -> CompilationRequest:
        """Parses and validates the request, as far as possible without S3 and the model. Raises CompileError.

        `stand_in` allows targets that have no public compiler.
        """
        source = request.get("InputConfig")
        if not source:
            raise CompilationError("ModelPackageVersionArn is not available in this version; please use InputConfig")
        output = request["OutputConfig"]
        input_uri = _checked(lambda: parse(source["S3Uri"]), InputConfigurationError)
        artifact = _checked(lambda: artifact_of(request), OutputConfigurationError)
        target = _target(output, stand_in)
        frontends.check(source["Framework"])  # before anything is fetched
        text = source.get("DataInputConfig")
        shapes = input_config.parse(text) if text is not None else None
        if shapes is None:
            _check_derivable(source, output)
        return cls(
            input_uri=input_uri,
            artifact_uri=artifact,
            framework=source["Framework"],
            framework_version=source.get("FrameworkVersion"),
            data_input_config=text,
            shapes=shapes,
            target=target,
            compiler_options=output.get("CompilerOptions"),
            kms_key_id=output.get("KmsKeyId"),
            max_runtime_seconds=request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds"),
        )


def _checked(uri: Callable[[], S3Uri], error: type[CompileError]) -> S3Uri:
    try:
        return uri()
    except S3UriError as reason:
        raise error(str(reason)) from reason


def _target(output: Mapping[str, Any], stand_in: bool) -> TargetSpec:
    try:
        target = registry.resolve(output)
    except TargetError as error:
        raise CompilationError(str(error)) from error
    if target.no_compiler and not stand_in:
        raise CompilationError(
            f"Unable to compile model for {target.name}: {target.no_compiler}. NEO_EMULATOR_STAND_IN=1 gives a marked "
            "stand-in for an x86-64 CPU instead, to test the workflow around the job"
        )
    return target


def _check_derivable(source: Mapping[str, Any], output: Mapping[str, Any]) -> None:
    """Raises InputConfigurationError if Neo would not derive shapes from a PyTorch model.

    It does for PyTorch 2.0 and later and cloud instances. Source: API_InputConfig, neo-compilation-preparing-model.
    """
    version = source.get("FrameworkVersion", "2.0")
    cloud = output.get("TargetDevice", "").startswith("ml_")
    if source["Framework"] == "PYTORCH" and not (cloud and int(version.partition(".")[0]) >= 2):
        raise InputConfigurationError(
            "DataInputConfig must be given: shapes are derived from the model only for PyTorch 2.0 and later "
            "(FrameworkVersion) and cloud instances (TargetDevice ml_*)"
        )
