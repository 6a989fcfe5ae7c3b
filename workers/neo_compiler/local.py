"""Compiles a model on this machine's disk with the jobs' pipeline, without server and S3."""

from __future__ import annotations

import contextlib
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isal import igzip

from neo_compiler import job_log, pipeline
from neo_compiler.compilation import CompilationContext, CompilationResult
from neo_compiler.errors import InputConfigurationError, OutputConfigurationError
from neo_compiler.frontends import FRAMEWORKS
from neo_compiler.settings import CompilerSettings
from neo_compiler.storage.archive import GZIP_LEVEL
from neo_compiler.storage.s3 import Storage
from neo_compiler.storage.s3_uri import S3Uri, artifact_of

BUCKET = "this-machine"
FRAMEWORK_OF = {ending: name for name, framework in FRAMEWORKS.items() for ending in framework.endings}
"""Framework by file extension, where that determines it."""


@dataclass(frozen=True)
class Compiled:
    """The result of `compile_file`."""

    path: Path  # of the artifact's tar.gz
    result: CompilationResult


class Files(Storage):
    """This machine's disk instead of S3: reads the model from `model`, writes the artifact to `output`."""

    def __init__(self, model: Path, output: Path) -> None:
        super().__init__(None, "us-east-1")
        self._model, self._output = model, output

    def path(self, place: S3Uri) -> Path:
        """The artifact's path for `place`."""
        if self._output.name.endswith((".tar.gz", ".tgz")):
            return self._output
        return self._output / place.key.rsplit("/", 1)[-1]

    def check_output(self, place: S3Uri) -> None:
        """Creates the folder. Raises OutputConfigurationError."""
        try:
            self.path(place).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputConfigurationError(f"{self.path(place).parent}: {error.strerror}") from error

    def download(self, source: S3Uri, target: Path, max_bytes: int) -> int:
        """Writes the model as a tar.gz to `target`. Returns its bytes. Raises InputConfigurationError."""
        if not self._model.exists():
            raise InputConfigurationError(f"There is no file {self._model}")
        if _is_archive(self._model):
            shutil.copyfile(self._model, target)
        else:
            stream = igzip.IGzipFile(target, mode="wb", compresslevel=GZIP_LEVEL)
            with stream, tarfile.open(fileobj=stream, mode="w") as tar:
                for path in _files(self._model):
                    name = path.relative_to(self._model) if self._model.is_dir() else path.name
                    tar.add(path, str(name), recursive=False)
        return target.stat().st_size

    def upload(self, source: Path, target: S3Uri, kms_key_id: str | None = None, owner: str = "") -> None:
        """Moves the artifact to its path atomically."""
        path = self.path(target)
        made = path.with_name(f".{path.name}.part")
        shutil.copyfile(source, made)
        made.replace(path)


def framework_of(model: Path) -> str | None:
    """The framework inferred from the name of the file or of a folder's files, None if unknown."""
    if _is_archive(model):
        with contextlib.suppress(OSError, tarfile.TarError), tarfile.open(model) as tar:
            return _told(Path(name) for name in tar.getnames())
        return None
    return _told(_files(model))


def request_for(model: Path, framework: str, inputs: str | None, output: dict[str, Any]) -> dict[str, Any]:
    """A CreateCompilationJob request; `output` has OutputConfig's target members."""
    stem = model.name.removesuffix(".gz").removesuffix(".tar").removesuffix(".tgz")
    stem = Path(stem).stem or stem
    config: dict[str, Any] = {"S3Uri": f"s3://{BUCKET}/{stem}.tar.gz", "Framework": framework}
    if inputs is not None:
        config["DataInputConfig"] = inputs
    return {"InputConfig": config, "OutputConfig": {"S3OutputLocation": f"s3://{BUCKET}/", **output}}


def compile_file(
    model: Path, output: Path, request: dict[str, Any], report: Callable[[str], None], say: Callable[[str], None]
) -> Compiled:
    """Compiles `model` to `output`, a folder or a path ending in .tar.gz. Raises CompileError.

    `report` is called with each step when it starts, `say` with each line of the compiler's log.
    """
    storage = Files(model, output)
    with tempfile.TemporaryDirectory(prefix="neo-compile-") as folder, job_log.written_to(say):
        context = CompilationContext(
            work_dir=Path(folder),
            region="us-east-1",
            settings=CompilerSettings(),
            report=report,
            before_upload=lambda: None,
            storage=storage,
        )
        result = pipeline.run(request, context)
    return Compiled(storage.path(artifact_of(request)), result)


def _is_archive(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith((".tar.gz", ".tgz"))


def _files(model: Path) -> list[Path]:
    return sorted(path for path in model.rglob("*") if path.is_file()) if model.is_dir() else [model]


def _told(paths: Any) -> str | None:
    found: Iterator[str | None] = (FRAMEWORK_OF.get(path.suffix.lower()) for path in paths)
    return next((framework for framework in found if framework), None)
