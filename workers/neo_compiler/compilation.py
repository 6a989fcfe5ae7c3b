"""The state of one compilation: its request, and the results of the steps so far."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neo_compiler import cache
from neo_compiler.errors import InternalError
from neo_compiler.request import CompilationRequest
from neo_compiler.settings import PREFIX, CompilerSettings
from neo_compiler.storage.s3 import Storage
from neo_compiler.tuning.job_budget import Tuning
from neo_targets import options
from neo_targets.spec import TargetSpec

if TYPE_CHECKING:
    from neo_compiler.codegen.static_plan import Plan
    from neo_compiler.frontends.base import Imported


@dataclass(frozen=True)
class CompilationContext:
    """What the caller provides for a compilation."""

    work_dir: Path  # empty and exclusive; the caller removes it
    region: str
    settings: CompilerSettings
    report: Callable[[str], None]  # called with the name of each step when it starts
    before_upload: Callable[[], None]  # returns when the upload may start
    owner: str = ""  # token of the upload, stored with the object
    storage: Storage | None = None  # replaces S3
    make: Callable[[Compilation], None] | None = None  # replaces pipeline.make


@dataclass(frozen=True)
class CompilationResult:
    """The result of a compilation."""

    artifact_uri: str
    artifact_digest: str  # BLAKE2b, 128 hex digits
    derived_data_input_config: str | None = None


@dataclass
class Compilation:
    """The state that the steps share: each sets what later ones read."""

    request: CompilationRequest
    context: CompilationContext
    storage: Storage
    spec: TargetSpec  # the request's target, without its accelerator if the model only runs on CPUs
    tuning: Tuning
    files: list[Path] = field(default_factory=list)  # files of the unpacked archive
    imported: Imported | None = None
    weights: dict[str, Any] = field(default_factory=dict)  # numpy arrays in the order of main's parameters
    plan: Plan | None = None  # of a static model
    not_static: str | None = None  # why the model is not static
    objects: list[Path] = field(default_factory=list)  # object files of a static model's kernels
    executable: Any = None  # of a model in TVM's VM form
    library: Path | None = None
    derived: str | None = None  # DerivedDataInputConfig
    digest: str = ""
    _source_key: str = ""  # key of the model and the request, "" until computed

    @classmethod
    def prepare(cls, request: Mapping[str, Any], context: CompilationContext) -> Compilation:
        """The compilation of a CreateCompilationJob request. Raises CompileError for a request that cannot succeed."""
        settings = context.settings
        parsed = CompilationRequest.parse(request, settings.stand_in)
        storage = context.storage or Storage(settings.s3_endpoint_url, context.region)
        tuning = Tuning(settings, parsed.target, parsed.max_runtime_seconds)
        return cls(parsed, context, storage, parsed.target, tuning)

    def folder(self, name: str) -> Path:
        """A subfolder of the work folder, created if needed."""
        path = self.context.work_dir / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def model_archive(self) -> Path:
        """Path of the fetched model archive, until it is unpacked."""
        return self.context.work_dir / "model.tar.gz"

    @property
    def archive(self) -> Path:
        """Path of the artifact before the upload."""
        return self.context.work_dir / "artifact.tar.gz"

    def cache_key(self) -> str:
        """The key of everything that the artifact depends on: model, request, toolchain and tuning results.

        Tuning may change it during the job: after compiling it is the key of the resulting artifact.
        """
        if not self._source_key:
            request = self.request
            asked = [_normal(request.data_input_config), _normal(request.compiler_options)]
            checked = self.context.settings.self_check
            facts = [request.framework, request.framework_version, asked, asdict(request.target), checked]
            self._source_key = cache.key_of(self.model_archive, facts)
        if not self.digest:  # not compiled yet: other jobs may have tuned meanwhile
            self.tuning.database.read()
        return cache.key_with(self._source_key, self.tuning.facts())


def _normal(text: str | None) -> str | None:
    """The text as normalized JSON, whatever its spaces and quotes; unchanged if it is not JSON."""
    try:
        return None if text is None else json.dumps(options.literal(text))
    except (ValueError, TypeError, RecursionError):
        return text


HINTS = {
    errno.ENOSPC: "No space is left on the worker's disk.",
    errno.EFBIG: f"A file outgrew {PREFIX}MAX_FILE_BYTES, the worker's limit.",
    errno.EMFILE: f"More files were opened than {PREFIX}MAX_OPEN_FILES, the worker's limit.",
    errno.EAGAIN: f"No more processes can be started: {PREFIX}MAX_PROCESSES is the worker's limit.",
}
"""What an OSError means to whoever runs the worker."""


@contextmanager
def explained() -> Iterator[None]:
    """Raises an OSError inside as InternalError, with what it means to whoever runs the worker."""
    try:
        yield
    except OSError as error:
        raise InternalError(f"{HINTS.get(error.errno or 0, '')} {error}".strip()) from error
