"""One compilation: what it is asked for, and what the steps have made so far."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neo_compiler import cache
from neo_compiler.request import CompilationRequest
from neo_compiler.settings import CompilerSettings
from neo_compiler.storage.s3 import Storage
from neo_compiler.tuning.job_budget import Tuning
from neo_targets import options
from neo_targets.spec import TargetSpec

if TYPE_CHECKING:
    from neo_compiler.codegen.static_plan import Plan
    from neo_compiler.frontends.base import Imported


@dataclass(frozen=True)
class CompilationContext:
    """What a compilation is given by whoever runs it."""

    work_dir: Path  # empty, this compilation's own; the caller removes it
    region: str
    settings: CompilerSettings
    report: Callable[[str], None]  # called with the name of each step as it begins
    before_upload: Callable[[], None]  # returns when the upload may begin
    owner: str = ""  # who uploads, kept with the object
    storage: Storage | None = None  # in place of S3


@dataclass(frozen=True)
class CompilationResult:
    """What a compilation has made."""

    artifact_uri: str
    artifact_digest: str  # BLAKE2b, 128 hex digits
    derived_data_input_config: str | None = None


@dataclass
class Compilation:
    """Each step fills in what later ones read."""

    request: CompilationRequest
    context: CompilationContext
    storage: Storage
    spec: TargetSpec  # the request's target; a model for CPUs alone has none of its accelerator
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
    _source_key: str = ""  # of the model and the request, once it was computed

    @classmethod
    def prepare(cls, request: Mapping[str, Any], context: CompilationContext) -> Compilation:
        """The compilation of a CreateCompilationJob request. Raises CompileError for a request that cannot succeed."""
        settings = context.settings
        parsed = CompilationRequest.parse(request, settings.stand_in)
        storage = context.storage or Storage(settings.s3_endpoint_url, context.region)
        tuning = Tuning(settings, parsed.target, parsed.max_runtime_seconds)
        return cls(parsed, context, storage, parsed.target, tuning)

    def folder(self, name: str) -> Path:
        """A folder of the work folder, made when needed."""
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

    def cache_key(self) -> str:
        """What the artifact depends on: the model, what is asked for, what compiles it, and what tuning found.

        Tuning changes it while the job runs: asked after the compile it is the key of the artifact that was made.
        """
        if not self._source_key:
            request = self.request
            asked = [_normal(request.data_input_config), _normal(request.compiler_options)]
            checked = self.context.settings.self_check
            facts = [request.framework, request.framework_version, asked, asdict(request.target), checked]
            self._source_key = cache.key_of(self.model_archive, facts)
        if self.imported is None:  # nothing is made yet: other jobs may have tuned meanwhile
            self.tuning.database.read()
        return cache.key_with(self._source_key, self.tuning.facts())


def _normal(text: str | None) -> str | None:
    """The text's value as JSON, without its blanks and kind of quotes; the text itself when it is not JSON."""
    try:
        return None if text is None else json.dumps(options.literal(text))
    except (ValueError, TypeError, RecursionError):
        return text
