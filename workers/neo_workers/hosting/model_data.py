"""A model's archive from S3, kept while its generation is served. Runs in the worker, which has the credentials."""

from __future__ import annotations

from pathlib import Path

from neo_compiler.errors import CompileError
from neo_compiler.storage.s3 import Storage
from neo_compiler.storage.s3_uri import S3UriError, parse
from neo_workers import artifacts
from neo_workers.hosting.assignment import MODEL, CannotServeError
from neo_workers.hosting.endpoints import Variant
from neo_workers.settings import Settings

OWNER = "owner"
"""Name of the file with the owner token of the job that uploaded the archive."""


def fetch(variant: Variant, region: str, folder: Path, settings: Settings) -> tuple[str, str]:
    """Puts the archive of the first load into `folder`; returns its digest and its owner token ("" if it has none).

    Raises CannotServeError if S3 no longer has it, or has a different one.
    """
    url, path, mark = variant.model_data_url, folder / MODEL, folder / OWNER
    if not (path.exists() and mark.exists() and variant.digest in ("", artifacts.digest(path))):
        try:
            place = parse(url)
            storage = Storage(settings.s3_endpoint_url, region)
            owner = storage.owner(place)
            storage.download(place, path, settings.max_model_bytes)
        except (CompileError, S3UriError) as error:
            raise CannotServeError(
                f'Failed to download model data for container "container_1" from URL: "{url}". Please ensure that '
                "there is an object located at the URL and that the role passed to CreateModel has permissions to "
                f"download the object. ({error})"
            ) from error
        mark.write_text(owner, encoding="utf-8")
    digest = artifacts.digest(path)
    if variant.digest and digest != variant.digest:
        raise CannotServeError(f"The model data at {url} was replaced after it was first loaded; update the endpoint")
    return digest, mark.read_text(encoding="utf-8")
