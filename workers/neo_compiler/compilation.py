"""A job on its way through the pipeline: what it was asked for, and what each step has made of it so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neo_compiler import input_config
from neo_compiler.errors import CompilationError, InputConfigurationError, OutputConfigurationError
from neo_compiler.frontends import loader
from neo_compiler.storage.s3 import Storage
from neo_compiler.storage.s3_uri import S3Uri, S3UriError, artifact_of, parse
from neo_compiler.tuning.job_budget import Tuning
from neo_targets import registry
from neo_targets.errors import TargetError
from neo_targets.spec import TargetSpec
from neo_workers.jobs import JsonObject
from neo_workers.settings import Settings

if TYPE_CHECKING:
    from neo_compiler.artifact.static_plan import Plan
    from neo_compiler.frontends.base import Imported


@dataclass(frozen=True)
class JobContext:
    """What the engine gives a compile."""

    work_dir: Path  # empty, the job's own; the engine removes it
    region: str
    settings: Settings
    report: Callable[[str], None]  # called with the name of each step as it begins
    before_upload: Callable[[], None]  # returns when the upload may begin
    owner: str = ""  # who uploads: the job and its fence, kept with the object
    storage: Storage | None = None  # in place of S3


@dataclass
class Work:
    """A job on its way: each step fills in what later ones read."""

    request: JsonObject
    context: JobContext
    storage: Storage
    input_uri: S3Uri
    artifact_uri: S3Uri
    spec: TargetSpec
    shapes: dict[str, input_config.Shape] | list[input_config.Shape] | None  # DataInputConfig
    tuning: Tuning
    files: list[Path] = field(default_factory=list)  # of the unpacked archive
    imported: Imported | None = None
    weights: dict[str, Any] = field(default_factory=dict)  # numpy arrays in the order of main's parameters
    plan: Plan | None = None  # of a static model
    not_static: str | None = None  # why there is none
    objects: list[Path] = field(default_factory=list)  # object files of a static model's kernels
    executable: Any = None  # of a model in TVM's VM form
    library: Path | None = None
    derived: str | None = None  # DerivedDataInputConfig
    digest: str = ""
    source_key: str = ""  # of the model and the request, once it was computed

    def folder(self, name: str) -> Path:
        """A folder of the job's work folder, made when needed."""
        path = self.context.work_dir / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def model_archive(self) -> Path:
        """The model as it was fetched, until it is unpacked."""
        return self.context.work_dir / "model.tar.gz"

    @property
    def archive(self) -> Path:
        """The artifact before it is uploaded."""
        return self.context.work_dir / "artifact.tar.gz"


def prepare(request: JsonObject, context: JobContext) -> Work:
    """The request, read and checked as far as that needs neither S3 nor the model. Raises CompileError."""
    config = request.get("InputConfig")
    if not config:
        raise CompilationError("ModelPackageVersionArn is not available in this version; please use InputConfig")
    try:
        input_uri = parse(config["S3Uri"])
    except S3UriError as error:
        raise InputConfigurationError(str(error)) from error
    try:
        artifact_uri = artifact_of(request)
    except S3UriError as error:
        raise OutputConfigurationError(str(error)) from error
    try:
        spec = registry.resolve(request["OutputConfig"])
    except TargetError as error:
        raise CompilationError(str(error)) from error
    if spec.no_compiler and not context.settings.stand_in:
        raise CompilationError(
            f"Unable to compile model for {spec.name}: {spec.no_compiler}. NEO_EMULATOR_STAND_IN=1 gives a marked "
            "stand-in for an x86-64 CPU instead, so that the flow around the job can be tested"
        )
    loader(config["Framework"])  # an unavailable framework is said before anything is fetched
    text = config.get("DataInputConfig")
    shapes = input_config.parse(text) if text is not None else None
    if shapes is None:
        _check_derivable(config, request["OutputConfig"])
    storage = context.storage or Storage(context.settings.s3_endpoint_url, context.region)
    max_runtime = request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
    tuning = Tuning(context.settings, spec, max_runtime)
    return Work(request, context, storage, input_uri, artifact_uri, spec, shapes, tuning)


def _check_derivable(source: JsonObject, output: JsonObject) -> None:
    """Raises InputConfigurationError where Neo derives no shapes from a PyTorch model.

    It does for PyTorch 2.0 and later and cloud instances. Source: API_InputConfig, neo-compilation-preparing-model.
    """
    version = source.get("FrameworkVersion", "2.0")
    cloud = output.get("TargetDevice", "").startswith("ml_")
    if source["Framework"] == "PYTORCH" and not (cloud and int(version.partition(".")[0]) >= 2):
        raise InputConfigurationError(
            "DataInputConfig must be given: shapes are derived from the model only for PyTorch 2.0 and later "
            "(FrameworkVersion) and cloud instances (TargetDevice ml_*)"
        )
