"""All settings of the emulator: the compiler's (inherited), the engine's and the API's.

Each is an environment variable NEO_EMULATOR_<NAME>.
"""

from __future__ import annotations

import logging
import os
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from neo_compiler.settings import PREFIX, CompilerSettings

__all__ = ["PREFIX", "Settings", "get_settings", "unknown_names"]

log = logging.getLogger(__name__)


COMPILERS_OWN = (
    *("tune_seconds", "self_check", "stand_in", "max_model_bytes", "max_model_files", "unsafe_pickles"),
    *("max_memory_bytes", "max_cpu_seconds", "max_file_bytes", "max_open_files", "max_processes", "sandbox", "dump_ir"),
)
"""The settings that are passed to a compiler in its sandbox."""


class Settings(CompilerSettings):
    """Settings with their defaults; durations are seconds, sizes bytes. Source of docs/reference/settings.md."""

    # where things are
    redis_url: str | None = Field(
        default=None, description="Store and broker. Unset: `serve` starts a private Valkey of its own."
    )
    broker_url: str | None = Field(default=None, description="Celery's broker. Unset: the store's Redis.")
    fsync: bool = Field(
        default=False,
        description="With a data folder: acknowledged writes survive a power failure, not only a kill. Slower.",
    )
    work_dir: Path | None = Field(
        default=None,
        description="Parent of the compilations' work folders. Unset: in the data folder, else a temporary folder.",
    )
    account_id: str = Field(
        default="123456789012", pattern=r"^\d{12}$", description="Account of requests whose access key is unknown."
    )

    tls: bool = Field(default=False, description="Also serve HTTPS, with a generated development certificate.")
    tls_cert: Path | None = Field(default=None, description="Also serve HTTPS, with this certificate (PEM).")
    tls_key: Path | None = Field(default=None, description="The key of `tls_cert` (PEM).")

    # limits of the HTTP server
    max_head_bytes: int = Field(
        default=65_536,
        ge=1024,
        description="Maximum size of a request line and headers; larger ones are refused (414, 431).",
    )
    max_headers: int = Field(
        default=200, ge=16, description="Maximum number of request headers; more are refused (431)."
    )
    max_body_bytes: int = Field(
        default=5 << 30,
        gt=0,
        description="Maximum size of a request body; larger ones are refused (413). 5 GiB is S3's own limit.",
    )
    max_connections: int = Field(
        default=512,
        ge=1,
        description="Maximum number of simultaneous HTTP connections; requests on more are refused (503).",
    )
    idle_seconds: float = Field(
        default=75.0,
        gt=0,
        description="Closes a connection when a request's headers, or the next part of a body, take longer.",
    )

    # initial content
    buckets: str = Field(default="", description="S3 buckets to create before the emulator is ready: one,two.")
    ready_dir: Path | None = Field(
        default=None,
        description="Folder of scripts (*.sh, *.py) to run, in order of their names, when the emulator is ready.",
    )

    # which host names and web pages
    hosts: str = Field(
        default="",
        description="More host names to answer to, and S3 buckets below them: one,two. *: all. Others: 421.",
    )
    cors_origins: str = Field(
        default="",
        description="Origins whose pages may call the emulator, besides this machine's: https://a,http://b:3000 or *.",
    )

    # authentication
    auth: Literal["none", "sigv4"] = Field(
        default="none", description="sigv4: refuse requests that are not signed with a known key."
    )
    access_keys: str = Field(
        default="",
        description="Access keys for sigv4, besides those of moto's IAM: id:secret,id:secret. Workers use the first.",
    )
    admin_token: str = Field(
        default="",
        description="Opens /_neo/ and /moto-api/ with sigv4, as `Authorization: Bearer`. Unset: random, and logged.",
    )
    check_roles: bool = Field(
        default=False,
        description="CreateCompilationJob needs a role that exists in moto's IAM and trusts sagemaker.amazonaws.com.",
    )

    # the job engine
    workers: int = Field(
        default=0, ge=0, le=256, description="Number of jobs compiled in parallel. 0: one per CPU core."
    )
    min_run_seconds: float = Field(
        default=0.0, ge=0, description="Keeps a job INPROGRESS at least this long, for tests of StopCompilationJob."
    )
    min_starting_seconds: float = Field(
        default=0.0, ge=0, description="Keeps a job STARTING at least this long; /_neo/pace changes it at run time."
    )
    max_active_jobs: int = Field(
        default=0,
        ge=0,
        description="Maximum number of active jobs per account and region (ResourceLimitExceeded). 0: unlimited.",
    )
    lease_seconds: float = Field(
        default=6.0, gt=0, description="A worker that does not renew its lease for this long loses its job."
    )
    beat_seconds: float = Field(
        default=0.25, gt=0, description="How often a worker renews its lease and checks whether the job was stopped."
    )
    reap_seconds: float = Field(default=0.25, gt=0, description="How often to look for lost and unclaimed jobs.")
    republish_seconds: float = Field(
        default=5.0, gt=0, description="A job unclaimed for this long is announced to the workers again."
    )
    max_attempts: int = Field(
        default=3, ge=1, description="Number of attempts before a job whose worker keeps dying FAILS."
    )
    prefork: bool = Field(default=True, description="Compilers fork from a process that has already loaded TVM.")

    # endpoints
    endpoint_model: Literal["twin", "exact"] = Field(
        default="twin",
        description="An endpoint whose artifact this machine cannot run: twin answers with the same model compiled for "
        "this machine, exact makes the endpoint Failed.",
    )
    min_endpoint_seconds: float = Field(
        default=0.0, ge=0, description="Keeps an endpoint Creating, Updating and Deleting at least that long."
    )

    min_transform_seconds: float = Field(
        default=0.0, ge=0, description="Keeps a transform job InProgress at least that long."
    )

    event_status: Literal["COMPLETED", "Completed"] = Field(
        default="COMPLETED", description="Spelling of CompilationJobStatus in EventBridge events."
    )

    # limits of one job
    max_log_bytes: int = Field(default=1 << 20, gt=0, description="Maximum size of the log kept of one compilation.")
    max_memory_bytes: int = Field(
        default=0, ge=0, description="Maximum memory of one compilation. 0: three quarters of the worker's memory."
    )
    max_cpu_seconds: int = Field(
        default=86_400, gt=0, description="Maximum CPU time of one compilation, summed over its threads."
    )
    max_file_bytes: int = Field(default=8 << 30, gt=0, description="Maximum size of a file that a compilation writes.")
    max_work_bytes: int = Field(default=16 << 30, gt=0, description="Maximum size of one compilation's work folder.")
    max_open_files: int = Field(
        default=4096, ge=64, description="Maximum number of open files per process of a compilation."
    )
    max_processes: int = Field(
        default=256, ge=8, description="Maximum number of simultaneous processes of one compilation."
    )

    sandbox: Literal["auto", "required", "off"] = Field(
        default="auto",
        description="Isolates each compilation: its own folder, no network, no other process. auto: as far as the "
        "kernel supports it, workers log at the start what is missing; required: workers refuse to start where "
        "anything is missing; off: code in a model has all permissions of the worker.",
    )

    task_events: bool = Field(
        default=False, description="Workers send Celery events and accept remote control, for Flower."
    )
    log_level: str = Field(default="INFO", description="Level of the emulator's log.")
    log_format: Literal["text", "json"] = Field(default="text", description="json: one object per line.")
    otel: bool = Field(
        default=False,
        description="Traces Celery with OpenTelemetry (extra `otel`), to the collector at OTEL_EXPORTER_OTLP_ENDPOINT.",
    )

    @model_validator(mode="after")
    def _keys_for_sigv4(self) -> Self:
        if self.auth == "sigv4" and not self.known_keys:
            raise ValueError(
                f"{PREFIX}AUTH=sigv4 needs {PREFIX}ACCESS_KEYS=id:secret: without a key every request would be refused"
            )
        return self

    @property
    def known_keys(self) -> dict[str, str]:
        """Secret access keys by access key ID. Raises ValueError if the setting is not id:secret,..."""
        pairs = [pair.strip().partition(":") for pair in self.access_keys.split(",") if pair.strip()]
        if not all(key and secret for key, _, secret in pairs):
            raise ValueError(f"{PREFIX}ACCESS_KEYS must be id:secret,id:secret,...")
        return {key: secret for key, _, secret in pairs}

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError(f"{PREFIX}TLS_CERT and {PREFIX}TLS_KEY go together")
        return self

    def for_compiler(self) -> Self:
        """These settings for a compiler in its sandbox: without keys, addresses and the folders of other jobs."""
        known = {name: getattr(self, name) for name in COMPILERS_OWN}
        known["dump_ir"] = self.dump_ir and self.dump_ir.absolute()  # compilers work in another folder
        return type(self).model_construct(**known)

    @property
    def bucket_names(self) -> list[str]:
        """Names of the buckets to create at the start."""
        return [name.strip() for name in self.buckets.split(",") if name.strip()]

    @property
    def slots(self) -> int:
        """Number of jobs compiled in parallel, at least 1."""
        return self.workers or os.cpu_count() or 1

    @property
    def store_url(self) -> str:
        """URL of the store. Raises ValueError when no Redis is configured."""
        if not self.redis_url:
            raise ValueError(f"{PREFIX}REDIS_URL is not set")
        return self.redis_url

    @property
    def celery_broker_url(self) -> str:
        """URL of the broker in Celery's own spelling: unix:///a.sock?db=1 becomes redis+socket:///a.sock?virtual_host=0."""
        url = self.broker_url or self.store_url
        parts = urlsplit(url)
        return f"redis+socket://{parts.path}?virtual_host=0" if parts.scheme == "unix" else url


def unknown_names(environ: dict[str, str]) -> list[str]:
    """NEO_EMULATOR_* variables that are not settings, probably misspelt."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    return sorted(name for name in environ if name.upper().startswith(PREFIX) and name.upper() not in known)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process's settings, read once from the environment; logs a warning for each unknown NEO_EMULATOR_* name."""
    for name in unknown_names(dict(os.environ)):
        log.warning("%s is not a setting of neo-emulator and has no effect", name)
    return Settings()
